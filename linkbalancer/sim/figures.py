"""Many histories in figures: how long convergence takes, what a fault costs, and how often judges object."""

from collections.abc import Sequence
from typing import Any

from linkbalancer.clock import MILLISECOND
from linkbalancer.sim.histories import History
from linkbalancer.sim.shape import Shape


def figures(shape: Shape, histories: Sequence[History]) -> dict[str, Any]:
    """Return the figures of histories of one shape, as JSON has them."""
    took = [duration / MILLISECOND for history in histories for duration in history.course.took]
    low, high = shape.probe_ms
    settled = [history.settled_ms for history in histories if history.settled_ms is not None]
    faults = sum(history.faults for history in histories)
    switches = sum(history.course.switches for history in histories)
    objections = [
        {"seed": history.seed, "text": history.objection} for history in histories if history.objection is not None
    ]
    return {
        "runs": len(histories),
        "events": sum(history.events for history in histories),
        "faults": faults,
        "convergence_ms": spread(took, 1),
        "convergence_rounds": spread([2 * ms / (low + high) for ms in took], 2),
        "disturbances": {
            "measured": len(took),
            "untouched": sum(history.course.untouched for history in histories),
            "overtaken": sum(history.course.overtaken for history in histories),
        },
        "adjusted": sum(history.adjusted for history in histories),
        "switches": switches,
        "switches_per_fault": round(switches / faults, 3) if faults else 0.0,
        "crossings": sum(history.course.crossings for history in histories),
        "crossed_runs": sum(history.course.crossings > 0 for history in histories),
        "settled_ms_worst": max(settled, default=None),
        "violations": len(objections),
        "objections": objections,
    }


def spread(values: Sequence[float], digits: int) -> dict[str, float | None]:
    """Return median, 99th percentile (both a value that occurred, by nearest rank) and maximum; None of nothing."""
    ranked = sorted(values)

    def rank(percent: int) -> float | None:
        return round(ranked[-(-len(ranked) * percent // 100) - 1], digits) if ranked else None

    return {"median": rank(50), "p99": rank(99), "max": rank(100)}
