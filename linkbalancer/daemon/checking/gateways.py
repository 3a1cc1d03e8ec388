"""The gateways of static groups: probes by way of each, and a quorum over them."""

from collections.abc import Callable
from ipaddress import IPv4Address

from linkbalancer.clock import Instant, earliest, is_due
from linkbalancer.config.model import Group
from linkbalancer.config.upstream import GatewayProbe
from linkbalancer.daemon.checking.tracked import Changed
from linkbalancer.daemon.loop import Loop
from linkbalancer.health.check import Begin, Check, Ended, Event, Idle, Kill, Schedule, Terminate, Tick, Told
from linkbalancer.health.quorum import verdict
from linkbalancer.health.report import Part, Report
from linkbalancer.host.probes.arp import ArpProbe
from linkbalancer.host.probes.asking import Answer, Path, Probe
from linkbalancer.host.probes.dns import DnsProbe
from linkbalancer.host.probes.icmp import IcmpProbe
from linkbalancer.host.probes.page import PageProbe
from linkbalancer.host.probes.tcp import TcpProbe
from linkbalancer.links import GroupId
from linkbalancer.routing.marks import Marks


class Asked:
    """One probe of a gateway: when it is made, and what came of it.

    Args:
        what: what it is, for people.
        probe: how it asks.
        schedule: when.
        loop: what turns.
        told: called when it says something else than before.
    """

    def __init__(
        self, what: str, probe: Probe, schedule: Schedule, loop: Loop, told: Callable[[Instant], None]
    ) -> None:
        self._what, self._probe, self._loop, self._told = what, probe, loop, told
        self.check = Check(schedule, Idle(loop.clock()))
        self._waits = False

    def part(self) -> Part:
        """Return what it says, for people."""
        return Part(self._what, self.check.ok, self.check.text)

    def take(self, now: Instant, event: Event) -> None:
        """Take one event, and do what follows."""
        before = self.part()
        for effect in self.check.handle(now, event):
            match effect:
                case Begin():
                    self._begin(now)
                case Terminate():
                    self.end()
                case Kill() | Told():
                    continue  # the one is of processes, the other is told below
        if self.part() != before:
            self._told(now)

    def end(self) -> None:
        """End the round that goes on."""
        if self._waits:
            self._loop.remove(self._probe)
            self._waits = False
        self._probe.end()

    def _begin(self, now: Instant) -> None:
        try:
            self._probe.begin()
        except OSError as error:
            self._over(now, Ended(passed=False, text=error.strerror or str(error)))
            return
        self._waits = True
        self._loop.add(self._probe, self._ready, write=self._probe.writes)

    def _ready(self, now: Instant) -> None:
        writes = self._probe.writes
        try:
            answer = self._probe.ready()
        except OSError as error:
            answer = Answer(passed=False, text=error.strerror or str(error))
        if answer is not None:
            self._over(now, Ended(answer.passed, answer.text))
        elif writes and not self._probe.writes:
            self._loop.change(self._probe, self._ready, write=False)

    def _over(self, now: Instant, ended: Ended) -> None:
        self.end()
        self.take(now, ended)


class GatewayWatch:
    """One gateway: good while enough of its probes are."""

    def __init__(self, group_id: GroupId, group: Group, marks: Marks, loop: Loop, changed: Changed) -> None:
        assert group.gateway is not None
        self.name = str(group_id)
        self._changed, self._needed = changed, group.needed
        path = Path(group.device, group.gateway, marks.packet_mark(group_id.vid, guard=True))
        self._asked = [
            Asked(_named(one, group.gateway), _probe(one, path), group.schedule, loop, self._told)
            for one in group.asked
        ]
        self._ok: bool | None = None
        self._since: Instant = loop.clock()

    def report(self) -> Report:
        """Return what is believed now."""
        parts = tuple(one.part() for one in self._asked)
        good = sum(part.ok is True for part in parts)
        bad = next((f"{part.what}: {part.text}" for part in parts if part.ok is False), "")
        text = f"{good} of {len(parts)} probes pass, {self._needed} needed" if len(parts) > 1 else parts[0].text
        text = text if self._ok is not False or len(parts) == 1 else f"{text}; {bad}"
        return Report("gateway", self._ok, self._since, text, parts=parts)

    def recall(self, report: Report) -> None:
        """Go on from what a predecessor believed: each probe must disprove it as often as ever.

        One that the predecessor did not know is good with a good gateway: its first failure alone shall not end that.
        """
        if self._ok is not None or report.ok is None:
            return
        self._ok, self._since = report.ok, report.since
        parts = {part.what: part for part in report.parts}
        for one in self._asked:
            before = parts.get(one.part().what)
            if before is not None and before.ok is not None:
                one.check.counter.recall(ok=before.ok)
                one.check.text = before.text
            elif report.ok:
                one.check.counter.recall(ok=True)

    def begin(self, now: Instant) -> None:
        """Begin: every probe is due at once."""
        for one in self._asked:
            one.take(now, Tick())

    def deadline(self) -> Instant | None:
        """Return when the next probe is due, or has taken too long."""
        return earliest(*(one.check.deadline() for one in self._asked))

    def expire(self, now: Instant) -> None:
        """Have done what is due."""
        for one in self._asked:
            if is_due(now, one.check.deadline()):
                one.take(now, Tick())

    def close(self) -> None:
        """End every round."""
        for one in self._asked:
            one.end()

    def _told(self, now: Instant) -> None:
        believed = verdict([one.check.ok for one in self._asked], self._needed)
        if believed is not None and believed != self._ok:
            self._ok, self._since = believed, now
        self._changed(self.name)


def _named(probe: GatewayProbe, gateway: IPv4Address) -> str:
    """Name a probe for people."""
    match probe.kinds[0]:
        case "arp":
            return f"arp {gateway}"
        case "icmp":
            return f"icmp {probe.icmp}"
        case "tcp":
            return f"tcp {probe.tcp}"
        case "dns":
            return f"dns {probe.dns.server} {probe.dns.name}" if probe.dns else "dns"
        case _:
            return f"http {probe.http.url}" if probe.http else "http"


def _probe(probe: GatewayProbe, path: Path) -> Probe:
    """Return how a probe asks."""
    if probe.icmp is not None:
        return IcmpProbe(path, probe.icmp)
    if probe.tcp is not None:
        return TcpProbe(path, probe.tcp)
    if probe.dns is not None:
        return DnsProbe(path, probe.dns)
    if probe.http is not None:
        return PageProbe(path, probe.http)
    return ArpProbe(path)
