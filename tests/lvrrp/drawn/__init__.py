"""Drawings of docs/protocol.md, made by trying the code: nothing of them is written down a second time."""
