"""Heralds over a virtual LAN: they reach whoever hears their sender, without a chance of their own."""

from collections.abc import Callable, Mapping

from linkbalancer.clock import MICROSECOND, Duration
from linkbalancer.engine.events import Event, HeraldReceived
from linkbalancer.links import NodeName
from linkbalancer.sim.lan import Lan
from linkbalancer.sim.node import Node
from linkbalancer.sim.shape import LAN_DEVICE, lan_address, number_of

TRAVEL: Duration = 100 * MICROSECOND


def carry(
    node: Node,
    data: bytes,
    *,
    lan: Lan,
    nodes: Mapping[NodeName, Node],
    deliver: Callable[[Node, Duration, Event], None],
) -> None:
    """Carry what a gateway tells its LAN; it is told again so soon that losing it now and then shows nothing."""
    herald = HeraldReceived(LAN_DEVICE, lan_address(node.side, number_of(node.name)), data)
    for name in lan.macs:
        if name != node.name and lan.passes(node.name, name):
            deliver(nodes[name], TRAVEL, herald)
