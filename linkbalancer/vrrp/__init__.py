"""VRRP version 3 for IPv4: codec, timers and the router machine (RFC 9568)."""
