"""The matrix of interoperability: every combination of what two gateways may be set to, and what may happen to them.

A case is values, one an axis. `every_case()` are all that make sense; `covering()` chooses few of them such that every
pair of values of every two axes occurs in one, by computation: an axis that is added here is covered at once.
"""

from collections.abc import Iterable, Iterator, Sequence
from dataclasses import dataclass, fields
from enum import StrEnum
from itertools import combinations, product

from linkbalancer.clock import MILLISECOND, Duration
from linkbalancer.links import Family


class Maker(StrEnum):
    """Whose program a gateway runs."""

    OURS = "ours"
    THEIRS = "theirs"

    @property
    def other(self) -> "Maker":
        """The other one."""
        return Maker.THEIRS if self is Maker.OURS else Maker.OURS


class Event(StrEnum):
    """What happens to the first gateway, which is Master until then."""

    LEAVE = "leave"
    """It is asked to stop, and starts again."""
    KILL = "kill"
    """Its processes are killed (its kernel still has the virtual IPs), and it starts again."""
    DEATH = "death"
    """The whole gateway dies, and boots again."""
    CARRIER = "carrier"
    """It loses the carrier of its LAN, and gets it back."""
    PARTITION = "partition"
    """The two do not hear each other for a while; the hosts hear both."""
    PRIORITY = "priority"
    """Its priority falls below the other's by a change of its configuration, and rises again."""
    PREEMPT = "preempt"
    """A better gateway starts beside it, leaves, and comes back without leave to preempt."""
    TIE = "tie"
    """Its rival has the same priority and the higher address; then they do not hear each other for a while."""


class Cast(StrEnum):
    """How adverts travel."""

    MULTICAST = "multicast"
    UNICAST = "unicast"


@dataclass(frozen=True, slots=True, kw_only=True)
class Case:
    """One cell: two gateways in one group, the first of them Master, and something happens."""

    event: Event
    version: int
    family: Family
    first: Maker
    cast: Cast
    our_mac: bool
    their_mac: bool
    interval_ms: int
    password: bool

    def __str__(self) -> str:
        words = [self.event, f"v{self.version}", f"ipv{self.family}", f"{self.first}-first", self.cast]
        words += [f"{self.interval_ms}ms"]
        words += [word for word, on in (("our-mac", self.our_mac), ("their-mac", self.their_mac)) if on]
        words += ["password"] if self.password else []
        return " ".join(words)

    @property
    def interval(self) -> Duration:
        """The time between two adverts."""
        return self.interval_ms * MILLISECOND

    def has_mac(self, maker: Maker) -> bool:
        """Whether a gateway uses the virtual MAC."""
        return self.our_mac if maker is Maker.OURS else self.their_mac

    def makes_sense(self) -> bool:
        """Whether VRRP has such a thing: version 2 is IPv4's, counts in seconds, and alone has passwords."""
        if self.version == 2:
            return self.family is Family.IPV4 and self.interval_ms >= 1000
        return not self.password


AXES: dict[str, Sequence[object]] = {
    "event": tuple(Event),
    "version": (2, 3),
    "family": tuple(Family),
    "first": tuple(Maker),
    "cast": tuple(Cast),
    "our_mac": (False, True),
    "their_mac": (False, True),
    "interval_ms": (100, 1000),
    "password": (False, True),
}
assert set(AXES) == {field.name for field in fields(Case)}


def every_case() -> list[Case]:
    """Return the whole matrix."""
    made = (Case(**dict(zip(AXES, values, strict=True))) for values in product(*AXES.values()))  # type: ignore[arg-type]
    return [case for case in made if case.makes_sense()]


def pairs(case: Case) -> Iterator[tuple[str, object, str, object]]:
    """Yield the pairs of values that a case has."""
    for one, other in combinations(AXES, 2):
        yield one, getattr(case, one), other, getattr(case, other)


def covering(cases: Iterable[Case]) -> list[Case]:
    """Return few of the cases that have every pair of values that any of them has; the quick ones where it is equal.

    Greedy: always the case that has most pairs not yet seen for its length. No chance in it, so always the same ones.
    """
    left = {case: set(pairs(case)) for case in cases}
    chosen = []
    while missing := set[tuple[str, object, str, object]]().union(*left.values()):
        best = max(left, key=lambda case: (len(left[case]) / (10_000 + 20 * case.interval_ms), str(case)))
        found = left.pop(best)
        chosen.append(best)
        left = {case: rest for case, had in left.items() if (rest := had - found)}
        assert found & missing, "a step that covers nothing would go on for ever"
    return chosen


def named(cases: Iterable[Case], words: Sequence[str]) -> list[Case]:
    """Return the cases that have all of some words in their names; a word that begins with `-` must not be there."""
    wanted = {word for word in words if not word.startswith("-")}
    unwanted = {word[1:] for word in words if word.startswith("-")}
    return [case for case in cases if wanted <= set(str(case).split()) and not unwanted & set(str(case).split())]
