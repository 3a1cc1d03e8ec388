"""Which histories are run, and how their figures become lines of a table."""

from collections.abc import Iterator, Mapping
from dataclasses import dataclass
from typing import Any

from linkbalancer.cli.sim import Order, paced
from linkbalancer.sim.histories import Scheme
from linkbalancer.sim.shape import LINKS_MAX, Shape

RUNS = {2: 10_000, 3: 10_000, 8: 2_000, 64: 20}
"""How many histories of so many links are run, where nobody says otherwise; there are as many VIDs as links."""
COMPARED_MAX = 3
"""Up to so many links the older schemes are run beside LVrrp."""

HEADER = (
    "| links | scheme | probes | runs | faults | converged: median, p99, max | in rounds | switches a fault "
    "| crossed | violations | events/s | bare |\n|---|---|---|---|---|---|---|---|---|---|---|---|"
)


@dataclass(frozen=True, slots=True)
class Row:
    """A line of the table: as many VIDs as links, a scheme, how probes are spaced, and how many histories.

    `weighed`: of links that are measured and weighed.
    """

    links: int
    scheme: Scheme
    interval: str
    runs: int
    weighed: bool = False

    def order(self) -> Order:
        """Return what is to be run."""
        return Order(self.scheme, paced(Shape(self.links, self.links), self.interval), weighed=self.weighed)

    def words(self) -> str:
        """Return the options of `linkbalancer sim` for it."""
        weights = " --weights" if self.weighed else ""
        return f"--links {self.links} --vids {self.links} --interval {self.interval}{weights}"

    def line(self, facts: Mapping[str, Any]) -> str:
        """Write the line."""
        cells = (
            self.links,
            f"{self.scheme}, weighed" if self.weighed else self.scheme,
            self.interval,
            f"{facts['runs']:,}",
            f"{facts['faults']:,}",
            f"{_spread(facts['convergence_ms'], '{:,.0f}')} ms",
            _spread(facts["convergence_rounds"], "{:.1f}"),
            f"{facts['switches_per_fault']:.2f}",
            f"{facts['crossed_runs']:,}",
            f"{facts['violations']:,}",
            _thousands(facts["events_per_second"]),
            _thousands(facts["events_per_second_bare"]),
        )
        return f"| {' | '.join(map(str, cells))} |"


def rows(runs: Mapping[int, int]) -> Iterator[Row]:
    """Yield every line, LVrrp at each pace and by weights, the older schemes after it.

    Scheme one's claim is about the difference between its paces.
    """
    for links, count in runs.items():
        yield Row(links, Scheme.LVRRP, "random", count)
        yield Row(links, Scheme.LVRRP, "random", count, weighed=True)
        if links <= COMPARED_MAX:
            yield Row(links, Scheme.LVRRP, "fixed", count)
            yield Row(links, Scheme.LVRRP, "adaptive", count)
            yield Row(links, Scheme.TWO, "random", count)
            yield Row(links, Scheme.ONE, "random", count)
            yield Row(links, Scheme.ONE, "fixed", count)


def counts(text: str) -> dict[int, int]:
    """Read `RUNS`: nothing, one number that no size exceeds, or `LINKS:COUNT` for each size that is wanted.

    Raises:
        ValueError: It is none of these.
    """
    words = text.split()
    if len(words) == 1 and words[0].isdecimal() and int(words[0]):
        return {links: min(count, int(words[0])) for links, count in RUNS.items()}
    found = {}
    for word in words:
        links, colon, count = word.partition(":")
        if not (colon and links.isdecimal() and count.isdecimal() and 1 <= int(links) <= LINKS_MAX and int(count)):
            raise ValueError(f"RUNS is a number, or LINKS:COUNT as in 2:500, separated by blanks, not {word!r}")
        found[int(links)] = int(count)
    return found or RUNS


def _spread(values: Mapping[str, float | None], form: str) -> str:
    return ", ".join("-" if value is None else form.format(value) for value in values.values())


def _thousands(number: int | None) -> str:
    return "-" if number is None else f"{number:,}"
