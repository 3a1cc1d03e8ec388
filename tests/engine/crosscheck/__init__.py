"""Tests of the cross-check of model and kernel."""
