"""The world of virtual time: one seed, one event heap, the daemon's own engines."""
