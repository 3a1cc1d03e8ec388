"""The nouns that several domains share: what a link, a VID and a group's state are called."""

from dataclasses import dataclass
from enum import IntEnum, StrEnum
from ipaddress import IPv4Address, IPv4Interface, IPv6Address, IPv6Interface
from typing import NamedTuple, TypeAlias

Vid: TypeAlias = int
"""Number of a VRRP group (its VRID), 1..255."""

LinkName: TypeAlias = str
NodeName: TypeAlias = str
DeviceName: TypeAlias = str

Address: TypeAlias = IPv4Address | IPv6Address
Interface: TypeAlias = IPv4Interface | IPv6Interface
"""An address with the prefix length that it is installed with."""

Mac: TypeAlias = bytes
"""A 6-byte Ethernet address."""


class Family(IntEnum):
    """The two families of addresses; the numbers are those of IP, and of LVrrp's wire (design 4.1)."""

    IPV4 = 4
    IPV6 = 6


class GroupId(NamedTuple):
    """Which group: VRID and family; those of one VRID and two families are independent (VRRP fact sheet 1).

    In words, as in the configuration: `1` for IPv4, `1/ipv6` for IPv6.
    """

    vid: Vid
    family: Family = Family.IPV4

    def __str__(self) -> str:
        return f"{self.vid}/ipv6" if self.family is Family.IPV6 else str(self.vid)

    @property
    def name(self) -> "Vid | str":
        """What it is called where VIDs are numbers: the VID alone for IPv4."""
        return str(self) if self.family is Family.IPV6 else self.vid

    @classmethod
    def read(cls, words: str) -> "GroupId":
        """Return what `str()` wrote.

        Raises:
            ValueError: It wrote something else.
        """
        vid, _, family = words.partition("/")
        if family not in {"", "ipv6"}:
            raise ValueError(f"{words!r} is no group")
        return cls(int(vid), Family.IPV6 if family else Family.IPV4)


DEAD_PRIORITY = 1
"""The priority of a gateway whose link is closed while `on_probe_loss: demote` keeps it in its group (design 4.4)."""


class Firewall(StrEnum):
    """By which of the kernel's firewalls packets are classified and marked."""

    NFTABLES = "nftables"
    IPTABLES = "iptables"


class Role(StrEnum):
    """Which end of its links a gateway is (mission L: the control is asymmetric on purpose).

    A standalone gateway has no LVrrp links: its groups are plain VRRP's, or upstream gateways that are probed.
    """

    CONTROLLER = "controller"
    CONTROLLED = "controlled"
    STANDALONE = "standalone"

    @property
    def opposite(self) -> "Role":
        """The role of the other end."""
        return Role.CONTROLLED if self is Role.CONTROLLER else Role.CONTROLLER


class OnProbeLoss(StrEnum):
    """What both ends of a closed link do with their VRRP groups (rule 0)."""

    STOP = "stop"
    DEMOTE = "demote"


class GroupState(IntEnum):
    """A group's state as LVrrp states it; the numbers are the wire's (design 4.1)."""

    UNKNOWN = 0
    STOPPED = 1
    INITIALISING = 2
    HELD = 3
    FAULT = 4
    BACKUP = 5
    MASTER = 6


@dataclass(frozen=True, slots=True)
class GroupWord:
    """What one end of a link says of one group: the per-VID TLV of LVrrp.

    `generation` counts the changes of `state` in the sender's present session; `witnesses` is how many neighbours of
    its LAN the sender hears (0..255).
    """

    vid: Vid
    state: GroupState
    priority: int
    generation: int
    witnesses: int = 0
    family: Family = Family.IPV4

    @property
    def id(self) -> GroupId:
        """Which group it is about."""
        return GroupId(self.vid, self.family)


@dataclass(frozen=True, slots=True)
class ViaLink:
    """Next hop: the far end of this gateway's own link."""

    device: DeviceName
    gateway: Address
    source: Address | None = None


@dataclass(frozen=True, slots=True)
class ViaMaster:
    """Next hop: a virtual IP on the LAN, its neighbour entry pinned to the Master that was heard."""

    device: DeviceName
    gateway: Address
    mac: Mac
    source: Address | None = None


@dataclass(frozen=True, slots=True)
class Unreachable:
    """No next hop: the VID's table answers `unreachable`, so that nothing leaks into the main table."""


@dataclass(frozen=True, slots=True)
class ViaMain:
    """Next hop: whatever the main table says; that of a Master without a link, which is a router as any other."""


NextHop: TypeAlias = ViaLink | ViaMaster | ViaMain | Unreachable
