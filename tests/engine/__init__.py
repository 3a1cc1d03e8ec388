"""Tests of linkbalancer.engine."""
