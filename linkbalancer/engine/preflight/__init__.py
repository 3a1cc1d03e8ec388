"""Preflight: what on this host would break steering or failover, judged from what was observed of it (design 5)."""
