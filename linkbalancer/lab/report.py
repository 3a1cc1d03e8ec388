"""The report of a drill as JSON-able values (design 8); keys beyond the design's say more, none says less."""

from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass, field
from typing import Any

from linkbalancer.clock import MILLISECOND, Duration
from linkbalancer.lab.arrivals import Schedule, Span, Trace, figures
from linkbalancer.lab.blackout import answering
from linkbalancer.lab.faults import Bounds, Fault
from linkbalancer.lab.flows import Echo, Flow
from linkbalancer.lab.settle import Settling
from linkbalancer.lab.status import working_links
from linkbalancer.lab.topology import SIDES, Topology
from linkbalancer.lab.whereabouts import Path, Paths
from linkbalancer.links import LinkName, NodeName, Vid
from linkbalancer.routing.application import Application
from linkbalancer.routing.handover import Mode

SCHEMA = 1


@dataclass(frozen=True, slots=True, kw_only=True)
class Phase:
    """One observation: from a blow or its healing until the end of the watch.

    `of_no_use` are links that nobody need be on: they are weighed so, or have flapped too often. `opened` is how long
    after its begin each link was open at both ends, 0 where it was all the time; those that stay shut are not in it.
    `late` is how late each agent's timers were, where that may have done harm.
    """

    span: Span
    settling: Settling
    moves: tuple[str, ...]
    most_moves: int = 0
    of_no_use: frozenset[LinkName] = frozenset()
    changes: tuple[str, ...]
    before: Paths
    after: Paths
    opened: Mapping[LinkName, Duration] = field(default_factory=dict)
    complaints: tuple[str, ...] = ()
    late: Mapping[NodeName, Duration] = field(default_factory=dict)


@dataclass(frozen=True, slots=True)
class Outcome:
    """A fault and its two phases."""

    fault: Fault
    broken: Phase
    healed: Phase


@dataclass(frozen=True, slots=True)
class Measured:
    """What the hosts noticed: a trace for every flow and every echo by its number, and when numbers were sent.

    Each flow has a schedule of its own; all have the same interval.
    """

    flows: Sequence[Flow]
    echoes: Sequence[Echo]
    traces: Mapping[int, Trace]
    schedules: Mapping[int, Schedule]
    echo_schedule: Schedule
    arp_schedule: Schedule


def build_report(
    topology: Topology, applications: Mapping[str, Application], outcomes: Iterable[Outcome], measured: Measured
) -> dict[str, Any]:
    """Return the report, not yet judged."""
    return {
        "schema": SCHEMA,
        "topology": topology.name,
        "interval_ms": _ms(max(one.interval for one in measured.schedules.values())),
        "even": topology.even,
        "vids": {str(vid): list(topology.links_of(vid)) for vid in topology.vids},
        "gateways": {
            node: {"side": topology.side(node), "links": list(config.links)}
            for node, config in topology.gateways.items()
        },
        "answering": answering(topology),
        "host_gateways": {side: str(topology.host(side).gateway) for side in SIDES},
        "applications": _steps(applications),
        "manners": {name: manner for name, one in applications.items() if (manner := _manner(one))},
        "translated": sorted(topology.translated),
        "faults": [_outcome(topology, outcome, measured) for outcome in outcomes],
    }


def _steps(applications: Mapping[str, Application]) -> dict[str, list[list[Vid]]]:
    return {
        name: [[member.vid for member in step] for step in application.steps]
        for name, application in applications.items()
    }


def _manner(application: Application) -> dict[str, Any]:
    """Say what an application does with flows that run, and what it waits for; nothing where all just follow."""
    manner = application.manner
    if application.balanced:
        said: dict[str, Any] = {"sticky": str(application.sticky)}
        weights = [{str(one.vid): one.weight for one in step} for step in application.steps]
        return {**said, "weights": weights, "good_for_ms": _ms(application.good_for)}
    modes = manner.failover.mode, manner.failback.mode
    if modes == (Mode.MOVE, Mode.MOVE) and not application.good_for:
        return {}
    said = {"failover": modes[0].value, "failback": modes[1].value, "good_for_ms": _ms(application.good_for)}
    return said if manner.stay is None else {**said, "stay_ms": _ms(manner.stay)}


def _outcome(topology: Topology, outcome: Outcome, measured: Measured) -> dict[str, Any]:
    fault = outcome.fault
    other = {} if fault.rules is None else {"applications": _steps(fault.rules.applications)}
    return {
        "fault": fault.kind,
        "target": fault.target,
        **fault.details,
        "exempt": fault.exempt,
        "momentary": fault.momentary,
        "still": fault.still,
        "becomes": dict(fault.becomes),
        "readdressed": sorted(fault.readdressed),
        "bounds": _bounds(fault.bounds),
        **other,
        "links_left": {str(vid): list(working_links(topology, vid, fault.damage)) for vid in topology.vids},
        "broken": _phase(outcome.broken, measured),
        "healed": _phase(outcome.healed, measured),
    }


def _bounds(bounds: Bounds) -> dict[str, Any]:
    return {
        "outage_ms": bounds.outage_ms,
        "healing_ms": bounds.healing_ms,
        "lossy": sorted(bounds.lossy),
        "lost_percent": list(bounds.lost_percent),
        "moves": bounds.moves,
        "spared": sorted(bounds.spared),
    }


def _phase(phase: Phase, measured: Measured) -> dict[str, Any]:
    settling = phase.settling
    return {
        "settled_ms": None if settling.after is None else _ms(settling.after),
        "unsettled": settling.problem,
        "watched_ms": _ms(phase.span.end - phase.span.start),
        "masters": settling.masters,
        "moves": list(phase.moves),
        "most_moves": phase.most_moves,
        "of_no_use": sorted(phase.of_no_use),
        "changes": list(phase.changes),
        "opened_ms": {link: _ms(since) for link, since in phase.opened.items()},
        "complaints": list(phase.complaints),
        "late_ms": {node: _ms(late) for node, late in phase.late.items()},
        "flows": [_flow(flow, phase, measured) for flow in measured.flows],
        "virtual_ips": [_echo(echo, phase, measured) for echo in measured.echoes],
    }


def _echo(echo: Echo, phase: Phase, measured: Measured) -> dict[str, Any]:
    seen = figures(measured.traces[echo.number], phase.span, measured.echo_schedule)
    resolved = figures(measured.traces[echo.arp], phase.span, measured.arp_schedule)
    return {
        "side": echo.side,
        "vid": echo.vid,
        "address": str(echo.address),
        "sent": seen.sent,
        "lost": seen.lost,
        "outage_ms": _ms(seen.outage),
        "silent_ms": _ms(seen.silence),
        "arp_sent": resolved.sent,
        "arp_lost": resolved.lost,
        "arp_outage_ms": _ms(resolved.outage),
        "arp_silent_ms": _ms(resolved.silence),
    }


def _flow(flow: Flow, phase: Phase, measured: Measured) -> dict[str, Any]:
    seen = figures(measured.traces[flow.number], phase.span, measured.schedules[flow.number])
    return {
        "app": flow.app,
        "conversation": flow.conversation,
        "direction": flow.direction,
        "protocol": flow.protocol,
        "sent": seen.sent,
        "lost": seen.lost,
        "reordered": seen.reordered,
        "redirects": seen.redirects,
        "loops": seen.loops,
        "broken_connections": seen.breaks,
        "unreachable": seen.refusals,
        "outage_ms": _ms(seen.outage),
        "before": _path(phase.before[flow.number]),
        "after": _path(phase.after[flow.number]),
        **({"orders": [list(order) for order in flow.orders]} if flow.orders else {}),
    }


def _path(path: Path) -> dict[str, Any]:
    own = {} if path.due == path.vid else {"application_vid": path.due}
    return {"vid": path.vid, "link": path.link, "gateway": path.gateway, "since_ms": path.since_ms, **own}


def _ms(duration: Duration) -> float:
    return round(duration / MILLISECOND, 1)
