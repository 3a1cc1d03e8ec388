"""Changing this computer: addresses, neighbours, routes, rules, nftables. Nothing else may."""
