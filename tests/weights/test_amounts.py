"""Tests of amounts in words."""

import pytest

from linkbalancer.weights.amounts import rate_in_words, share_in_words, time_in_words, volume_in_words


@pytest.mark.parametrize(
    ("rate", "words"),
    [(0, "0 bit/s"), (999, "999 bit/s"), (1500, "1.5 kbit/s"), (1e8, "100 Mbit/s"), (25e12, "25 Tbit/s")],
)
def test_rates(rate: float, words: str) -> None:
    """The largest unit that leaves 1 or more."""
    assert rate_in_words(rate) == words


def test_the_others() -> None:
    """Volumes are decimal, as providers sell them."""
    assert volume_in_words(5e10) == "50 GB"
    assert volume_in_words(0.5) == "0.5 B"
    assert share_in_words(0.0123) == "1.23 %"
    assert time_in_words(31_200_000) == "31.2 ms"
