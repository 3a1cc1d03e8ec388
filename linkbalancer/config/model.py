"""The configuration of one gateway as frozen values: what every key of linkbalancer.yaml means (design 7).

`conf/linkbalancer.yaml` is the reference with every key, its default and a sentence. What one value can be is in
`fields`, what several of them must be together in `checks`.
"""

from typing import Annotated, Final, Literal

from pydantic import Field

from linkbalancer.clock import MILLISECOND, SECOND, Duration
from linkbalancer.config import plugins
from linkbalancer.config.announcing import Announce, AnnounceRate
from linkbalancer.config.fields import (
    Address,
    AdvertInterval,
    Detect,
    Device,
    File,
    Integer,
    Name,
    Switch,
    Time,
    TimeRange,
)
from linkbalancer.config.groupfields import GroupKey, Host, Host6, Ttl, VirtualIpField
from linkbalancer.config.keepalived.section import InstanceName, Keepalived
from linkbalancer.config.measuring import CapacityField, MetricsEvery
from linkbalancer.config.naming import Names
from linkbalancer.config.notifications import Notifications
from linkbalancer.config.reckoning import Finder, weighing
from linkbalancer.config.section import Section
from linkbalancer.config.surroundings import Api, FlightRecording, History, MarkBits, Metrics, Processes, Tables
from linkbalancer.config.synchrony import SyncGroup
from linkbalancer.config.trackers import Tracker, TrackerInfluence
from linkbalancer.config.translating import UNTRANSLATED, ClampField, Mtu, NatField
from linkbalancer.config.upstream import ASK_NEXT_DOOR, GatewayProbe, Probes, Quorum, Streak
from linkbalancer.config.weighing import NOTHING, WeightField, laid_over
from linkbalancer.health.check import Schedule
from linkbalancer.health.influence import Influence
from linkbalancer.links import Family, Firewall, GroupId, LinkName, OnProbeLoss, Role, Vid
from linkbalancer.lvrrp.settings import DERIVED, LinkSettings, ProbeFunction
from linkbalancer.routing.marks import Marks
from linkbalancer.vrrp import group as vrrp
from linkbalancer.vrrp.group import Tolerance
from linkbalancer.vrrp.ip import LOCAL_TTL
from linkbalancer.vrrp.packet import ChecksumForm
from linkbalancer.weights.settings import WeigherSettings, Weighing


class Lan(Section):
    """What the gateway expects to hear on a LAN device: the other gateways, and hosts worth asking for."""

    members: tuple[Address, ...] = ()
    targets: tuple[Address, ...] = ()


class Probe(Section):
    """How a link is probed: how often, and when it counts as dead (mission L7, L2 rule 0)."""

    interval: TimeRange = (100 * MILLISECOND, 200 * MILLISECOND)
    function: ProbeFunction | None = None
    ceiling: Time | None = None
    misses: Annotated[Integer, Field(ge=1, le=255)] = 3
    detect: Detect | None = None

    @property
    def detect_time(self) -> Duration:
        """What counts as silence: as configured, else so many misses of the longest interval."""
        return self.misses * self.interval[1] if self.detect is None else self.detect


class Link(Section):
    """One link to the other side, and how its two ends talk."""

    device: Device
    local: Address
    peer: Address
    via: Address | None = None
    peer6: Host6 | None = None
    probe6: Switch = True
    port: Annotated[Integer, Field(ge=1, le=65535)] = 20112
    key_file: File | None = None
    insecure: Switch = False
    probe: Probe = Probe()
    up_delay: Time | None = None
    on_probe_loss: OnProbeLoss = OnProbeLoss.STOP
    capacity: CapacityField | None = None
    metrics_every: MetricsEvery = SECOND
    nat: NatField = UNTRANSLATED
    mss_clamp: ClampField = None
    mtu: Mtu | None = None
    weight: WeightField = NOTHING

    def settings(self, name: LinkName, config: "Config") -> LinkSettings:
        """Return the link as its machine wants it."""
        detect = self.probe.detect_time
        return LinkSettings(
            name=name,
            node=config.node,
            role=config.role,
            device=self.device,
            local=self.local,
            peer=self.peer,
            via=self.via,
            port=self.port,
            interval_min=self.probe.interval[0],
            interval_max=self.probe.interval[1],
            function=self.probe.function or ProbeFunction.RANDOM,  # of a range of one duration, that is fixed
            ceiling=DERIVED if self.probe.ceiling is None else self.probe.ceiling,
            misses=self.probe.misses,
            detect=detect,
            up_delay=detect if self.up_delay is None else self.up_delay,
            on_probe_loss=self.on_probe_loss,
            insecure=self.insecure,
        )


LEAST_TTL: Final = {Family.IPV4: LOCAL_TTL, Family.IPV6: 64}
"""What a unicast peer's adverts arrive with at least, where nothing else is said."""


class Unicast(Section):
    """The other routers of a group that has adverts sent to each alone, in place of multicast."""

    peers: Annotated[tuple[Host, ...], Field(min_length=1, max_length=255)]
    source: Host | None = None
    ttl: Ttl | None = None

    def range_of(self, family: Family) -> tuple[int, int]:
        """Return what their adverts must arrive with; Keepalived sends IPv6 ones with a hop limit of 64."""
        return self.ttl or (LEAST_TTL[family], LOCAL_TTL)


class Group(Section):
    """A VRRP group that this gateway is a member of, or only observes; or a plain gateway that it probes (static)."""

    mode: Literal["member", "observe", "keepalived", "static"] = "member"
    device: Device
    link: Name | None = None
    virtual_ips: Annotated[tuple[VirtualIpField, ...], Field(max_length=255)] = ()
    excluded_ips: Annotated[tuple[VirtualIpField, ...], Field(max_length=4096)] = ()
    priority: Annotated[Integer, Field(ge=1, le=255)] = 100
    version: Literal[2, 3] = 3
    advert_interval: AdvertInterval = SECOND
    preempt: Switch = True
    preempt_delay: Time = 0
    accept: Switch = True
    virtual_mac: Switch = False
    unicast: Unicast | None = None
    password_file: File | None = None
    checksum: ChecksumForm = ChecksumForm.AUTO
    tolerate: tuple[Tolerance, ...] = ()
    owner_yields: Switch = True
    announce: Announce = Announce()
    instance: InstanceName | None = None
    track: dict[Name, TrackerInfluence] = Field(default={})
    gateway: Address | None = None
    gateway6: Host6 | None = None
    probe6: Switch = True
    probes: Probes = ()
    interval: Time = SECOND
    timeout: Time | None = None
    rise: Streak = 2
    fall: Streak = 3
    quorum: Quorum | None = None
    nat: NatField = UNTRANSLATED
    mss_clamp: ClampField = None
    mtu: Mtu | None = None
    weight: WeightField = NOTHING

    @property
    def schedule(self) -> Schedule:
        """How each probe of a static group's gateway is made."""
        timeout = self.interval if self.timeout is None else self.timeout
        return Schedule(interval=self.interval, timeout=timeout, rise=self.rise, fall=self.fall)

    @property
    def asked(self) -> tuple[GatewayProbe, ...]:
        """The probes of a static group's gateway; its own answer to ARP where none are configured."""
        return self.probes or ASK_NEXT_DOOR

    @property
    def needed(self) -> int:
        """How many of them must pass: as configured, else more than half of them."""
        return len(self.asked) // 2 + 1 if self.quorum is None else self.quorum

    def vrrp(self, group: GroupId, password: bytes | None = None) -> vrrp.Group:
        """Return the group as its VRRP router wants it."""
        unicast = self.unicast
        everywhere = (*self.virtual_ips, *self.excluded_ips)
        return vrrp.Group(
            vid=group.vid,
            device=self.device,
            virtual_ips=tuple(one.interface for one in self.virtual_ips),
            excluded_ips=tuple(one.interface for one in self.excluded_ips),
            elsewhere=tuple((one.interface, one.device) for one in everywhere if one.device not in {None, self.device}),
            priority=self.priority,
            version=self.version,
            advert_interval=self.advert_interval,
            preempt=self.preempt,
            preempt_delay=self.preempt_delay,
            accept=self.accept,
            virtual_mac=self.virtual_mac,
            peers=unicast.peers if unicast else (),
            source=unicast.source if unicast else None,
            ttl=unicast.range_of(group.family) if unicast else (LOCAL_TTL, LOCAL_TTL),
            password=password,
            checksum=self.checksum,
            tolerates=frozenset(self.tolerate),
            owner_yields=self.owner_yields,
            # Unicast adverts do not teach switches where a virtual MAC is.
            announcing=self.announce.vrrp(self.advert_interval if self.virtual_mac and unicast else None),
        )


class Config(Section):
    """The whole configuration of a gateway."""

    node: Name
    role: Role
    lans: dict[Device, Lan] = Field(default={})
    links: dict[Name, Link] = Field(default={})
    groups: Annotated[dict[GroupKey, Group], Field(min_length=1)]
    trackers: dict[Name, Tracker] = Field(default={})
    sync_groups: dict[Name, SyncGroup] = Field(default={})
    announce_rate: AnnounceRate = 100
    start_delay: Time = 0
    steer_ipv6: Switch | None = None
    applications: File | None = None
    processes: Processes | None = None
    firewall: Firewall = Firewall.NFTABLES
    mark_bits: MarkBits = Field(default=MarkBits(), alias="marks")
    tables: Tables = Tables()
    api: Api = Api()
    history: History = History()
    flight_recording: FlightRecording = FlightRecording()
    keepalived: Keepalived = Keepalived()
    metrics: Metrics = Metrics()
    names: Names = Names()
    notifications: Notifications = Field(default={})

    @property
    def influences(self) -> dict[GroupId, dict[str, Influence]]:
        """What trackers do to each group: its own, and those of the sync group that it is in."""
        found = {group: dict(one.track) for group, one in self.groups.items()}
        for sync in self.sync_groups.values():
            for group in sync.groups:
                found[group] |= sync.track
        return found

    def weights(self, link: LinkName, find: Finder = plugins.find) -> WeigherSettings:
        """Return how a link is weighed; nothing at the end that does not control it."""
        found: dict[GroupId, Weighing | None] = {}
        for group, one in self.groups.items() if self.role is Role.CONTROLLER else ():
            if one.link == link and one.mode in {"member", "keepalived"}:
                found[group] = weighing(laid_over(one.weight, self.links[link].weight), find)
        return WeigherSettings(link, {group: one for group, one in found.items() if one is not None})

    @property
    def vids(self) -> tuple[Vid, ...]:
        """The VIDs that packets are steered to: those of IPv4, in order."""
        return tuple(sorted(group.vid for group in self.groups if group.family is Family.IPV4))

    def vids_over(self, link: LinkName) -> frozenset[Vid]:
        """Return the VIDs whose packets go over a link, where this gateway is their Master."""
        return frozenset(
            group.vid for group in self.groups if self.groups[group].link == link and group.family is Family.IPV4
        )

    @property
    def marks(self) -> Marks:
        """The numbers by which marks, rules and tables know each other."""
        return Marks(
            connection_mask=self.mark_bits.connection,
            flow_mask=self.mark_bits.flow,
            generation_mask=self.mark_bits.generation,
            packet_mask=self.mark_bits.packet,
            guard_bit=self.mark_bits.guard,
            inbound_bit=self.mark_bits.inbound,
            table_base=self.tables.base,
            rule_base=self.tables.rules,
        )
