"""Tests of the schemes that came before LVrrp."""
