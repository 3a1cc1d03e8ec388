"""The addresses that hosts' names have: when each is asked for, what answers mean, what is known in between."""
