"""Tests of linkbalancer/host."""
