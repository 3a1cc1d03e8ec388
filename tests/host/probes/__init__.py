"""Tests of linkbalancer.host.probes."""
