"""Tests of linkbalancer.weights."""
