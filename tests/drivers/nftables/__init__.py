"""Tests of linkbalancer/drivers/nftables."""
