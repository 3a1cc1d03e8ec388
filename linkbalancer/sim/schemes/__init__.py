"""The schemes that came before LVrrp (mission S1, S2): kept for comparison, and for nothing else."""
