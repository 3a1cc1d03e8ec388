"""Applications, their classifier, and the numbering of marks and tables."""
