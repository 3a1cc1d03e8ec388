"""Every single and double failure of a site, those that come to the same together."""

from collections.abc import Callable, Hashable, Iterable
from dataclasses import dataclass

from linkbalancer.engine.foresight.failure import Failure, Failures, Kind, failures, pairs
from linkbalancer.engine.foresight.outcome import Fate, Oracle, Outcome
from linkbalancer.engine.foresight.site import Site


@dataclass(frozen=True, eq=False)
class Alike:
    """Failures that come to the same; `outcome` is that of the first."""

    failures: tuple[Failures, ...]
    outcome: Outcome


@dataclass(frozen=True)
class Survey:
    """What every failure, and every two of them, come to; and all links dead at once (`dark`), where there are any."""

    oracle: Oracle
    singles: tuple[Outcome, ...]
    doubles: tuple[Outcome, ...]
    dark: Outcome | None = None

    @property
    def site(self) -> Site:
        """Where they happen."""
        return self.oracle.site

    @property
    def outcomes(self) -> tuple[Outcome, ...]:
        """All of them, and what there is without a failure."""
        return (self.oracle.healthy, *self.singles, *self.doubles)

    def badness(self, outcome: Outcome) -> tuple[int, ...]:
        """Return how bad an outcome is, to be compared: first by who has nowhere to go."""
        fates = [self.oracle.fate(outcome, app) for app in self.site.applications]
        return (
            *(fates.count(fate) for fate in (Fate.NOWHERE, Fate.UNKNOWN)),
            len(outcome.unanswered()),
            len(outcome.refused_ipv6()),
            fates.count(Fate.MOVES),
        )

    def merged(self, outcomes: Iterable[Outcome]) -> list[Alike]:
        """Return outcomes that are the same as one, the worst first."""
        found = _together(outcomes, Outcome.facts)
        alike = [Alike(tuple(one.failed for one in some), some[0]) for some in found]
        return sorted(alike, key=lambda one: self.badness(one.outcome), reverse=True)

    def stranded(self, accepted: Iterable[Failure] = ()) -> list[Outcome]:
        """Return no failure and the single ones that leave an application without a known place to go."""
        known = {(one,) for one in accepted}
        every = (self.oracle.healthy, *self.singles)
        return [one for one in every if one.failed not in known and any(self.badness(one)[:2])]

    def losses(self, outcome: Outcome) -> frozenset[str]:
        """Return the applications that have nowhere to go, or of which it is not known."""
        places = outcome.places
        return frozenset(app for app in places if self.oracle.fate(outcome, app) >= Fate.UNKNOWN)

    def together(self) -> list[tuple[frozenset[str], tuple[Failures, ...]]]:
        """Return the pairs that take away more than their parts do alone, by what they take; the most first."""
        alone = {one.failed[0]: self.losses(one) for one in self.singles}
        found: dict[frozenset[str], list[Failures]] = {}
        for one in self.doubles:
            first, second = one.failed
            lost = self.losses(one) - alone[first] - alone[second] - self.losses(self.oracle.healthy)
            if lost:
                found.setdefault(lost, []).append(one.failed)
        return sorted(((lost, tuple(some)) for lost, some in found.items()), key=lambda one: -len(one[0]))


def survey(site: Site) -> Survey:
    """Look at every single and double failure."""
    oracle = Oracle(site)
    singles = tuple(oracle.outcome((one,)) for one in failures(site))
    links = tuple(Failure(Kind.LINK, link) for link in site.ends)
    dark = oracle.outcome(links) if links else None
    return Survey(oracle, singles, tuple(oracle.outcome(both) for both in pairs(site)), dark)


def _together(outcomes: Iterable[Outcome], key: Callable[[Outcome], Hashable]) -> list[list[Outcome]]:
    found: dict[Hashable, list[Outcome]] = {}
    for one in outcomes:
        found.setdefault(key(one), []).append(one)
    return list(found.values())
