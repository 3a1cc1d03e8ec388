"""Every link dead at once, and one of them back: what hosts see then is decided by `on_probe_loss`."""

import time
from collections.abc import Iterable, Iterator
from functools import partial
from typing import Final

from linkbalancer.clock import MILLISECOND, SECOND, Duration
from linkbalancer.lab.faults import Fault
from linkbalancer.lab.lab import Lab
from linkbalancer.lab.status import Damage
from linkbalancer.lab.topology import SIDES, Segment, Topology
from linkbalancer.links import OnProbeLoss, Vid

DARK: Final[Duration] = 2500 * MILLISECOND
"""How long no link is there before the first one comes back: longer than it takes until everything is refused."""


def blackouts(topology: Topology) -> Iterator[Fault]:
    """Yield the fault of all links, and that of all but the last one, which comes back first."""
    *others, last = topology.links
    yield Fault(
        kind="blackout",
        target="all links",
        damage=Damage(frozenset(link.name for link in topology.links)),
        strike=partial(_plug, links=topology.links, up=False),
        heal=partial(_plug, links=topology.links, up=True),
    )
    if others:
        yield Fault(
            kind="comeback",
            target=last.name,
            damage=Damage(frozenset(link.name for link in others)),
            strike=partial(_all_dead_then, last, links=topology.links),
            heal=partial(_plug, links=others, up=True),
        )


def _plug(lab: Lab, links: Iterable[Segment], *, up: bool) -> None:
    for link in links:
        lab.network.carrier(link, [port.node for port in link.ports], up=up)


def _all_dead_then(first: Segment, lab: Lab, links: Iterable[Segment]) -> None:
    _plug(lab, links, up=False)
    time.sleep(DARK / SECOND)
    _plug(lab, [first], up=True)


def answering(topology: Topology) -> dict[str, list[Vid]]:
    """Return by side the VIDs that somebody stays in without a link: there hosts always have a gateway."""
    return {
        side: sorted(
            {
                vid
                for node in topology.side_gateways(side)
                for config in (topology.gateways[node],)
                for (vid, _), group in config.groups.items()
                if group.mode in {"member", "keepalived"}
                and group.link is not None
                and config.links[group.link].on_probe_loss is OnProbeLoss.DEMOTE
            }
        )
        for side in SIDES
    }
