"""Tests of the application model, the classifier, and the numbers of marks and tables."""
