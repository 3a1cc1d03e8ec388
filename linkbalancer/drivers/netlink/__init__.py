"""Netlink, as far as the drivers need it: requests, acknowledgements and dumps on sockets of our own."""
