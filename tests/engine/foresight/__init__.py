"""Tests of what is foretold from configurations alone."""
