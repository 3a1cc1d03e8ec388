"""A packet, as far as rules look at it."""

from dataclasses import dataclass
from ipaddress import IPv4Address, IPv6Address
from typing import TypeAlias

Address: TypeAlias = IPv4Address | IPv6Address


@dataclass(frozen=True, slots=True)
class Packet:
    """The header fields that a rule can name: ports 0 where the protocol has none, `tos` the whole byte (0..255).

    Source and destination are of one family.
    """

    source: Address
    destination: Address
    protocol: int
    source_port: int = 0
    destination_port: int = 0
    tos: int = 0

    def mirrored(self) -> "Packet":
        """Return the packet that answers this one: addresses and ports swapped."""
        return Packet(
            source=self.destination,
            destination=self.source,
            protocol=self.protocol,
            source_port=self.destination_port,
            destination_port=self.source_port,
            tos=self.tos,
        )
