"""The world of the real host: processes, sockets, files."""
