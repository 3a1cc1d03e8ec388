"""Which service levels each link breaks that packets of this gateway may take: its own, and those of its neighbours.

What both ends of an own link know is told to the LAN, so that all gateways judge a link by the same figures. What
neighbours tell is not signed, as VRRP beside it is not; it is only listened to where rules ask for a service level.
"""

from collections.abc import Iterable, Iterator, Mapping
from dataclasses import dataclass
from typing import Any, Final, NamedTuple

from linkbalancer.clock import SECOND, Duration, Instant, earliest, is_due
from linkbalancer.engine.assurance import tidings
from linkbalancer.engine.assurance.compliance import Compliance
from linkbalancer.engine.assurance.figures import NOTHING, Figures, Steady
from linkbalancer.engine.assurance.tidings import Tiding
from linkbalancer.links import DeviceName, LinkName, Vid
from linkbalancer.routing.servicelevel import ServiceLevel
from linkbalancer.weights.metrics import Metrics

SILENT: Final[Duration] = 10 * SECOND
"""After so long what a neighbour said of a link counts no more."""

WAYS_MAX: Final = 256
"""Links of neighbours that are judged; one more is let be."""

Broken = tuple[tuple[str, str], ...]
"""Levels that a link breaks, as a rule file writes them, and what breaks each."""


class Way(NamedTuple):
    """A link as a gateway knows it: its own by the name alone, a neighbour's by where that one is heard besides."""

    link: LinkName
    device: DeviceName = ""
    source: str = ""


@dataclass(slots=True)
class _Course:
    """A link, what was last known of it and when, and one machine a level."""

    machines: dict[str, Compliance]
    figures: Figures = NOTHING
    vids: frozenset[Vid] = frozenset()
    at: Instant = 0


class Ledger:
    """The links of a gateway and of those beside it, under the service levels that its rules name.

    Args:
        levels: those of the rules; where there are none nothing is done.
        links: the VIDs of each own link.
    """

    def __init__(self, levels: Iterable[ServiceLevel], links: Mapping[LinkName, frozenset[Vid]]) -> None:
        self._levels = {str(level): level for level in levels}
        self._own = {name: Steady() for name in links} if self._levels else {}
        self._courses = {Way(name): self._course(vids) for name, vids in links.items()} if self._levels else {}

    def __bool__(self) -> bool:
        """Tell whether there is any level to meet."""
        return bool(self._levels)

    # -- what happens: each returns whether a verdict changed ----------------------------------------------------------

    def measured(self, now: Instant, name: LinkName, here: Metrics, peer: Metrics | None) -> bool:
        """Take in what both ends know of an own link that is open."""
        if name not in self._own:
            return False
        self._own[name].take(now, here, peer)
        return self._judge(now, self._courses[Way(name)], self._own[name].figures)

    def closed(self, now: Instant, name: LinkName) -> None:
        """Take in that an own link closed: what is known of it is history."""
        if name in self._own:
            self._own[name].forget()
            self._judge(now, self._courses[Way(name)], NOTHING)

    def hear(self, now: Instant, device: DeviceName, source: str, elements: bytes) -> bool:
        """Take in what a neighbour tells of its links; what cannot be understood says nothing."""
        if not self._levels:
            return False
        try:
            found = list(tidings.read(elements))
        except ValueError:
            return False
        changed = [self._heard(now, Way(one.link, device, source), one) for one in found]
        return any(changed)

    def tick(self, now: Instant) -> bool:
        """Let time pass: what has waited comes into force, and who has fallen silent is known no more."""
        changed = False
        for way, course in list(self._courses.items()):
            figures = None
            if way.device and now >= course.at + SILENT and course.figures != NOTHING:
                figures = course.figures = NOTHING
            changed |= self._judge(now, course, figures)
            if way.device and now >= course.at + SILENT and not any(one.broken for one in course.machines.values()):
                del self._courses[way]
        return changed

    def deadline(self) -> Instant | None:
        """Return when something comes into force or is forgotten by time alone."""
        silent = (course.at + SILENT for way, course in self._courses.items() if way.device and _is_lively(course))
        waiting = (one.deadline() for course in self._courses.values() for one in course.machines.values())
        return earliest(*silent, *waiting)

    # -- what comes of it ----------------------------------------------------------------------------------------------

    def of_own(self, link: LinkName) -> Broken:
        """Return what an own link breaks."""
        return _broken(self._courses.get(Way(link)))

    def of_neighbour(self, device: DeviceName, source: str, vid: Vid) -> Broken:
        """Return what the link breaks over which a neighbour carries a VID; nothing where it has told of none."""
        for way, course in self._courses.items():
            if way.device == device and way.source == source and vid in course.vids:
                return _broken(course)
        return ()

    def pages(self) -> list[bytes]:
        """Return what the LAN is to be told, in one or several datagrams."""
        own = ((name, steady.figures, self._courses[Way(name)].vids) for name, steady in sorted(self._own.items()))
        return tidings.pages(Tiding(*one) for one in own)

    def describe(self) -> list[dict[str, Any]]:
        """Return each link's figures and what it breaks, JSON-able."""
        return [
            {
                "link": way.link,
                "of": way.source or None,
                "device": way.device or None,
                "loss": None if course.figures.loss is None else round(course.figures.loss, 6),
                "rtt_ms": _milliseconds(course.figures.rtt),
                "jitter_ms": _milliseconds(course.figures.jitter),
                "breaks": {words: one.broken for words, one in course.machines.items() if one.broken},
            }
            for way, course in sorted(self._courses.items(), key=lambda item: item[0])
        ]

    # -- who goes on ---------------------------------------------------------------------------------------------------

    def snapshot(self) -> list[list[Any]]:
        """Return what a successor goes on with, JSON-able."""
        return [
            [*way, sorted(course.vids), {words: one.snapshot() for words, one in course.machines.items()}]
            for way, course in self._courses.items()
        ]

    def recall(self, now: Instant, left: object) -> None:
        """Go on from what a predecessor left; what makes no sense is nothing."""
        for one in left if isinstance(left, list) and self._levels else ():
            match one:
                case [str(link), str(device), str(source), [*vids], dict(machines)]:
                    course = self._find(Way(link, device, source))
                    if course is None:
                        continue
                    if device:
                        course.vids, course.at = frozenset(vid for vid in vids if isinstance(vid, int)), now
                    for words in machines.keys() & course.machines.keys():
                        course.machines[words].restore(machines[words])
                    self._judge(now, course, NOTHING)  # what nobody measures any more is met again some time
                case _:
                    pass

    # ------------------------------------------------------------------------------------------------------------------

    def _course(self, vids: frozenset[Vid] = frozenset()) -> _Course:
        return _Course({words: Compliance(level) for words, level in self._levels.items()}, vids=vids)

    def _find(self, way: Way) -> _Course | None:
        """Return a link that is known, or a neighbour's that is new; None where there is no room, or no such link."""
        if way not in self._courses and way.device and len(self._courses) < WAYS_MAX + len(self._own):
            self._courses[way] = self._course()
        return self._courses.get(way)

    def _heard(self, now: Instant, way: Way, tiding: Tiding) -> bool:
        course = self._find(way)
        if course is None:
            return False
        moved = course.vids != tiding.vids
        course.vids, course.at = tiding.vids, now
        return self._judge(now, course, tiding.figures) or moved

    def _judge(self, now: Instant, course: _Course, figures: Figures | None) -> bool:
        """Hand figures to each machine, or none to those whose time has come."""
        if figures is not None:
            course.figures = figures
        due = [one for one in course.machines.values() if figures is not None or is_due(now, one.deadline())]
        changed = [one.handle(now, figures) for one in due]
        return any(changed)


def _is_lively(course: _Course) -> bool:
    """Tell whether something is known of a neighbour's link that its silence will end."""
    return course.figures != NOTHING or not any(one.broken for one in course.machines.values())


def _broken(course: _Course | None) -> Broken:
    machines = {} if course is None else course.machines
    return tuple((words, one.broken) for words, one in sorted(machines.items()) if one.broken)


def _milliseconds(duration: Duration | None) -> float | None:
    return None if duration is None else round(duration / 1_000_000, 3)


def levels_of(named: Iterable[ServiceLevel | None]) -> Iterator[ServiceLevel]:
    """Yield each level once that applications name."""
    yield from dict.fromkeys(level for level in named if level is not None)
