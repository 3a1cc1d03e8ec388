"""What `whatif` found to be of no use, in words; what has one reason together."""

from collections.abc import Iterator

from linkbalancer.cli.blocks import at, some
from linkbalancer.engine.foresight.idle import Idle, IdlePriority

APART_MAX = 2
"""Up to so many gateways, each has a line of its own, with its priorities."""


def idle_lines(idle: Idle) -> Iterator[str]:
    """Yield what can never matter, a line each."""
    found: dict[str, list[IdlePriority]] = {}
    for one in idle.priorities():
        found.setdefault(one.why, []).append(one)
        if one.weights:
            yield f"{one.gateway}: the weights {some(one.weights)} in VID {one.group}: their priority decides nothing"
    for why, priorities in found.items():
        yield from (f"{words}: {why}" for words in _priorities(priorities))
    for weights in idle.weights():
        yield f"{weights.gateway}: the weights {some(weights.weights)} in VID {weights.group}: {weights.why}"
    unused: dict[int, list[str]] = {}
    for steps in idle.steps():
        for vid in steps.vids:
            unused.setdefault(vid, []).append(steps.app)
    yield from (f"VID {vid} in the list of {some(apps)}: it is never needed" for vid, apps in sorted(unused.items()))


def tie_lines(idle: Idle) -> Iterator[str]:
    """Yield which masterships are left to chance."""
    for one in idle.ties():
        names = " and ".join(one.gateways)
        yield f"VID {one.group}{at(one.side)}: {names} have one priority: who is Master first stays it"


def _priorities(priorities: list[IdlePriority]) -> Iterator[str]:
    gateways: dict[str, list[str]] = {}
    for one in priorities:
        gateways.setdefault(one.gateway, []).append(f"{one.priority} (VID {one.group})")
    if len(gateways) <= APART_MAX:
        yield from (f"{gateway}: priority {some(values)}" for gateway, values in gateways.items())
    else:
        groups = tuple(map(str, dict.fromkeys(one.group for one in priorities)))
        yield f"{some(tuple(gateways))}: their priorities in VID {some(groups)}"
