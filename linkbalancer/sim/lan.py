"""A virtual LAN: gateways and one host on a switch that can lose frames, cut a leg or fall apart into islands."""

import struct
from dataclasses import dataclass, field
from ipaddress import IPv4Address
from random import Random

from linkbalancer.clock import MICROSECOND, Duration
from linkbalancer.links import Address, Mac, NodeName
from linkbalancer.vrrp.packet import MULTICAST, PROTOCOL

HOST = "host"
_HEADER = struct.Struct("!BBHHHBBH4s4s")


@dataclass(slots=True)
class Lan:
    """One side's LAN. `legs` counts the faults on a gateway's leg; `islands` says who is apart from the rest.

    Gateways that no entry of `islands` names, and the host, are on island 0. `neighbours` is the host's ARP cache:
    the last announcement that it heard of each virtual IP.
    """

    side: str
    device: str
    macs: dict[NodeName, Mac]
    delay: Duration = 50 * MICROSECOND
    jitter: Duration = 50 * MICROSECOND
    loss: int = 0
    legs: dict[NodeName, int] = field(default_factory=dict)
    islands: dict[NodeName, int] = field(default_factory=dict)
    neighbours: dict[Address, Mac] = field(default_factory=dict)
    nodes: dict[Mac, NodeName] = field(init=False)

    def __post_init__(self) -> None:
        """Learn who has which MAC address."""
        self.nodes = {mac: name for name, mac in self.macs.items()}

    def carrier(self, name: NodeName) -> bool:
        """Return whether a gateway's leg has carrier."""
        return not self.legs.get(name, 0)

    def connected(self, one: NodeName, other: NodeName) -> bool:
        """Return whether frames pass between two stations, chance aside; `HOST` is a station too."""
        same = self.islands.get(one, 0) == self.islands.get(other, 0)
        return same and self.carrier(one) and self.carrier(other)

    def arrival(self, sender: NodeName, receiver: NodeName, chance: Random) -> Duration | None:
        """Draw how long a frame takes, None when it does not arrive."""
        if not self.connected(sender, receiver) or (self.loss and chance.randrange(100) < self.loss):
            return None
        return self.delay + chance.randrange(self.jitter + 1)


def datagram(source: IPv4Address, message: bytes) -> bytes:
    """Put the IPv4 header of an advertisement before a VRRP message, as the kernel of its sender would."""
    head = (0x45, 0xC0, _HEADER.size + len(message), 0, 0, 255, PROTOCOL)
    bare = _HEADER.pack(*head, 0, source.packed, MULTICAST.packed)
    total: int = sum(struct.unpack("!10H", bare))
    folded = (total >> 16) + (total & 0xFFFF)
    checksum = 0xFFFF - ((folded >> 16) + (folded & 0xFFFF))
    return _HEADER.pack(*head, checksum, source.packed, MULTICAST.packed) + message
