"""Tests of the preflight's judgement."""
