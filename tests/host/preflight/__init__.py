"""Tests of what the preflight looks at."""
