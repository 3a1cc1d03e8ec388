"""What an agent wants done: every output of `engine.agent.Agent`, in the order in which it must be done."""

from dataclasses import dataclass
from typing import TypeAlias

from linkbalancer.feed.table import Table
from linkbalancer.links import Address, DeviceName, GroupId, Interface, LinkName, Mac, NextHop, Vid
from linkbalancer.routing.twins import Lost
from linkbalancer.weights.question import Question


@dataclass(frozen=True, slots=True)
class SendAdvert:
    """Send a VRRP message (no IP header) from `source` on a device, TTL or hop limit 255.

    `destination`: the family's multicast group, or one unicast peer. `mac`: the frame's source address where the group
    has a virtual MAC, None for the device's own.
    """

    device: DeviceName
    source: Address
    message: bytes
    destination: Address
    mac: Mac | None = None


@dataclass(frozen=True, slots=True)
class SendDatagram:
    """Send an LVrrp datagram to a link's peer."""

    link: LinkName
    data: bytes


@dataclass(frozen=True, slots=True)
class SendHerald:
    """Tell the gateways of a LAN who this one is and by which rules it steers (`engine.company`)."""

    device: DeviceName
    data: bytes


@dataclass(frozen=True, slots=True)
class AddAddresses:
    """Install virtual IPs; those that are there already are fine."""

    device: DeviceName
    addresses: tuple[Interface, ...]


@dataclass(frozen=True, slots=True)
class RemoveAddresses:
    """Remove virtual IPs; those that are gone already are fine."""

    device: DeviceName
    addresses: tuple[Interface, ...]


@dataclass(frozen=True, slots=True)
class Announce:
    """Tell the LAN where virtual IPs are: one gratuitous ARP packet or unsolicited NA each (VRRP fact sheet 7).

    `mac`: what they have in place of the device's own MAC. `device` is the one that they are installed on. `again`: it
    was announced before, by this Master.
    """

    device: DeviceName
    addresses: tuple[Address, ...]
    mac: Mac | None = None
    again: bool = False


@dataclass(frozen=True, slots=True)
class SteerKeepalived:
    """Have the Keepalived that runs a group have this priority; None: have it be in Fault (mode `keepalived`)."""

    group: GroupId
    priority: int | None


@dataclass(frozen=True, slots=True)
class Ask:
    """Ask plug-ins what they make of links; of two questions about the same the newer one counts."""

    questions: tuple[Question, ...]


@dataclass(frozen=True, slots=True)
class SetNextHop:
    """Point the table of a VID at a next hop (pinning the neighbour entry first where the next hop is a Master).

    `guard` names the VID's second table, for packets that came from another member of the LAN (design 5, loop guard).
    """

    vid: Vid
    next_hop: NextHop
    guard: bool = False


@dataclass(frozen=True, slots=True)
class SetLost:
    """What IPv6 cannot take now, the whole of it each time: there the VIDs' IPv6 tables refuse, and IPv4's stay."""

    lost: Lost


@dataclass(frozen=True, slots=True)
class SetMembers:
    """The MAC addresses of the other gateways on a LAN device, for the loop guard."""

    device: DeviceName
    macs: frozenset[Mac]


@dataclass(frozen=True, slots=True)
class Publish:
    """Hand the whole table of VIDs to every application process; the newest wins."""

    table: Table


@dataclass(frozen=True, slots=True)
class Record:
    """Something worth remembering: what happened, to what, and why; numbered by `engine.chronicle`.

    `cause` is the number of the record that this one follows from, None for the root of a chain.
    """

    kind: str
    subject: str
    text: str
    fields: tuple[tuple[str, str | int], ...] = ()
    number: int = 0
    cause: int | None = None

    def numbered(self, number: int, cause: int | None) -> "Record":
        """Return the same with its number, and that of its cause."""
        return Record(self.kind, self.subject, self.text, self.fields, number, cause)


@dataclass(frozen=True, slots=True)
class Left:
    """Every mastership is handed over; the process may end."""


@dataclass(frozen=True, slots=True)
class Retired:
    """What a successor will not serve is handed over: it may have the rest. Always the last effect."""


Effect: TypeAlias = (
    SendAdvert
    | SendDatagram
    | SendHerald
    | AddAddresses
    | RemoveAddresses
    | Announce
    | SteerKeepalived
    | Ask
    | SetNextHop
    | SetLost
    | SetMembers
    | Publish
    | Record
    | Left
    | Retired
)
