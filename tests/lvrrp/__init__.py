"""Tests of LVrrp: codec, keys, sessions, detection, rules, and two ends joined by a wire."""
