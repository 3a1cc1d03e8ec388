"""What can happen to an agent: every input of `engine.agent.Agent`, and nothing else reaches it."""

from dataclasses import dataclass, field
from ipaddress import IPv4Address, IPv6Address
from typing import TypeAlias

from linkbalancer.engine.drain import Drained
from linkbalancer.engine.scales import MinuteBegan
from linkbalancer.engine.tracking import Checked
from linkbalancer.links import Address, DeviceName, GroupId, GroupState, LinkName, Mac, Vid
from linkbalancer.weights.gauge import Peaks
from linkbalancer.weights.metrics import Metrics
from linkbalancer.weights.question import Reply


@dataclass(frozen=True, slots=True)
class Started:
    """The agent may begin: sockets are open, and the first `DeviceChanged` of every device has been handed in."""


@dataclass(frozen=True, slots=True)
class Tick:
    """The deadline that the agent named has come (or passed)."""


@dataclass(frozen=True, slots=True)
class DeviceChanged:
    """A network device as the kernel shows it now: admin up with carrier, its first address that is no virtual IP.

    `link_local`: its first IPv6 link-local address that is no virtual IP and can be sent from (not tentative). `mtu` in
    bytes. `addresses`: every own address of either family that is no virtual IP.
    """

    device: DeviceName
    carrier: bool
    primary: IPv4Address | None
    link_local: IPv6Address | None = None
    mtu: int = 1500
    addresses: frozenset[IPv4Address | IPv6Address] = frozenset()


@dataclass(frozen=True, slots=True)
class AdvertReceived:
    """An IP datagram (either version) of protocol 112 from a LAN device, header included, and its frame's source."""

    device: DeviceName
    packet: bytes
    source_mac: Mac


@dataclass(frozen=True, slots=True)
class DatagramReceived:
    """An LVrrp datagram that arrived on a link's socket."""

    link: LinkName
    data: bytes


@dataclass(frozen=True, slots=True)
class HeraldReceived:
    """What a gateway of a LAN tells the others there: the address it came from, and the datagram, unsigned."""

    device: DeviceName
    source: Address
    data: bytes


@dataclass(frozen=True, slots=True)
class Measured:
    """How busy a link is at this host, smoothed; and the busiest moments of late, which an average does not show.

    What `metrics` leaves open, and LVrrp's datagrams show, is filled in by the engine.
    """

    link: LinkName
    metrics: Metrics
    peaks: Peaks = field(default_factory=Peaks)


@dataclass(frozen=True, slots=True)
class NeighbourHeard:
    """A configured LAN member or target answered, or (mac None) has not answered for a while."""

    device: DeviceName
    address: IPv4Address
    mac: Mac | None


@dataclass(frozen=True, slots=True)
class LegHeard:
    """Whether a LAN device that has carrier hears anything at all.

    Not alive: every configured member and target fell silent, and no frame of anybody has arrived since (design 4.3).
    """

    device: DeviceName
    alive: bool


@dataclass(frozen=True, slots=True)
class ApplicationSteers:
    """An application process says where its application goes now, and which table of VIDs it had read."""

    application: str
    vid: Vid | None
    sequence: int
    reason: str


@dataclass(frozen=True, slots=True)
class KeepalivedSays:
    """What the Keepalived that runs a group says of it: its state, and the priority that it has, if it said one."""

    group: GroupId
    state: GroupState
    priority: int | None


@dataclass(frozen=True, slots=True)
class Weighed:
    """What a controller wants of the far members of a link's groups: each with its priority (2..254) and weight.

    All of them: a group that is not named has its configured priority again.
    """

    link: LinkName
    wanted: tuple[tuple[GroupId, int, float], ...]


@dataclass(frozen=True, slots=True)
class Answered:
    """What plug-ins say, or that nothing could be had of them, to what they were asked by `Ask`."""

    replies: tuple[Reply, ...]


@dataclass(frozen=True, slots=True)
class Leave:
    """The service is asked to stop: hand over every mastership, then report `Left`."""


@dataclass(frozen=True, slots=True)
class Retire:
    """A successor of another configuration is ready: hand over what it will not serve, then report `Retired`."""

    groups: frozenset[GroupId]
    links: frozenset[LinkName]


@dataclass(frozen=True, slots=True)
class Retain:
    """The successor has failed: serve again what was to be handed over."""


Event: TypeAlias = (
    Started
    | Tick
    | DeviceChanged
    | AdvertReceived
    | DatagramReceived
    | HeraldReceived
    | Measured
    | MinuteBegan
    | NeighbourHeard
    | LegHeard
    | ApplicationSteers
    | KeepalivedSays
    | Drained
    | Checked
    | Weighed
    | Answered
    | Leave
    | Retire
    | Retain
)
