"""Far ends over IPv6: whether each answers an echo, asked on the device of its way."""

from linkbalancer.clock import Instant, is_due
from linkbalancer.config.farends import FarEnd
from linkbalancer.daemon.checking.gateways import Asked
from linkbalancer.daemon.checking.tracked import Changed
from linkbalancer.daemon.loop import Loop
from linkbalancer.health.check import Tick
from linkbalancer.health.report import Report
from linkbalancer.host.probes.echo6 import Echo6Probe


class FarEndWatch:
    """One far end; while it has never answered nothing is known of it: perhaps it answers no echoes at all."""

    def __init__(self, name: str, end: FarEnd, loop: Loop, changed: Changed) -> None:
        self.name, self._kind, self._changed = name, end.kind, changed
        self._probe = Echo6Probe(end.twin.device, end.twin.gateway6)
        self._asked = Asked(end.kind, self._probe, end.schedule, loop, self._told)
        self._met = False
        self._ok: bool | None = None
        self._since: Instant = loop.clock()

    def report(self) -> Report:
        """Return what is believed now."""
        text = "answers" if self._ok else self._asked.check.text
        return Report(self._kind, self._ok, self._since, text or "not asked yet")

    def recall(self, report: Report) -> None:
        """Go on from what a predecessor believed: as many results as ever must disprove it."""
        if self._ok is None and report.ok is not None and report.kind == self._kind:
            self._ok, self._since, self._met = report.ok, report.since, True
            self._asked.check.counter.recall(ok=report.ok)
            self._asked.check.text = report.text

    def begin(self, now: Instant) -> None:
        """Begin: it is asked at once."""
        self._asked.take(now, Tick())

    def deadline(self) -> Instant | None:
        """Return when it is asked next, or has taken too long."""
        return self._asked.check.deadline()

    def expire(self, now: Instant) -> None:
        """Have done what is due."""
        if is_due(now, self._asked.check.deadline()):
            self._asked.take(now, Tick())

    def close(self) -> None:
        """End what was begun."""
        self._asked.end()
        self._probe.close()

    def _told(self, now: Instant) -> None:
        ok = self._asked.check.ok
        self._met |= bool(ok)
        if self._met and ok != self._ok:
            self._ok, self._since = ok, now
            self._changed(self.name)
        elif self._ok is None:
            self._changed(self.name)  # why it has not answered yet
