"""How punctual the agent is, in words and bars."""

from typing import Any

import pytest

from linkbalancer.cli.punctuality import draw, histogram


def test_what_makes_it_punctual() -> None:
    """And how late it was all the same."""
    daemon: dict[str, Any] = {
        "real_time": True,
        "memory_locked": True,
        "memory_why": "",
        "collections": {"count": 12, "worst_us": 402},
        "timer_lateness": {"<128us": 3000, "<256us": 1500, "<2048us": 1, "worst_us": 1210, "total_us": 9},
    }

    assert draw(daemon) == [
        "agent: runs before ordinary programs; memory stays; garbage: 12 times, 402 us at most",
        "timers: 4501 judged, 1.21 ms late at worst",
        "  <   128 us   66.65%  ########################################",
        "  <   256 us   33.33%  ####################",
        "  < 2.048 ms    0.02%  #",
    ]


@pytest.mark.parametrize("lateness", [{}, {"worst_us": 0, "total_us": 0}])
def test_nothing_was_judged(lateness: dict[str, int]) -> None:
    """Then nothing is drawn."""
    assert histogram(lateness) == []


def test_what_the_host_does_not_allow() -> None:
    """Is said; an older agent says nothing of it."""
    (line,) = draw({"real_time": False, "memory_why": "not allowed"})

    assert line.startswith("agent: takes its turn as every program does; memory may be swapped out (not allowed); ")
