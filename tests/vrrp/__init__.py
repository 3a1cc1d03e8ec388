"""Tests of the VRRP package."""
