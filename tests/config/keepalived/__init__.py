"""Tests of `linkbalancer.config.keepalived`."""
