"""Text of configuration and rule files into frozen values, or every error with its place."""
