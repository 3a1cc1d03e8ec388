"""Service levels: how good each link is, on both sides of the LAN, and which levels it does not meet."""
