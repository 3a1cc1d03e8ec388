"""The cross-check: what the model says of one flow beside what the kernel really does with it (design 8)."""
