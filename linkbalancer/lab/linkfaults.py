"""The faults of links: cut, silent, one way, lossy, slow, restless, and with their plugs changed over."""

import time
from collections.abc import Iterator
from functools import partial

from linkbalancer.clock import MILLISECOND, SECOND, Duration
from linkbalancer.lab.faults import Bounds, Deed, Fault
from linkbalancer.lab.filling import Filling
from linkbalancer.lab.impairments import lose, offered, quicken, repair, shape, slow, swap, unshape
from linkbalancer.lab.lab import Lab
from linkbalancer.lab.status import Damage
from linkbalancer.lab.topology import Segment, Topology
from linkbalancer.links import NodeName

LOSS_PERCENT = 20
FLAPS = 10
FLAP_DOWN: Duration = 200 * MILLISECOND
FLAP_UP: Duration = 800 * MILLISECOND
FLAP_MOVES = 4
"""Away, back once before anybody can know better, away again; and one more for a Master in between."""

SLOW_QUEUE: Duration = 250 * MILLISECOND


def link_faults(topology: Topology, link: Segment) -> Iterator[Fault]:
    """Yield what is rehearsed on one link besides a cut."""
    near, far = ends(topology, link)
    yield silent(link)
    yield from _between(link)
    yield from (one_end(link, node) for node in (near, far))
    yield oneway(link, near, "out")
    yield oneway(link, far, "back")
    yield _loss(link, (near, far), f"{LOSS_PERCENT}%")
    yield _loss(link, (near,), f"{LOSS_PERCENT}% out")
    yield _slow(link)
    yield _shaped(link)
    yield _flap(link)


def ends(topology: Topology, link: Segment) -> tuple[NodeName, NodeName]:
    """Return the near gateway of a link and the far one."""
    near = next(port.node for port in link.ports if topology.side(port.node) == "near")
    return near, next(port.node for port in link.ports if port.node != near)


def cut(link: Segment) -> Fault:
    """Carrier lost at both ends of a link."""
    nodes = [port.node for port in link.ports]
    return Fault(
        kind="cut",
        target=link.name,
        damage=Damage(frozenset({link.name})),
        strike=lambda lab: lab.network.carrier(link, nodes, up=False),
        heal=lambda lab: lab.network.carrier(link, nodes, up=True),
    )


def lone(topology: Topology) -> Fault:
    """Every link but the last loses its carrier."""
    *others, last = topology.links

    def carrier(lab: Lab, *, up: bool) -> None:
        for link in others:
            lab.network.carrier(link, [port.node for port in link.ports], up=up)

    return Fault(
        kind="lone",
        target=last.name,
        damage=Damage(frozenset(link.name for link in others)),
        strike=partial(carrier, up=False),
        heal=partial(carrier, up=True),
    )


def silent(link: Segment) -> Fault:
    """Carrier stays, nothing passes."""
    nodes = [port.node for port in link.ports]
    return Fault(
        kind="silent",
        target=link.name,
        damage=Damage(frozenset({link.name})),
        strike=lambda lab: lab.network.silence(link, incoming=nodes),
        heal=lambda lab: lab.network.speak(link),
    )


def _between(link: Segment) -> Iterator[Fault]:
    """Yield a wire lost between the routers that a link crosses: both ends keep their carrier."""
    if len(link.routers) < 2:
        return
    port = link.routers[0].port("far")
    yield Fault(
        kind="silent",
        target=link.name,
        details={"where": f"beyond {link.routers[0].name}"},
        damage=Damage(frozenset({link.name})),
        strike=lambda lab: lab.network.carrier(link, [port], up=False),
        heal=lambda lab: lab.network.carrier(link, [port], up=True),
    )


def one_end(link: Segment, node: NodeName) -> Fault:
    """One end alone loses its carrier, as behind a media converter: nothing can tell the other, which hears silence."""
    return Fault(
        kind="one-end",
        target=link.name,
        details={"where": f"at {node}"},
        damage=Damage(frozenset({link.name})),
        strike=lambda lab: lab.network.carrier(link, [node], up=False),
        heal=lambda lab: lab.network.carrier(link, [node], up=True),
    )


def oneway(link: Segment, node: NodeName, direction: str) -> Fault:
    """Carrier stays, and what a node sends on the link is lost."""
    return Fault(
        kind="oneway",
        target=link.name,
        details={"direction": direction},
        damage=Damage(frozenset({link.name})),
        strike=lambda lab: lab.network.silence(link, incoming=[node]),
        heal=lambda lab: lab.network.speak(link),
    )


def _loss(link: Segment, nodes: tuple[NodeName, ...], how: str) -> Fault:
    """What these ends of a link send is lost now and then: the link is bad, not dead, so nothing may move."""
    # Where only one end's packets are lost, the other way loses nothing.
    return Fault(
        kind="loss",
        target=link.name,
        details={"how": how},
        strike=lambda lab: lose(lab.network, link, nodes, LOSS_PERCENT),
        heal=lambda lab: repair(lab.network, link),
        still=True,
        bounds=Bounds(
            lossy=frozenset({link.name}),
            lost_percent=(LOSS_PERCENT / 2 if len(nodes) > 1 else 0, LOSS_PERCENT * 1.5),
        ),
    )


def _slow(link: Segment) -> Fault:
    """A link is given a fifth more than it takes: packets wait, some are lost, and nothing may move."""
    nodes = [port.node for port in link.ports]
    filling = Filling(link)

    def strike(lab: Lab) -> None:
        filling.begin(lab)
        slow(lab.network, link, offered(lab.network, link), 1 / 1.2, SLOW_QUEUE)

    def heal(lab: Lab) -> None:
        filling.end()
        quicken(lab.network, link, nodes)

    # Which packets find the queue full is chance: small ones among large, in both spans together.
    return _full(link, "20% over", strike, heal, (1, 30))


def _shaped(link: Segment) -> Fault:
    """A link is given twice what it takes, and the queue is at its ends, where network control goes first."""
    filling = Filling(link)

    def strike(lab: Lab) -> None:
        filling.begin(lab)
        shape(lab.network, link, offered(lab.network, link), 1 / 2, SLOW_QUEUE)

    def heal(lab: Lab) -> None:
        filling.end()
        unshape(lab.network, link)

    return _full(link, "100% over, shaped", strike, heal, (20, 70))


def _full(link: Segment, how: str, strike: Deed, heal: Deed, lost_percent: tuple[float, float]) -> Fault:
    return Fault(
        kind="slow",
        target=link.name,
        details={"how": how},
        strike=strike,
        heal=heal,
        still=True,
        bounds=Bounds(lossy=frozenset({link.name}), lost_percent=lost_percent),
    )


def _flap(link: Segment) -> Fault:
    """A link loses its carrier every second, in the end for good: after the second time nobody trusts it again."""
    nodes = [port.node for port in link.ports]

    def strike(lab: Lab) -> None:
        for _flap in range(FLAPS):
            lab.network.carrier(link, nodes, up=False)
            time.sleep(FLAP_DOWN / SECOND)
            lab.network.carrier(link, nodes, up=True)
            time.sleep(FLAP_UP / SECOND)
        lab.network.carrier(link, nodes, up=False)

    return Fault(
        kind="flap",
        target=link.name,
        damage=Damage(frozenset({link.name})),
        strike=strike,
        heal=lambda lab: lab.network.carrier(link, nodes, up=True),
        bounds=Bounds(moves=FLAP_MOVES),
    )


def swapped(topology: Topology) -> Iterator[Fault]:
    """Yield the near plugs of two links changed over, where there is a third that goes on."""
    plain = [link for link in topology.links if not link.routers]
    if len(topology.links) < 3 or len(plain) < 2:
        return
    one, other = ((link, ends(topology, link)[0]) for link in plain[:2])
    yield Fault(
        kind="swap",
        target=f"{one[1]} and {other[1]}",
        damage=Damage(frozenset(link.name for link in plain[:2])),
        strike=lambda lab: swap(lab.network, one, other),
        heal=lambda lab: swap(lab.network, (one[0], other[1]), (other[0], one[1])),
    )
