"""The documents' commands, run."""
