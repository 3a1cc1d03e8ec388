"""LVrrp: a whole link is elected, or fails, as one (design 4)."""
