"""What a packet costs with 1 to 10,000 rules, disjoint and overlapping, of IPv4 and IPv6: ours beside what others do.

All variants of a rule set are measured in one run, turn by turn, on one core: connection tracking alone, one rule of
ours, ours, the same rules one after the other in nft, and the same as iptables-nft with CONNMARK has them. A sample is
the least of a few sends, for what else happens on the machine only ever adds.
"""

import time
from collections.abc import Callable, Sequence
from dataclasses import dataclass, replace
from functools import partial
from pathlib import Path

from linkbalancer.config.rules import parse_rules
from linkbalancer.drivers.nftables import classifying
from linkbalancer.routing.rule import Rule
from tests.benchmarks import iptables
from tests.benchmarks.figures import Figure, Goal
from tests.benchmarks.job import Job, Setting
from tests.benchmarks.steering import FRAMES, SENDER, Frames, Place, place
from tests.drivers.frames import frame
from tests.drivers.nftables.filters import BENCH, as_ipv6, corners
from tests.routing.filtersets import disjoint_set, filter_set

SIZES = (1, 100, 1000, 10_000)
SENDS = 3
_TURN = 5
"""Of so many repetitions one turn of all variants is made."""
_WALKED = 5_000_000
"""About how many rules frames may walk through in one send where rules stand one after the other."""


@dataclass(frozen=True, slots=True)
class Case:
    """A rule set: its name in figures, its rules by a seed, its family, and whether goals are stated for it."""

    name: str
    text: Callable[[int], str]
    family: int = 4
    goals: bool = False

    def rules(self, seed: int) -> tuple[Rule, ...]:
        """Return its rules."""
        text = self.text(seed)
        parsed = parse_rules(as_ipv6(text) if self.family == 6 else text, self.name)
        assert not parsed.errors
        return parsed.ruleset.rules


def cases() -> list[Case]:
    """Return every rule set: generated ones of each size and family, and ClassBench's large ones where at hand."""
    found = []
    for size in SIZES:
        for family in (4, 6):
            last, large = f"ipv{family} {size}-rules", size == SIZES[-1]
            found.append(Case(f"disjoint {last}", partial(disjoint_set, size), family))
            found.append(Case(f"overlapping {last}", partial(filter_set, "firewall", size), family, goals=large))
    found += [Case(path.stem, partial(_kept, path), goals=True) for path in sorted(BENCH.glob("*_10k.conf"))]
    return found


def _kept(path: Path, _seed: int) -> str:
    return path.read_text()


def jobs() -> list[Job]:
    """Return what can be measured: each rule set."""
    names = ("known", "known-iptables", "new", "new-linear", "new-iptables")
    return [
        Job(tuple(f"classify {name} {case.name}" for name in names), _measured(case), alone=True) for case in cases()
    ]


def _measured(case: Case) -> Callable[[Setting], list[Figure]]:
    def run(setting: Setting) -> list[Figure]:
        rules = case.rules(setting.seed)
        absent = iptables.missing(case.family)
        setting.tell(f"classify {case.name}: {len(rules)} rules{f', {absent} is missing' if absent else ''}")
        with place() as here:
            taken = _Turns(here, case, rules, setting.seed).taken(max(1, setting.repeat // _TURN))
        known, new = taken["known"], taken["new"]
        old = "iptables-nft"
        figures = [
            Figure("known", "us", known, taken["alone"], 0.001, Goal(1.15), beside="conntrack alone"),
            Figure("known-iptables", "us", known, taken.get(f"known {old}", ()), 0.001, beside=old),
            Figure("new", "us", new, taken["one"], 0.001, Goal(2.0), beside="1 rule"),
            Figure("new-linear", "us", new, taken["linear"], 0.001, beside="linear nft"),
            Figure("new-iptables", "us", new, taken.get(f"new {old}", ()), 0.001, Goal(1 / 50), beside=old),
        ]
        return [
            replace(figure, name=f"classify {figure.name} {case.name}", goal=figure.goal if case.goals else None)
            for figure in figures
        ]

    return run


class _Turns:
    """The variants of one rule set, measured one after the other."""

    def __init__(self, here: Place, case: Case, rules: Sequence[Rule], seed: int) -> None:
        self._here, self._case, self._rules = here, case, rules
        # Of ICMP in IPv6 connection tracking makes nothing, so its flows are never known.
        tracked = (one for one in corners(rules, FRAMES, seed) if case.family == 4 or one.protocol != 1)
        packets = [frame(one, here.target, SENDER) for one in tracked]
        self._frames, self._few = Frames(packets), Frames(packets[: max(200, _WALKED // len(rules))])
        self._found: dict[str, list[float]] = {}

    def taken(self, turns: int) -> dict[str, tuple[float, ...]]:
        """Return a sample of each variant a turn."""
        for _ in range(turns):
            self._alone()
            self._ours("one", self._rules[:1], self._frames)
            self._linear()
            self._ours("new", self._rules, self._frames)
            self._sample("known", self._frames, known=True)
            if not iptables.missing(self._case.family):
                self._iptables()
        return {name: tuple(samples) for name, samples in self._found.items()}

    def _sample(self, name: str, frames: Frames, *, known: bool) -> None:
        least = min(self._here.cost(frames, known=known) for _ in range(SENDS))
        self._found.setdefault(name, []).append(least)

    def _alone(self) -> None:
        self._here.track()
        self._here.cost(self._frames, known=False)
        self._sample("alone", self._frames, known=True)

    def _ours(self, name: str, rules: Sequence[Rule], frames: Frames) -> None:
        self._here.load(rules)
        self._sample(name, frames, known=False)

    def _linear(self) -> None:
        most = classifying.LINEAR_MAX
        classifying.LINEAR_MAX = len(self._rules)  # type: ignore[misc]  # the same rules, one after the other
        classifying._generation.cache_clear()
        try:
            self._ours("linear", self._rules, self._few)
        finally:
            classifying.LINEAR_MAX = most  # type: ignore[misc]
            classifying._generation.cache_clear()

    def _iptables(self) -> None:
        self._here.clear()
        ids = {name: number for number, name in enumerate(sorted({one.application for one in self._rules}), 2)}
        text = iptables.text(self._rules, ids, self._case.family)
        began = time.perf_counter()
        self._here.here(iptables.PROGRAMS[self._case.family], given=text)
        self._found.setdefault("iptables load", []).append(time.perf_counter() - began)
        self._sample("new iptables-nft", self._few, known=False)
        self._here.cost(self._frames, known=True)
        self._sample("known iptables-nft", self._few, known=True)
