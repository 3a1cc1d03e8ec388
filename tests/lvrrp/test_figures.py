"""Figures on the wire: rounded, cut to what a field holds, and never guessed."""

from math import inf, nan

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from linkbalancer.clock import MICROSECOND
from linkbalancer.links import Family, GroupId
from linkbalancer.lvrrp import figures, tlv
from linkbalancer.lvrrp.figures import Adjustment, LinkWeight
from linkbalancer.weights.metrics import Lane, Metrics

MOST = figures.UNKNOWN - 1
GROUP = GroupId(7, Family.IPV6)


def counted(most: int, scale: float) -> st.SearchStrategy[float | None]:
    """Return figures that a field holds exactly."""
    return st.none() | st.integers(0, most).map(lambda value: value * scale)


LANES = st.builds(
    Lane,
    rate=counted(MOST, 1000),
    capacity=counted(MOST, 1000),
    loss=counted(10**6, 1e-6),
    backlog=counted(MOST, 1),
    drops=counted(MOST, 1e-3),
)
TIMES = st.none() | st.integers(0, MOST).map(lambda value: value * MICROSECOND)
METRICS = st.builds(Metrics, outward=LANES, inward=LANES, loss=counted(10**6, 1e-6), rtt=TIMES, jitter=TIMES)
GROUPS = st.builds(GroupId, st.integers(1, 255), st.sampled_from(Family))


def near(one: float | None, other: float | None) -> bool:
    """Tell whether two figures are the same, but for the last digits of floating point."""
    return one is other if one is None or other is None else one == pytest.approx(other)


@settings(max_examples=80)
@given(METRICS)
def test_metrics_come_back(metrics: Metrics) -> None:
    """Every figure in its place, and what is not known stays so."""
    read = figures.decode_metrics(figures.encode_metrics(metrics))

    for before, after in ((metrics.outward, read.outward), (metrics.inward, read.inward)):
        assert near(before.rate, after.rate)
        assert near(before.capacity, after.capacity)
        assert near(before.loss, after.loss)
        assert near(before.backlog, after.backlog)
        assert near(before.drops, after.drops)
    assert near(metrics.loss, read.loss)
    assert (read.rtt, read.jitter) == (metrics.rtt, metrics.jitter)


def test_the_places_are_as_documented() -> None:
    """Twelve figures of four bytes, each in its unit."""
    out, inward = (Lane(rate=base + 1e3, capacity=base + 2e3, loss=3e-6, backlog=4, drops=5e-3) for base in (0, 1e6))
    metrics = Metrics(outward=out, inward=inward, loss=6e-6, rtt=7 * MICROSECOND, jitter=None, masters=(GROUP,))

    value = figures.encode_metrics(metrics)
    read = [int.from_bytes(value[start : start + 4], "big") for start in range(0, len(value), 4)]
    assert read == [1, 2, 3, 4, 5, 1001, 1002, 3, 4, 5, 6, 7, 0xFFFF_FFFF]
    assert figures.decode_metrics(value + b"more").masters == ()


@pytest.mark.parametrize(
    ("rate", "read"),
    [(-5.0, 0.0), (inf, MOST * 1000.0), (1e30, MOST * 1000.0), (nan, None), (None, None), (1499.0, 1e3)],
)
def test_what_does_not_fit_is_cut(rate: float | None, read: float | None) -> None:
    """The most stands for more, nothing for less, and no number is no knowledge."""
    assert figures.decode_metrics(figures.encode_metrics(Metrics(outward=Lane(rate=rate)))).outward.rate == read


def test_a_share_beyond_all_is_not_known() -> None:
    """Whoever wrote it is broken, and that costs the figure alone."""
    value = figures.encode_metrics(Metrics(outward=Lane(loss=1.0), loss=1.0))
    one = (10**6).to_bytes(4, "big")
    broken = figures.decode_metrics(value.replace(one, (10**6 + 1).to_bytes(4, "big")))

    assert (broken.outward.loss, broken.loss) == (None, None)


@settings(max_examples=80)
@given(GROUPS, st.none() | st.integers(-(2**50), 2**50).map(lambda value: value / 1000))
def test_a_weight_comes_back(group: GroupId, weight: float | None) -> None:
    """Thousandths, of either sign."""
    assert figures.decode_weight(figures.encode_weight(LinkWeight(group, weight)) + b"more") == [(group, weight)]


@pytest.mark.parametrize(("weight", "read"), [(inf, 2.0**63 / 1000), (-1e300, -(2.0**63) / 1000), (nan, None)])
def test_a_weight_that_does_not_fit_is_cut(weight: float, read: float | None) -> None:
    """And the least is not taken for none at all."""
    assert figures.decode_weight(figures.encode_weight(LinkWeight(GROUP, weight))) == [(GROUP, read)]


@settings(max_examples=50)
@given(GROUPS, st.integers(0, 255), st.integers(0, 2**32 - 1))
def test_an_adjustment_comes_back(group: GroupId, priority: int, generation: int) -> None:
    """Any priority: who obeys judges it."""
    one = Adjustment(group, priority, generation)

    assert figures.decode_adjustment(figures.encode_adjustment(one) + b"more") == [one]


def test_a_later_familys_groups_are_skipped() -> None:
    """As its words are."""
    assert figures.decode_weight(bytes([1, 17]) + bytes(8)) == []
    assert figures.decode_adjustment(bytes([1, 17]) + bytes(5)) == []


def test_the_elements_of_a_body() -> None:
    """All of them go there and back beside each other."""
    body = tlv.Body(
        "b1",
        "l1",
        metrics=Metrics(rtt=5 * MICROSECOND),
        weights=(LinkWeight(GROUP, 37.5), LinkWeight(GroupId(1), None)),
        adjustments=(Adjustment(GROUP, 120, 9),),
    )

    assert tlv.decode(tlv.encode(body)) == body
