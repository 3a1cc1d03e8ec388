"""What of a gateway's kernel matters here: addresses, the tables of the VIDs, members, the app -> VID map.

It outlives the agent, as the real one does, and dies with the gateway.
"""

from dataclasses import dataclass, field
from typing import TypeAlias, assert_never

from linkbalancer.engine.effects import AddAddresses, RemoveAddresses, SetLost, SetMembers, SetNextHop
from linkbalancer.links import DeviceName, Interface, Mac, NextHop, Unreachable, Vid
from linkbalancer.routing.balance import Target
from linkbalancer.routing.twins import NOTHING_LOST, Lost

Change: TypeAlias = AddAddresses | RemoveAddresses | SetNextHop | SetLost | SetMembers
"""What an agent has its kernel do."""


@dataclass(slots=True)
class Kernel:
    """Kernel state of one gateway.

    `tables` holds the next hop of each VID's table (False) and guard table (True); `steering` is the app -> VID map by
    application name; `members` are the MACs whose packets the loop guard marks, `met` all that ever were. `lost` is
    what IPv6 cannot take: hosts here speak IPv4, so it leads no packet of theirs.
    """

    addresses: set[tuple[DeviceName, Interface]] = field(default_factory=set)
    tables: dict[tuple[Vid, bool], NextHop] = field(default_factory=dict)
    members: dict[DeviceName, frozenset[Mac]] = field(default_factory=dict)
    met: set[Mac] = field(default_factory=set)
    lost: Lost = NOTHING_LOST
    steering: dict[str, Target] = field(default_factory=dict)

    def change(self, effect: Change) -> None:
        """Do what the agent wants."""
        match effect:
            case AddAddresses(device, addresses):
                self.addresses.update((device, address) for address in addresses)
            case RemoveAddresses(device, addresses):
                self.addresses.difference_update((device, address) for address in addresses)
            case SetNextHop(vid, next_hop, guard):
                self.tables[vid, guard] = next_hop
            case SetLost(lost):
                self.lost = lost
            case SetMembers(device, macs):
                self.members[device] = macs
                self.met |= macs
            case _:
                assert_never(effect)

    def next_hop(self, vid: Vid, *, guard: bool) -> NextHop:
        """Look a packet's table up; a table that nobody filled has its `unreachable` alone."""
        return self.tables.get((vid, guard), Unreachable())

    def holds(self, device: DeviceName, address: Interface) -> bool:
        """Return whether a virtual IP is installed."""
        return (device, address) in self.addresses
