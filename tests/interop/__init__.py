"""The real daemon among programs of other makers, on real packets."""
