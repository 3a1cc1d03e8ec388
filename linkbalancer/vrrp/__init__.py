"""VRRP versions 2 and 3: codec, timers and the router machine (RFC 9568, RFC 3768)."""
