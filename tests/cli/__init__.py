"""Tests of linkbalancer.cli."""
