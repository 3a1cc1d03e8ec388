"""The links of a controller on the scales: what is known of each in, the priorities that its far end should have out.

What happens is noted while an event is handled, and weighed once at its end: several things that happen at once are one
change of weight.
"""

from collections.abc import Iterable, Mapping
from dataclasses import dataclass, field
from typing import Any

from linkbalancer.clock import Instant, earliest, is_due
from linkbalancer.engine.effects import Record
from linkbalancer.engine.troubles import Troubles
from linkbalancer.health.report import Report, Reports
from linkbalancer.links import GroupId, GroupState, LinkName
from linkbalancer.lvrrp import events as lvrrp
from linkbalancer.lvrrp.link import Link
from linkbalancer.weights.metrics import Metrics
from linkbalancer.weights.news import Advised, Checked, Clocked, Closed, Mastered, Measured, News, Opened, Tick
from linkbalancer.weights.question import Question, Reply
from linkbalancer.weights.settings import WeigherSettings
from linkbalancer.weights.wall import Wall
from linkbalancer.weights.weigher import Weigher


@dataclass(frozen=True, slots=True)
class MinuteBegan:
    """The local wall clock, told at the start and every minute: prices and data caps go by it."""

    wall: Wall


Wanted = tuple[tuple[GroupId, int, float], ...]


@dataclass(slots=True)
class _Pan:
    """One link: its weigher, and what it was not told yet."""

    weigher: Weigher
    masters: frozenset[GroupId] = frozenset()
    news: list[News] = field(default_factory=list)


class Scales:
    """The weighers of all links that are weighed: one whose VIDs are all `static` wants nothing of its far end."""

    def __init__(self, settings: Iterable[WeigherSettings]) -> None:
        self._pans = {one.link: _Pan(Weigher(one)) for one in settings if one.groups}
        self._given_up: set[LinkName] = set()
        self._troubles = Troubles()

    def __bool__(self) -> bool:
        """Tell whether any link is weighed."""
        return bool(self._pans)

    # -- what happens --------------------------------------------------------------------------------------------------

    def turned(self, name: LinkName, effect: lvrrp.Opened | lvrrp.Closed) -> None:
        """Note that a link opened or closed; one that closed has nobody mastering it."""
        if isinstance(effect, lvrrp.Opened):
            self._note(name, Opened())
        elif name in self._pans:
            self._pans[name].masters = frozenset()
            self._note(name, Closed(planned=effect.planned))

    def peer_spoke(self, name: LinkName, link: Link) -> None:
        """Note whose Master the far end is."""
        pan = self._pans.get(name)
        if pan is None:
            return
        masters = frozenset(word.id for word in link.peer.words() if word.state is GroupState.MASTER)
        if masters != pan.masters:
            pan.masters = masters
            pan.news.append(Mastered(masters))

    def measured(self, name: LinkName, metrics: Metrics) -> None:
        """Note what both ends know of a link."""
        self._note(name, Measured(metrics))

    def checked(self, believed: Reports) -> None:
        """Note which checks are up."""
        shares = {name: _share(report) for name, report in believed.trackers.items()}
        shares |= {f"VID {vid}": _share(report) for vid, report in believed.gateways.items()}
        for name in self._pans:
            self._note(name, Checked(shares))

    def minute_began(self, event: MinuteBegan) -> None:
        """Note what time it is."""
        for name in self._pans:
            self._note(name, Clocked(event.wall))

    def answered(self, now: Instant, replies: Iterable[Reply]) -> list[Record]:
        """Note what plug-ins have answered; return what is to be said of those of which nothing can be had."""
        ours = [reply for reply in replies if reply.link in self._pans]
        for name in dict.fromkeys(reply.link for reply in ours):
            self._note(name, Advised(tuple(reply for reply in ours if reply.link == name)))
        return self._troubles.take(now, ours)

    def _note(self, name: LinkName, news: News) -> None:
        if name in self._pans:
            self._pans[name].news.append(news)

    # -- what comes of it ----------------------------------------------------------------------------------------------

    def weigh(self, now: Instant) -> tuple[list[tuple[LinkName, Wanted]], list[Record]]:
        """Return what is wanted of far ends, where that has changed, and what is worth a record."""
        wanted: list[tuple[LinkName, Wanted]] = []
        records: list[Record] = []
        for name, pan in self._pans.items():
            if is_due(now, pan.weigher.deadline()):
                pan.news.append(Tick())
            if not pan.news:
                continue
            before = pan.weigher.wanted
            told = [answer for one in pan.news for answer in pan.weigher.handle(now, one)]
            pan.news.clear()
            if told:
                wanted.append((name, told[-1].wanted))
                records += _records(now, name, pan.weigher, before)
        return wanted, records

    def questions(self, now: Instant) -> tuple[Question, ...]:
        """Return what plug-ins are to be asked now."""
        return tuple(one for pan in self._pans.values() for one in pan.weigher.questions(now))

    def deadline(self) -> Instant | None:
        """Return when something comes into force that was put off."""
        return earliest(*(pan.weigher.deadline() for pan in self._pans.values()))

    # -- who asks ------------------------------------------------------------------------------------------------------

    def describe(self, now: Instant, name: LinkName) -> list[dict[str, Any]]:
        """Return of what each weight of a link is made, JSON-able."""
        pan = self._pans.get(name)
        return [] if pan is None else [one.to_json() for one in pan.weigher.explain(now)]

    def snapshot(self) -> dict[str, Any]:
        """Return what a successor goes on with, JSON-able."""
        return {name: pan.weigher.snapshot() for name, pan in self._pans.items()}

    def recall(self, now: Instant, left: object) -> None:
        """Go on from what a predecessor left; what makes no sense is nothing."""
        found = left if isinstance(left, Mapping) else {}
        self._given_up = found.keys() - self._pans.keys()
        for name, pan in self._pans.items():
            one = found.get(name)
            if isinstance(one, Mapping):
                pan.weigher.restore(now, one)
                pan.masters = pan.weigher.masters  # who is Master no more must be news to it

    def carried(self) -> dict[LinkName, Any]:
        """Return what was carried over each link in the months that caps go by, JSON-able."""
        return {name: months for name, pan in self._pans.items() if (months := pan.weigher.carried)}

    def carry(self, found: object) -> None:
        """Go on counting from what `carried` returned before a reboot, where no predecessor knows better."""
        for name, months in found.items() if isinstance(found, Mapping) else ():
            if name in self._pans:
                self._pans[name].weigher.carry(months)

    def first(self, name: LinkName) -> Wanted | None:
        """Return what a starting agent wants of a far end: what its predecessor did, as far as it still weighs it.

        None: it has never been weighed, and is told nothing.
        """
        pan = self._pans.get(name)
        if pan is None:
            return () if name in self._given_up else None
        return tuple((group, priority, weight) for group, (weight, priority) in pan.weigher.wanted.items())


def _share(report: Report) -> float | None:
    return None if report.ok is None else float(report.ok)


def _records(
    now: Instant, name: LinkName, weigher: Weigher, before: Mapping[GroupId, tuple[float, int]]
) -> Iterable[Record]:
    """Tell which priorities of the far end are wanted otherwise, and why."""
    why = {one.group: one.in_words() for one in weigher.explain(now)}
    for group, (_, priority) in sorted(weigher.wanted.items()):
        was = before.get(group)
        if was is None or was[1] != priority:
            fields = (("link", name), ("vid", group.vid), ("family", int(group.family)))
            yield Record("weight", f"link {name}", f"VID {group}: {why[group]}", fields)
