"""Heralds over a virtual LAN: they reach whoever is connected, without a chance of their own."""

from typing import TYPE_CHECKING

from linkbalancer.clock import MICROSECOND, Duration
from linkbalancer.engine.events import HeraldReceived
from linkbalancer.sim.node import Node
from linkbalancer.sim.shape import LAN_DEVICE, lan_address, number_of

if TYPE_CHECKING:
    from linkbalancer.sim.world import World

TRAVEL: Duration = 100 * MICROSECOND


def carry(world: "World", node: Node, data: bytes) -> None:
    """Carry what a gateway tells its LAN; it is told again so soon that losing it now and then shows nothing."""
    lan = world.lans[node.side]
    source = lan_address(node.side, number_of(node.name))
    for name in lan.macs:
        if name != node.name and lan.connected(node.name, name):
            world.deliver(world.nodes[name], TRAVEL, HeraldReceived(LAN_DEVICE, source, data))
