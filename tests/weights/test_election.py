"""Links that are weighed by their load while VIDs carry the load from one to another: elections in a closed loop."""

from collections.abc import Sequence
from dataclasses import dataclass, field

import pytest

from linkbalancer.clock import SECOND
from linkbalancer.links import GroupId
from linkbalancer.weights.bandwidth import AvailableBandwidth
from linkbalancer.weights.expression import Expression
from linkbalancer.weights.function import Function
from linkbalancer.weights.hysteresis import TURNS_MAX
from linkbalancer.weights.news import Mastered, Measured, Opened, Tick
from linkbalancer.weights.settings import WeigherSettings, Weighing
from linkbalancer.weights.spread import Spread
from linkbalancer.weights.weigher import Weigher
from tests.weights.links import metrics

BANDWIDTH = AvailableBandwidth(best=1e8)
HOLD = 10


@dataclass
class Site:
    """Some links with their capacities, some VIDs with their traffic, in Mbit a second; a step is a second."""

    capacities: Sequence[float]
    traffic: Sequence[float]
    spread: Spread = Spread.NONE
    function: Function = BANDWIDTH
    weighers: list[Weigher] = field(init=False)
    masters: list[int] = field(init=False)

    def __post_init__(self) -> None:
        weighing = Weighing(function=self.function, spread=self.spread)
        groups = {GroupId(vid): weighing for vid in range(1, len(self.traffic) + 1)}
        self.weighers = [Weigher(WeigherSettings(f"l{link}", groups)) for link in range(len(self.capacities))]
        self.masters = [0] * len(self.traffic)

    def run(self, seconds: int) -> list[tuple[int, list[int]]]:
        """Return every state of the elections with the second in which it began."""
        history = [(0, list(self.masters))]
        for weigher in self.weighers:
            weigher.handle(0, Opened())
        for second in range(1, seconds):
            self._step(second * SECOND)
            if self.masters != history[-1][1]:
                history.append((second, list(self.masters)))
        return history

    def _step(self, now: int) -> None:
        for link, weigher in enumerate(self.weighers):
            load = sum(self.traffic[vid] for vid, master in enumerate(self.masters) if master == link)
            seen = min(load, self.capacities[link])
            groups = frozenset(GroupId(vid + 1) for vid, master in enumerate(self.masters) if master == link)
            weigher.handle(now, Mastered(groups))
            weigher.handle(now, Measured(metrics(rtt_ms=1, rate=seen * 1e6, capacity=self.capacities[link] * 1e6)))
            weigher.handle(now, Tick())
        for vid, master in enumerate(self.masters):
            priorities = [weigher.wanted[GroupId(vid + 1)][1] for weigher in self.weighers]
            best = max(priorities)
            # Of equals a living Master stays it.
            self.masters[vid] = (
                master if priorities[master] == best else len(priorities) - 1 - priorities[::-1].index(best)
            )


@pytest.mark.thorough
@pytest.mark.parametrize("spread", list(Spread))
@pytest.mark.parametrize(
    ("capacities", "traffic"),
    [
        ((100, 100), (40, 40)),
        ((100, 100), (45, 45)),
        ((100, 100), (95,)),
        ((100, 100), (150,)),
        ((50, 100), (90,)),
        ((100, 100, 100), (60, 60, 60)),
        ((100, 100), (30, 30, 30, 30)),
        ((30, 100), (25, 25, 25)),
    ],
)
def test_traffic_that_fits_comes_to_rest(capacities: Sequence[float], traffic: Sequence[float], spread: Spread) -> None:
    """In few moves, where VIDs can stand so that they fit; and a VID that fits nowhere stays where it is."""
    history = Site(capacities, traffic, spread).run(3600)

    assert len(history) <= 2 * len(traffic) + 2
    assert history[-1][0] < 400


def test_one_vid_goes_to_the_larger_line_and_stays() -> None:
    """Though it is full there too."""
    assert Site((50, 100), (120,)).run(600)[-1][1] == [1]


@pytest.mark.thorough
@pytest.mark.parametrize(
    "function", [BANDWIDTH, Expression("100 * free / 100Mbit")], ids=["available-bandwidth", "expression"]
)
def test_traffic_that_fits_nowhere_comes_to_rest(function: Function) -> None:
    """Three VIDs of 45 on two links of 100: one link is full however they stand. Later each tries again now and then.

    A turn is forgotten after 64 hold times, and an attempt is a move away and one back.
    """
    history = Site((100, 100), (45, 45, 45), function=function).run(7200)
    late = [second for second, _ in history if second > 1800]

    assert len(history) - len(late) < 30
    assert len(late) <= 2 * len((1, 2, 3)) * ((7200 - 1800) // (64 * HOLD) + 1)
    assert any(later - sooner >= 300 for sooner, later in zip([0, *late], late, strict=False)) or not late


def test_two_links_that_are_equally_bad_are_as_good_as_one() -> None:
    """Both are full with the VID and empty without it: it stays on either, and goes and looks every 64 hold times."""
    history = Site((100, 100), (300,), function=Expression("100 * free / 100Mbit")).run(3000)
    moves = [second for second, _ in history]
    first = [second for second in moves if second <= 31 * HOLD]
    assert len(first) <= 2 * (TURNS_MAX + 1)
    away = [back - went for went, back in zip(moves[len(first) :: 2], moves[len(first) + 1 :: 2], strict=True)]
    assert len(away) == (3000 - 31 * HOLD) // (64 * HOLD)
    assert max(away) < 16 * HOLD
