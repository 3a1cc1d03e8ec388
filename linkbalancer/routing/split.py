"""A live split beside the wanted one: what is counted, and whether chance explains the difference.

What is dealt out is counted, not what it carries: flows where each goes by itself, sources or pairs where they stay
together. A chi-squared test says how often a fair deal would come out so uneven or worse.
"""

import math
from collections import Counter
from collections.abc import Callable, Collection, Iterable, Mapping
from dataclasses import dataclass
from enum import StrEnum
from fractions import Fraction
from typing import Final, NamedTuple

from linkbalancer.links import Vid
from linkbalancer.routing.balance import SLOTS, Pool, owner, slots_of
from linkbalancer.routing.packet import Packet
from linkbalancer.routing.slot import key_of, slot_of

UNLIKELY: Final = 0.001
"""A split that a fair deal makes less often than this is off."""

EXPECTED_MIN: Final = 5
"""So many must be expected of each VID; with less the test says nothing."""


class Entry(NamedTuple):
    """A flow as connection tracking knows it: the VID that it took last, and its packets in both directions."""

    vid: Vid
    packet: Packet
    answer: Packet


class Result(StrEnum):
    """What a split is."""

    EVEN = "as wanted"
    OFF = "off"
    FEW = "too few to tell"


@dataclass(frozen=True, slots=True)
class Split:
    """A pool's flows by VID.

    Args:
        wanted: the share of each VID that works.
        units: how many of what is dealt out each VID has: flows, sources, or pairs; those of no share too.
        flows: how many flows there are.
        astray: those that are not where their slot says.
        chance: how often a fair deal comes out so or worse; None where there are too few.
        anew: the same if all were dealt anew.
    """

    wanted: Mapping[Vid, Fraction]
    units: Mapping[Vid, int]
    flows: int
    astray: int
    chance: float | None
    anew: float | None

    @property
    def result(self) -> Result:
        """What it comes to."""
        if self.outside:
            return Result.OFF
        if self.chance is None:
            return Result.FEW
        return Result.OFF if self.chance < UNLIKELY else Result.EVEN

    @property
    def outside(self) -> int:
        """How many are on VIDs that have no share, such as do not work."""
        return sum(count for vid, count in self.units.items() if vid not in self.wanted)

    @property
    def needed(self) -> int:
        """How many must be there for the test to say anything; 0 where nothing works."""
        return math.ceil(EXPECTED_MIN / min(self.wanted.values())) if self.wanted else 0


def split(
    pool: Pool, working: Collection[Vid], entries: Iterable[Entry], from_near: Callable[[Packet], bool] = lambda _: True
) -> Split:
    """Return how a pool's flows are split; `from_near` tells of a flow's first packet whether the near side sent it."""
    wanted = {vid: Fraction(count, SLOTS) for vid, count in slots_of(pool.step, working).items() if count}
    placed: set[tuple[bytes, Vid]] = set()
    dues: dict[bytes, Vid | None] = {}
    flows = astray = 0
    for entry in entries:
        packet = entry.packet if from_near(entry.packet) else entry.answer
        due = owner(pool.step, slot_of(packet, pool.sticky), working)
        key = key_of(packet, pool.sticky)
        flows, astray = flows + 1, astray + (due != entry.vid)
        placed.add((key, entry.vid))
        dues[key] = due
    units = Counter(vid for _key, vid in placed)
    dealt = Counter(due for due in dues.values() if due is not None)
    return Split(wanted, units, flows, astray, fairness(wanted, units), fairness(wanted, dealt))


def fairness(wanted: Mapping[Vid, Fraction], counts: Mapping[Vid, int]) -> float | None:
    """Return how often a fair deal of as many comes out as uneven or more so; None where they are too few to say."""
    whole = sum(counts.get(vid, 0) for vid in wanted)
    if not wanted or whole * min(wanted.values()) < EXPECTED_MIN:
        return None
    statistic = sum(float((counts.get(vid, 0) - whole * share) ** 2 / (whole * share)) for vid, share in wanted.items())
    return chi_squared_tail(statistic, len(wanted) - 1)


def chi_squared_tail(statistic: float, degrees: int) -> float:
    """Return how likely a chi-squared variable of so many degrees of freedom is as large or larger; 1 for none."""
    if degrees == 0:
        return 1.0
    half = statistic / 2
    if degrees % 2:
        tail, term, at = math.erfc(math.sqrt(half)), 2 * math.sqrt(half / math.pi) * math.exp(-half), 3
    else:
        tail, term, at = math.exp(-half), half * math.exp(-half), 4
    while at <= degrees:
        tail += term
        term *= statistic / at
        at += 2
    return tail
