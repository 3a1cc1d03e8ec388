"""Tests of the lab: what is pure by itself, the rest in namespaces."""
