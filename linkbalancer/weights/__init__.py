"""How good a link is: what is measured of it, and the functions that make one weight of that (mission L5, L6)."""
