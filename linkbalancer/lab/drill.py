"""The drill: a topology with real daemons and traffic, every fault injected and healed, and what happened to whom."""

import re
import time
from collections.abc import Callable, Iterable, Iterator, Mapping, Sequence
from dataclasses import dataclass
from typing import Any, Final

from linkbalancer.clock import MILLISECOND, SECOND, Duration, Instant
from linkbalancer.lab.arrivals import Span, figures
from linkbalancer.lab.errors import LabError
from linkbalancer.lab.faults import Fault
from linkbalancer.lab.flows import choose_echoes, choose_flows
from linkbalancer.lab.hosts import Traffic
from linkbalancer.lab.judge import judge
from linkbalancer.lab.lab import Lab
from linkbalancer.lab.punctuality import lateness
from linkbalancer.lab.report import Measured, Outcome, Phase, build_report
from linkbalancer.lab.settle import UNNOTICED, await_answers, await_settled, most_moves, moves, watch
from linkbalancer.lab.splits import splits
from linkbalancer.lab.spreading import of_no_use
from linkbalancer.lab.status import Damage, Statuses, opened_at
from linkbalancer.lab.whereabouts import Paths, Whereabouts
from linkbalancer.links import NodeName
from linkbalancer.routing.application import Application

START_LIMIT: Final[Duration] = 30 * SECOND
SETTLE_LIMIT: Final[Duration] = 30 * SECOND
"""How long a fault may take to be over with: a link that failed time and again waits 16 times its `up_delay`, and the
programs of many gateways start slowly on a busy computer. What is lost meanwhile is judged apart."""

EXEMPT_LIMIT: Final[Duration] = 4 * SECOND
"""How long a fault may take that is only reported."""

FLOWING_LIMIT: Final[Duration] = 15 * SECOND
_NAMED: Final = 6

_SAMPLE: Final[Duration] = 150 * MILLISECOND
_SAMPLED: Final = 3
"""How long packets are counted on the links to tell which one carries a flow, and how many of each at least."""

_GRAVE: Final = re.compile(r"\blevel=(?:warning|error|critical)\b")
_GRACE: Final[Duration] = 300 * MILLISECOND


@dataclass(frozen=True, slots=True)
class Pace:
    """How long things are watched: once a fault has settled, and where nothing can come of it any more.

    That is after the healing of a momentary fault, and in a fault that is not judged.
    """

    watch: Duration = 2 * SECOND
    glance: Duration = 500 * MILLISECOND


LONG: Final = Pace(watch=10 * SECOND, glance=2 * SECOND)


@dataclass(frozen=True, slots=True)
class _Terms:
    """How one observation is made: how long it is watched once settled, and what settling may take (see settle)."""

    watch: Duration
    limit: Duration = SETTLE_LIMIT
    unnoticed: Duration = UNNOTICED


PATIENCE: Final[Duration] = 10 * SECOND
"""What an application puts off for longer than that is not waited for."""

MARGIN: Final[Duration] = SECOND
"""How much longer than that is watched."""

Tell = Callable[[str], None]
"""Takes a line of progress."""


def run_drill(lab: Lab, faults: Sequence[Fault], pace: Pace, tell: Tell) -> dict[str, Any]:
    """Rehearse the faults in order; return the judged report.

    Raises:
        LabError: The lab did not come up, or a fault could not be injected.
    """
    directory = lab.directory
    flows = choose_flows(lab.topology, directory.rules)
    tell(f"building {lab.topology.name}: {len(lab.topology.nodes)} nodes, {len(lab.topology.segments)} LANs and links")
    lab.start()
    began = time.monotonic_ns()
    await_answers(lab)
    settling = await_settled(lab, Damage(), began, START_LIMIT)
    if settling.after is None:
        raise LabError(
            f"the gateways did not settle within {START_LIMIT // SECOND} s: {settling.problem}\n{_logs(lab)}"
        )
    tell(f"settled after {settling.after / SECOND:.1f} s; starting traffic")
    lab.network.count(flows)
    traffic = Traffic(lab, flows, choose_echoes(lab.topology, len(flows)))
    traffic.start()
    rehearsal = _Rehearsal(lab, traffic, pace, tell)
    rehearsal.await_flowing()
    rehearsal.whereabouts.age()
    rehearsal.await_flowing()
    paths = rehearsal.begin()
    outcomes = [rehearsal.rehearse(number, len(faults), fault) for number, fault in enumerate(faults, 1)]
    time.sleep(_GRACE / SECOND)
    traffic.end()
    measured = Measured(
        flows, traffic.echoes, traffic.traces(), traffic.schedules(), traffic.echo_schedule, traffic.arp_schedule
    )
    report = build_report(lab.topology, directory.rules.applications, outcomes, measured)
    report["splits"] = splits(flows, paths, directory.rules.applications, lab.topology.vids)
    report["failures"] = judge(report)
    return report


def unhurried(pace: Pace, applications: Iterable[Application]) -> Pace:
    """Return a pace that sees what applications put off, up to PATIENCE: a VID must be good for so long, flows stay."""
    waits = (one.good_for + (one.manner.stay or 0) for one in applications)
    longest = max((wait for wait in waits if wait <= PATIENCE), default=0)
    return Pace(max(pace.watch, longest + MARGIN), pace.glance) if longest else pace


class _Rehearsal:
    """One drill under way."""

    def __init__(self, lab: Lab, traffic: Traffic, pace: Pace, tell: Tell) -> None:
        self._lab = lab
        self._traffic = traffic
        self._pace = unhurried(pace, lab.directory.rules.applications.values())
        self._tell = tell
        self.whereabouts = Whereabouts(lab, traffic.flows, lab.directory.rules.applications)
        self._paths: Paths = {}
        self._sample: Duration = max(_SAMPLE, _SAMPLED * traffic.period * traffic.schedule.interval)

    def begin(self) -> Paths:
        """Find out where everything runs before anything happens to it."""
        self._paths = self._measure(self._lab.statuses(), {})
        return self._paths

    def rehearse(self, number: int, count: int, fault: Fault) -> Outcome:
        """Inject one fault, watch, heal it, watch."""
        self._tell(f"[{number}/{count}] {fault.name}")
        terms = _Terms(self._pace.glance, limit=EXEMPT_LIMIT) if fault.exempt else _Terms(self._pace.watch)
        broken = self._observe(fault.strike, fault.damage, terms, fault.becomes)
        self._tell(f"    {self._summary(broken)}")
        terms = _Terms(self._pace.glance, unnoticed=0) if fault.momentary else _Terms(self._pace.watch)
        healed = self._observe(fault.heal, Damage(), terms)
        self._tell(f"    healed: {self._summary(healed)}")
        self.await_flowing()
        return Outcome(fault, broken, healed)

    def _observe(
        self, deed: Callable[[Lab], None], damage: Damage, terms: _Terms, becomes: Mapping[str, str] | None = None
    ) -> Phase:
        before = self._paths
        known = self._lab.statuses()
        said = {node: service.log.stat().st_size for node, service in self._lab.services.items()}
        start = time.monotonic_ns()
        deed(self._lab)
        settling = await_settled(self._lab, damage, start, terms.limit, terms.unnoticed)
        opened = opened_at(self._lab.topology, self._lab.statuses(), time.monotonic_ns())
        changes = watch(self._lab, settling.statuses, terms.watch)
        now = self._lab.statuses()
        self._paths = self._measure(now, becomes or {})
        return Phase(
            span=Span(start, time.monotonic_ns()),
            settling=settling,
            moves=moves(known, settling.statuses),
            most_moves=most_moves(known, settling.statuses),
            of_no_use=of_no_use(settling.statuses.values()),
            changes=changes,
            before=before,
            after=self._paths,
            opened={link: max(0, since - start) for link, since in opened.items()},
            complaints=tuple(_complaints(self._lab, said)),
            late=lateness(known, now),
        )

    def _measure(self, statuses: Statuses, becomes: Mapping[str, str]) -> Paths:
        """Count packets on the links for a moment, and ask the gateways for the VIDs of the applications.

        `becomes` names the flows' applications where they are others for the moment.
        """
        earlier = self._lab.network.crossed()
        time.sleep(self._sample / SECOND)
        return self.whereabouts.paths(statuses, becomes, earlier, self._lab.network.crossed())

    def _summary(self, phase: Phase) -> str:
        """Say in a line how a phase went, as far as it is known yet."""
        traces = self._traffic.traces()
        schedules = self._traffic.schedules()
        seen = [figures(traces[flow.number], phase.span, schedules[flow.number]) for flow in self._traffic.flows]
        settling = phase.settling
        words = f"not settled ({settling.problem})" if settling.after is None else f"settled {_seconds(settling.after)}"
        lost = sum(one.lost for one in seen)
        return f"{words}, {lost} packets lost, longest outage {max(one.outage for one in seen) / MILLISECOND:.0f} ms"

    def await_flowing(self) -> None:
        """Wait until every flow arrives again, so that one fault's end is not taken for the next one's doing."""
        limit = time.monotonic_ns() + FLOWING_LIMIT
        while silent := self._silent(time.monotonic_ns() - self._sample):
            if time.monotonic_ns() > limit:
                more = f" and {len(silent) - _NAMED} more" if len(silent) > _NAMED else ""
                names = ", ".join(silent[:_NAMED]) + more
                self._tell(f"    some flows still do not arrive {FLOWING_LIMIT // SECOND} s later: {names}")
                return
            time.sleep(self._sample / SECOND)

    def _silent(self, since: Instant) -> list[str]:
        """Return the flows of which nothing has arrived since then."""
        traces = self._traffic.traces()
        arrived = {flow.number: max(traces[flow.number].instants[-3:], default=0) for flow in self._traffic.flows}
        return [f"{flow.app} {flow.direction}" for flow in self._traffic.flows if arrived[flow.number] <= since]


def _complaints(lab: Lab, since: Mapping[NodeName, int]) -> Iterator[str]:
    """Yield what the daemons have logged as a warning or worse since their logs had these sizes."""
    for node, service in lab.services.items():
        with service.log.open(errors="replace") as log:
            log.seek(since[node])
            yield from (f"{node}: {line.strip()}" for line in log if _GRAVE.search(line))


def _seconds(duration: Duration) -> str:
    return f"after {duration / SECOND:.1f} s"


def _logs(lab: Lab) -> str:
    """Return the last lines of every gateway's log."""
    return "\n".join(map(lab.last_words, lab.services))
