"""Tests of flight recording."""
