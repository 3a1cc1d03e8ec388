"""Tests of linkbalancer.health."""
