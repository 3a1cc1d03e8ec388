"""Tests of linkbalancer.daemon.checking."""
