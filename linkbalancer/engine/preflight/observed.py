"""What was observed of the host, as plain values; None stands for what could not be seen."""

from collections.abc import Mapping
from dataclasses import dataclass, field

from linkbalancer.config.model import Config
from linkbalancer.config.ways import twins
from linkbalancer.links import DeviceName, Interface, Vid


@dataclass(frozen=True, slots=True)
class Wanted:
    """What this gateway needs: its configuration, and every switch with its value."""

    config: Config
    switches: tuple[tuple[str, str], ...]

    @property
    def steers_ipv6(self) -> bool:
        """Whether IPv6 goes by VIDs."""
        return twins(self.config) is not None

    @property
    def lan_devices(self) -> tuple[DeviceName, ...]:
        """The devices of the LANs."""
        groups = (group.device for group in self.config.groups.values() if group.mode != "static")
        return tuple(dict.fromkeys((*groups, *self.config.lans)))

    @property
    def devices(self) -> tuple[DeviceName, ...]:
        """Every device that is named, those of the links last."""
        links = (link.device for link in self.config.links.values())
        gateways = (group.device for group in self.config.groups.values() if group.mode == "static")
        return tuple(dict.fromkeys((*self.lan_devices, *links, *gateways)))


@dataclass(frozen=True, slots=True)
class Unseen:
    """Something that could not be seen, and why."""

    what: str
    why: str


@dataclass(frozen=True, slots=True)
class SwitchLine:
    """A line of a sysctl file: `key` is a path below /proc/sys, or a pattern of one; no value excludes the key."""

    file: str
    key: str
    value: str | None


@dataclass(frozen=True, slots=True)
class Device:
    """A network device; `master_kind` is what it is a port of, `kind` what it is itself where the kernel says so.

    `mtu` is 0 where it is not known.
    """

    name: DeviceName
    up: bool
    kind: str | None = None
    master: DeviceName | None = None
    master_kind: str | None = None
    mtu: int = 0


@dataclass(frozen=True, slots=True)
class Address:
    """An address; `ours` is whether it bears our tag."""

    interface: Interface
    ours: bool


@dataclass(frozen=True, slots=True)
class Rule:
    """An `ip rule` as it is written; `mask` is 0 where it does not look at the mark."""

    priority: int
    text: str
    table: int
    protocol: int
    mark: int = 0
    mask: int = 0


@dataclass(frozen=True, slots=True)
class Route:
    """A route as it is written."""

    text: str
    table: int
    protocol: int


@dataclass(frozen=True, slots=True)
class MarkWrite:
    """A firewall rule that writes bits of the packet mark, or (`connection`) of the connection mark."""

    place: str
    text: str
    bits: int
    connection: bool = False


@dataclass(frozen=True, slots=True)
class Chain:
    """A base chain of a firewall; `ports` are the destination ports that its table names anywhere.

    `drops`: what none of its rules accepts is dropped, or refused; `by` says by what.
    """

    place: str
    hook: str
    drops: bool
    ports: frozenset[int] = frozenset()
    by: str = "policy drop"


@dataclass(frozen=True, slots=True)
class Ruleset:
    """The firewall's rules of others; `ours` is whether our own table is there.

    `reverse` are rules that drop by the way back to a source, `untracked` those that keep flows out of connection
    tracking, each a place and what is written there.
    """

    ours: bool
    writes: tuple[MarkWrite, ...] = ()
    chains: tuple[Chain, ...] = ()
    flowtables: tuple[tuple[str, tuple[DeviceName, ...]], ...] = ()
    reverse: tuple[tuple[str, str], ...] = ()
    untracked: tuple[tuple[str, str], ...] = ()


@dataclass(frozen=True, slots=True)
class Process:
    """A process in our network namespace."""

    pid: int
    name: str
    words: tuple[str, ...]


@dataclass(frozen=True, slots=True)
class Instance:
    """A VRRP instance of a Keepalived on this host."""

    name: str
    device: DeviceName | None
    vrid: Vid | None


@dataclass(frozen=True, slots=True)
class Services:
    """What the configuration files of others say."""

    networkd: Mapping[str, tuple[str, str]] = field(default_factory=dict)
    """Settings of networkd.conf and its drop-ins: value and file."""

    networkd_changed: bool = False
    """Whether one of those files is younger than the process that reads them at its start."""

    keepalived: tuple[Instance, ...] = ()
    managed: Mapping[DeviceName, str] = field(default_factory=dict)
    """The state of each device at NetworkManager."""

    dhcpcd_denied: frozenset[str] = frozenset()
    dhcpcd_allowed: frozenset[str] | None = None
    ufw: Mapping[str, str] = field(default_factory=dict)
    nftables_file: str | None = None
    """The file of nftables.service, where that is enabled and the file flushes the whole rule set."""


@dataclass(frozen=True, slots=True)
class Observed:
    """Everything that was looked at."""

    running: bool
    kernel: str
    nft: str | None
    switches: Mapping[str, str | None]
    switch_lines: tuple[SwitchLine, ...] = ()
    devices: Mapping[DeviceName, Device] | None = None
    addresses: Mapping[DeviceName, tuple[Address, ...]] | None = None
    rules: tuple[Rule, ...] | None = None
    routes: tuple[Route, ...] | None = None
    rules6: tuple[Rule, ...] | None = None
    """Those of IPv6, and its routes: looked at where it is steered."""

    routes6: tuple[Route, ...] | None = None
    ruleset: Ruleset | None = None
    legacy: tuple[str, ...] = ()
    chains: bool | None = None
    """Whether the table mangle of iptables leads to our chains, where they are ours to have."""

    python_iptables: str | None = None
    """Why python-iptables cannot be used, where it is needed and cannot."""

    processes: tuple[Process, ...] | None = None
    services: Services = Services()
    unseen: tuple[Unseen, ...] = ()

    def process(self, *names: str) -> Process | None:
        """Return a process of one of these names, None when none is seen."""
        return next((one for one in self.processes or () if one.name in names), None)
