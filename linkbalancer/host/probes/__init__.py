"""Asking whether a gateway works, one way of asking a file: each by the gateway, from its device, without waiting."""
