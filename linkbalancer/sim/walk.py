"""A packet's way from host to host, step by step through what the kernels hold at this instant."""

from dataclasses import dataclass
from typing import Protocol, assert_never

from linkbalancer.clock import Instant
from linkbalancer.links import Interface, LinkName, Mac, NodeName, Unreachable, ViaLink, ViaMain, ViaMaster
from linkbalancer.routing.balance import Pool
from linkbalancer.sim.changes import Changes
from linkbalancer.sim.lan import HOST, Lan
from linkbalancer.sim.node import Node
from linkbalancer.sim.shape import LAN_DEVICE, Shape, virtual_ip
from linkbalancer.sim.trace import Trace
from linkbalancer.sim.wire import FAR, NEAR, Wire, opposite

HOPS_MAX = 8
"""Where a packet's TTL ends here; the loop guard must end it long before."""
GATEWAY_VID = 1
"""The VID whose virtual IP is the hosts' one default gateway."""


class Network(Protocol):
    """What a packet meets on its way."""

    shape: Shape
    lans: dict[str, Lan]
    wires: dict[LinkName, Wire]
    nodes: dict[NodeName, Node]
    trace: Trace
    changes: Changes

    @property
    def now(self) -> Instant:
        """The present instant."""

    def peer(self, name: NodeName) -> NodeName:
        """Return the gateway at the other end of a gateway's link."""


@dataclass(frozen=True, slots=True)
class Walk:
    """Where a packet went: the gateways of its own side in order, the link it took, and why it was lost (None: not)."""

    gateways: tuple[NodeName, ...]
    link: str | None
    lost: str | None

    def __str__(self) -> str:
        """Write it as a path."""
        path = " -> ".join((*self.gateways, self.link or "nowhere"))
        return path if self.lost is None else f"{path} (lost: {self.lost})"


def walk(world: Network, app: str, side: str) -> Walk:
    """Send a packet of an application from the host of `side` to the host of the other side."""
    lan = world.lans[side]
    mac = lan.neighbours.get(virtual_ip(side, GATEWAY_VID).ip)
    sender: NodeName = HOST
    path: list[NodeName] = []
    source: Mac | None = None
    while mac is not None and len(path) < HOPS_MAX:
        node = world.nodes[lan.nodes[mac]]
        if not node.forwards or not lan.passes(sender, node.name):
            return Walk(tuple(path), None, f"{node.name} does not receive it from {sender}")
        path.append(node.name)
        vid = node.kernel.steering.get(app)
        if vid is None:
            return Walk(tuple(path), None, f"{node.name} does not know where {app} goes")
        assert not isinstance(vid, Pool), "a simulated site has no balanced steps: they hash flows, and it has none"
        guard = source in node.kernel.members.get(LAN_DEVICE, frozenset())
        hop = node.kernel.next_hop(vid, guard=guard)
        match hop:
            case ViaLink():
                return _cross(world, node, path)
            case ViaMaster(_, _, next_mac):
                sender, source, mac = node.name, lan.macs[node.name], next_mac
            case ViaMain() | Unreachable():  # no gateway here is without a link
                table = f"{'guard ' if guard else ''}table of VID {vid}"
                return Walk(tuple(path), None, f"{node.name}: unreachable in the {table}")
            case _:
                assert_never(hop)
    return Walk(tuple(path), None, "a loop" if path else "no gateway has announced itself")


def _cross(world: Network, node: Node, path: list[NodeName]) -> Walk:
    other = opposite(node.side)
    far = world.nodes[world.peer(node.name)]
    lost = None
    if not world.wires[node.link].passes(other):
        lost = f"{node.link} is dead towards the {other} side"
    elif not far.forwards:
        lost = f"{far.name} is dead"
    elif not world.lans[other].connected(far.name, HOST):
        lost = f"{far.name} does not reach the {other} host"
    return Walk(tuple(path), node.link, lost)


def answered(world: Network, side: str) -> set[Interface]:
    """Return the virtual IPs that some gateway of a side would answer its host for."""
    lan = world.lans[side]
    return {
        address
        for name in lan.macs
        if lan.connected(name, HOST) and world.nodes[name].forwards
        for device, address in world.nodes[name].kernel.addresses
        if device == LAN_DEVICE
    }


ANSWERED = Walk((), None, None)
NOBODY = Walk((), None, "nobody answers")

DIRECTIONS = {"out": NEAR, "back": FAR}
"""The two directions of a flow, by the side that sends."""
