"""The judgement: from what a gateway needs and what was observed of its host to findings, the worst first."""

from collections.abc import Iterator

from linkbalancer.engine.preflight import devices, programs, routing, ruleset, switches, system
from linkbalancer.engine.preflight.finding import Finding, worst_first
from linkbalancer.engine.preflight.observed import Observed, Wanted


def judge(wanted: Wanted, observed: Observed) -> tuple[Finding, ...]:
    """Return everything that is wrong; what could not be seen is not judged."""
    return worst_first(_all(wanted, observed))


def _all(wanted: Wanted, observed: Observed) -> Iterator[Finding]:
    yield from system.judge(wanted, observed)
    yield from devices.judge(wanted, observed)
    yield from switches.judge(wanted, observed)
    yield from routing.judge(wanted, observed)
    yield from ruleset.judge(wanted, observed)
    yield from programs.judge(wanted, observed)
