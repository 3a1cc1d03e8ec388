"""What the live view remembers of links, and how it draws it."""

import os
from typing import Any

import pytest

from linkbalancer.cli.watching.samples import MEMORY, Octets, Sample, Samples, device_octets, rate, sparkline


def status(**links: dict[str, Any]) -> dict[str, Any]:
    """Return the part of a status that is looked at."""
    return {"links": {name: {"device": "eth1", "open": True, "rtt_ms": 1.0, **link} for name, link in links.items()}}


def test_rates_are_differences() -> None:
    """The first look has no rate; counters that went back, or a missing device, have none either."""
    samples = Samples()
    for received, sent, now in ((1000, 0, 1.0), (2000, 500, 3.0), (100, 600, 4.0), (200, 600, 5.0)):
        samples.take(status(l1={"loss": 0.5}), {"eth1": Octets(received, sent)}, now)
    samples.take(status(l1={}), {}, 6.0)

    assert list(samples.links["l1"]) == [
        Sample(1.0, 0.5, None, None),
        Sample(1.0, 0.5, 500.0, 250.0),
        Sample(1.0, 0.5, None, None),
        Sample(1.0, 0.5, 100.0, 0.0),
        Sample(1.0, None, None, None),
    ]


def test_gaps_and_links_that_are_gone() -> None:
    """While nobody answers nothing is known, a closed link has no RTT, and a link that is gone is forgotten."""
    samples = Samples()
    samples.take(status(l1={}, l2={"open": False}), {"eth1": Octets(0, 0)}, 1.0)
    samples.gap()
    samples.take(status(l2={}), {"eth1": Octets(9, 9)}, 3.0)

    assert list(samples.links) == ["l2"]
    assert list(samples.links["l2"]) == [Sample(None), Sample(), Sample(1.0)]


def test_memory_is_bounded() -> None:
    """However long it is watched."""
    samples = Samples()
    for turn in range(2 * MEMORY):
        samples.take(status(l1={}), {}, float(turn))
    assert len(samples.links["l1"]) == MEMORY


@pytest.mark.parametrize(
    ("values", "width", "top", "drawn"),
    [
        ([], 3, None, "   "),
        ([0.0, None, 4.0, 8.0], 5, None, " ▁ ▅█"),
        ([1.0, 2.0, 3.0], 2, None, "▆█"),
        ([0.05], 1, 0.1, "▅"),
        ([0.0, 0.0], 2, None, "▁▁"),
    ],
)
def test_sparklines(values: list[float | None], width: int, top: float | None, drawn: str) -> None:
    """From nothing to the greatest, the newest on the right, blanks where nothing was known."""
    assert sparkline(values, width, top) == drawn


@pytest.mark.parametrize(
    ("octets", "text"),
    [
        (None, "-"),
        (0, "0"),
        (100, "800"),
        (1250, "10k"),
        (12_400, "99.2k"),
        (124_900, "999k"),
        (1.25e9, "10G"),
        (1e15, "8e+03T"),
    ],
)
def test_rates_are_short(octets: float | None, text: str) -> None:
    """Bits per second with a unit's letter."""
    assert rate(octets) == text


def test_counters_of_a_process() -> None:
    """The devices are those of the process's namespace; of one that is gone, none are known."""
    assert device_octets(os.getpid())["lo"].received >= 0
    assert device_octets(None).keys() == device_octets(os.getpid()).keys()
    assert device_octets(2**30) == {}
