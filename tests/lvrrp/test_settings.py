"""What a link may be configured to be."""

from typing import Any

import pytest

from linkbalancer.clock import MILLISECOND
from linkbalancer.links import OnProbeLoss, Role
from linkbalancer.lvrrp.settings import ProbeFunction
from tests.lvrrp.pair import settings


def test_defaults_follow_from_the_interval() -> None:
    """The detect time is so many of the longest intervals, and the delay before a reopening is the detect time."""
    made = settings(Role.CONTROLLER, interval_max=300 * MILLISECOND, misses=4)

    assert made.detect == 1200 * MILLISECOND
    assert made.up_delay == made.detect
    assert made.on_probe_loss is OnProbeLoss.STOP


def test_what_is_given_stands() -> None:
    """A detect time and an up delay that are given are taken as they are, zero included."""
    made = settings(Role.CONTROLLED, detect=900 * MILLISECOND, up_delay=0)

    assert (made.detect, made.up_delay) == (900 * MILLISECOND, 0)


@pytest.mark.parametrize(
    ("wrong", "words"),
    [
        ({"name": ""}, "the link name '' must be 1 to 63 printable bytes"),
        ({"node": "b1\n"}, "the node name"),
        ({"name": "x" * 64}, "must be 1 to 63"),
        ({"port": 0}, "port 0 is not within"),
        ({"interval_min": 0}, "at least 1 ms"),
        ({"interval_min": 201 * MILLISECOND}, "not above its upper end"),
        ({"interval_min": 100 * MILLISECOND, "function": ProbeFunction.FIXED}, "is one duration, not a range"),
        ({"function": ProbeFunction.ADAPTIVE, "ceiling": 199 * MILLISECOND}, "the ceiling must not be below"),
        ({"misses": 0, "detect": 600 * MILLISECOND}, "at least one query"),
        ({"detect": 199 * MILLISECOND}, "must not be shorter"),
        ({"up_delay": -2}, "must not be negative"),
    ],
)
def test_nonsense_is_refused_in_a_sentence(wrong: dict[str, Any], words: str) -> None:
    """Every value out of its range is refused, with words for the operator."""
    with pytest.raises(ValueError, match=words):
        settings(Role.CONTROLLER, **wrong)
