"""Tests of configurations and rule files: what is read, and every way in which it is refused."""
