"""What a process does: machines joined, still without I/O."""
