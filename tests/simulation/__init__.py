"""`make sim`: histories by the thousand under every scheme, as one table."""
