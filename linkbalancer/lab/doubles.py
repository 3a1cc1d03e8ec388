"""Double faults: two at once, of two links."""

from collections.abc import Iterable, Iterator, Mapping
from itertools import combinations

from linkbalancer.lab.faults import Bounds, Fault
from linkbalancer.lab.judge import OUTAGE_MS
from linkbalancer.lab.lab import Lab
from linkbalancer.lab.status import Damage
from linkbalancer.links import LinkName

JOINT = " + "

_SERVICE_MS = 1500.0
"""What a fault of a gateway's service may add to another one's outage: another gateway takes over instead."""


def both(one: Fault, other: Fault) -> Fault:
    """Two faults in the same moment, healed in the same moment: at worst one is mended after the other."""
    faults = (one, other)

    def strike(lab: Lab) -> None:
        for fault in faults:
            fault.strike(lab)

    def heal(lab: Lab) -> None:
        for fault in faults:
            fault.heal(lab)

    return Fault(
        kind="double",
        target=JOINT.join(fault.name for fault in faults),
        damage=Damage(
            one.damage.links | other.damage.links,
            one.damage.gateways | other.damage.gateways,
            one.damage.drained | other.damage.drained,
        ),
        strike=strike,
        heal=heal,
        bounds=Bounds(outage_ms=sum(OUTAGE_MS.get(fault.kind, _SERVICE_MS) for fault in faults)),
    )


def chosen(faults: Mapping[str, Fault], pairs: Iterable[tuple[str, str]]) -> Iterator[Fault]:
    """Yield the named pairs, those of which both exist."""
    for one, other in pairs:
        if one in faults and other in faults:
            yield both(faults[one], faults[other])


def every_pair(faults: Mapping[LinkName, Iterable[Fault]]) -> Iterator[Fault]:
    """Yield every fault of every link with every fault of every other link."""
    for (_, these), (_, those) in combinations(faults.items(), 2):
        for one in these:
            for other in those:
                yield both(one, other)
