"""The drill: a topology with real daemons and traffic, every fault injected and healed, and what happened to whom."""

import re
import time
from collections.abc import Callable, Iterator, Mapping, Sequence
from dataclasses import dataclass
from typing import Any, Final

from linkbalancer.clock import MILLISECOND, SECOND, Duration
from linkbalancer.lab.arrivals import Span, figures
from linkbalancer.lab.errors import LabError
from linkbalancer.lab.faults import Fault
from linkbalancer.lab.flows import choose_echoes, choose_flows
from linkbalancer.lab.hosts import Traffic
from linkbalancer.lab.judge import judge
from linkbalancer.lab.lab import Lab
from linkbalancer.lab.punctuality import lateness
from linkbalancer.lab.report import Measured, Outcome, Path, Paths, Phase, build_report
from linkbalancer.lab.settle import UNNOTICED, await_answers, await_settled, most_moves, moves, watch
from linkbalancer.lab.spreading import of_no_use
from linkbalancer.lab.status import Damage, Statuses, opened_at
from linkbalancer.lab.topology import Topology
from linkbalancer.links import LinkName, NodeName, Vid

START_LIMIT: Final[Duration] = 30 * SECOND
SETTLE_LIMIT: Final[Duration] = 30 * SECOND
"""How long a fault may take to be over with: a link that failed time and again waits 16 times its `up_delay`, and the
programs of many gateways start slowly on a busy computer. What is lost meanwhile is judged apart."""

EXEMPT_LIMIT: Final[Duration] = 4 * SECOND
"""How long a fault may take that is only reported."""

FLOWING_LIMIT: Final[Duration] = 15 * SECOND

_SAMPLE: Final[Duration] = 150 * MILLISECOND
"""How long packets are counted on the links to tell which one carries a flow: thirty of each flow."""

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
    outcomes = [rehearsal.rehearse(number, len(faults), fault) for number, fault in enumerate(faults, 1)]
    time.sleep(_GRACE / SECOND)
    traffic.end()
    measured = Measured(
        flows, traffic.echoes, traffic.traces(), traffic.schedule, traffic.echo_schedule, traffic.arp_schedule
    )
    report = build_report(lab.topology, directory.rules.applications, outcomes, measured)
    report["failures"] = judge(report)
    return report


class _Rehearsal:
    """One drill under way."""

    def __init__(self, lab: Lab, traffic: Traffic, pace: Pace, tell: Tell) -> None:
        self._lab = lab
        self._traffic = traffic
        self._pace = pace
        self._tell = tell
        self._paths: Paths = {}

    def rehearse(self, number: int, count: int, fault: Fault) -> Outcome:
        """Inject one fault, watch, heal it, watch."""
        self._tell(f"[{number}/{count}] {fault.name}")
        self._paths = self._paths or self._measure(self._lab.statuses(), {})
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
        time.sleep(_SAMPLE / SECOND)
        later = self._lab.network.crossed()
        return {
            flow.number: Path(
                _vid_of(
                    self._lab.topology,
                    statuses,
                    becomes.get(flow.app, flow.app),
                    "near" if flow.direction == "out" else "far",
                ),
                _carrier(flow.number, earlier, later),
            )
            for flow in self._traffic.flows
        }

    def _summary(self, phase: Phase) -> str:
        """Say in a line how a phase went, as far as it is known yet."""
        traces = self._traffic.traces()
        seen = [figures(traces[flow.number], phase.span, self._traffic.schedule) for flow in self._traffic.flows]
        settling = phase.settling
        words = f"not settled ({settling.problem})" if settling.after is None else f"settled {_seconds(settling.after)}"
        lost = sum(one.lost for one in seen)
        return f"{words}, {lost} packets lost, longest outage {max(one.outage for one in seen) / MILLISECOND:.0f} ms"

    def await_flowing(self) -> None:
        """Wait until every flow arrives again, so that one fault's end is not taken for the next one's doing."""
        limit = time.monotonic_ns() + FLOWING_LIMIT
        while time.monotonic_ns() < limit:
            since = time.monotonic_ns() - _SAMPLE
            if all(trace.instants and max(trace.instants[-3:]) > since for trace in self._traffic.traces().values()):
                return
            time.sleep(_SAMPLE / SECOND)
        self._tell(f"    some flows still do not arrive {FLOWING_LIMIT // SECOND} s later")


def _complaints(lab: Lab, since: Mapping[NodeName, int]) -> Iterator[str]:
    """Yield what the daemons have logged as a warning or worse since their logs had these sizes."""
    for node, service in lab.services.items():
        with service.log.open(errors="replace") as log:
            log.seek(since[node])
            yield from (f"{node}: {line.strip()}" for line in log if _GRAVE.search(line))


def _seconds(duration: Duration) -> str:
    return f"after {duration / SECOND:.1f} s"


def _carrier(
    flow: int, earlier: dict[LinkName, dict[int, int]], later: dict[LinkName, dict[int, int]]
) -> LinkName | None:
    """Return the link that carried most of a flow's packets between two counts, None when none did."""
    counts = {link: later[link].get(flow, 0) - earlier[link].get(flow, 0) for link in later}
    best = max(counts, key=counts.__getitem__)
    return best if counts[best] > 0 else None


def _vid_of(topology: Topology, statuses: Statuses, app: str, side: str) -> Vid | None:
    """Return the VID of an application at the gateway where a side's traffic enters: its hosts' gateway's Master."""
    gateway = topology.host(side).gateway

    def enters(node: NodeName) -> bool:
        status = statuses.get(node)
        config = topology.gateways[node]
        return status is not None and any(
            gateway in (ip.ip for ip in group.virtual_ips) and status["groups"][str(vid)]["state"] == "master"
            for vid, group in config.groups.items()
        )

    # Without a Master any gateway's word will do.
    nodes = sorted(topology.side_gateways(side), key=enters)
    for node in reversed(nodes):
        status = statuses.get(node)
        if status is not None:
            vid: Vid | None = status["applications"].get(app, {}).get("vid")
            return vid
    return None


def _logs(lab: Lab) -> str:
    """Return the last lines of every gateway's log."""
    return "\n".join(map(lab.last_words, lab.services))
