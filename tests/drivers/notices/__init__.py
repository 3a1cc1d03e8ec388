"""Tests of telling others, with real receivers."""
