"""Trackers that are routes: whether a prefix stands in a table, by the way that was asked for."""

from collections.abc import Mapping

from linkbalancer.clock import MILLISECOND, SECOND, Duration, Instant
from linkbalancer.config.trackers import Tracker
from linkbalancer.daemon.checking.tracked import Believed, Changed
from linkbalancer.daemon.loop import Loop
from linkbalancer.host.routes import RouteMonitor, Way

LOOK: Duration = 5 * SECOND
"""How often the tables are read without being told."""

AT_MOST: Duration = 100 * MILLISECOND
"""How often the tables are read when much happens to them."""


class RouteTracker(Believed):
    """One route."""

    def __init__(self, name: str, tracker: Tracker, changed: Changed) -> None:
        super().__init__("route", name, changed, tracker.delays)
        assert tracker.route is not None
        self.key = (tracker.route, tracker.table)
        self._via, self._dev = tracker.via, tracker.dev

    def judge(self, now: Instant, ways: tuple[Way, ...]) -> None:
        """Take in the ways that its prefix has now."""
        fitting = [way for way in ways if self._via in {None, way.gateway} and self._dev in {None, way.device}]
        there = ", ".join(_in_words(way) for way in ways)
        text = f"goes {there}" if ways else "is not there"
        self.see(now, ok=bool(fitting), text=text if fitting or not ways else f"{text}, not as asked for")

    def begin(self, now: Instant) -> None:
        """Watch nothing itself: `Routes` does."""

    def close(self) -> None:
        """Hold nothing."""


class Routes:
    """All routes that are tracked, and their watch."""

    def __init__(self, loop: Loop, trackers: Mapping[str, RouteTracker]) -> None:
        """Watch; raises OSError."""
        self._trackers = trackers
        self._monitor = RouteMonitor({one.key for one in trackers.values()})
        self._looked: Instant = 0
        loop.add(self._monitor, self._read)
        self._turn = loop.every(LOOK, self.begin)

    def begin(self, now: Instant) -> None:
        """See how they are; a table that the kernel does not tell now changes nothing."""
        self._looked = now
        try:
            found = self._monitor.look()
        except OSError:
            return
        for tracker in self._trackers.values():
            tracker.judge(now, found[tracker.key])

    def _read(self, now: Instant) -> None:
        if self._monitor.read():
            self._turn.at = min(self._turn.at, max(now, self._looked + AT_MOST))


def _in_words(way: Way) -> str:
    return f"via {way.gateway} on {way.device}" if way.gateway is not None else f"straight onto {way.device}"
