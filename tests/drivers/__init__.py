"""Tests of linkbalancer/drivers."""
