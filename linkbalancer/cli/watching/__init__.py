"""The live view: what is asked, what is remembered of it, and how it is drawn."""
