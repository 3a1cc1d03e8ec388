"""Tests of linkbalancer/drivers/netlink."""
