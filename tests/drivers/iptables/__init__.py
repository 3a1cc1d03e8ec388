"""Tests of the iptables driver."""
