"""One module a decoder."""
