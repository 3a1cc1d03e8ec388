"""Tests of linkbalancer.feed."""
