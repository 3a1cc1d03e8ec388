"""Tests of what is installed: the Debian package, `make install`, and what both put in place."""
