"""Telling others what happened: one file for each way, each a try that ends with an outcome."""
