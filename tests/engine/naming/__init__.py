"""Tests of what names' addresses are known by."""
