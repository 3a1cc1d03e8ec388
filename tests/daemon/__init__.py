"""Tests of the daemon's world: real processes, real sockets."""
