"""One VID on this gateway: its VRRP router, what is heard of it on the LAN, and its place in the kernel's tables.

A membership joins what VRRP knows (who is Master here) with what the link says (may this gateway carry the VID at all),
and answers the two questions that everything else asks: does the VID *work*, and which next hop does it have?
"""

from dataclasses import dataclass, field
from ipaddress import IPv4Address

from linkbalancer.clock import SECOND, Duration, Instant, earliest
from linkbalancer.config.model import Group as ConfiguredGroup
from linkbalancer.engine.delegate import Delegate
from linkbalancer.links import (
    DEAD_PRIORITY,
    Address,
    GroupId,
    GroupState,
    GroupWord,
    LinkName,
    Mac,
    NextHop,
    Unreachable,
    ViaMaster,
    Vid,
)
from linkbalancer.lvrrp.rules import Stance, Tier, tier_priority
from linkbalancer.vrrp import events as vrrp_events
from linkbalancer.vrrp.group import Group
from linkbalancer.vrrp.observer import Observer
from linkbalancer.vrrp.packet import Advertisement, ChecksumForm, encode
from linkbalancer.vrrp.router import Router
from linkbalancer.vrrp.states import Initialize, Master

LINGER: Duration = SECOND
"""How long a table keeps its last next hop after its VID stopped working.

An orderly leave closes a link whose kernel still forwards: until the applications have moved away, the old way is
better than none. A dead link drops what an unreachable route would refuse, so nothing is worse for waiting.
"""


@dataclass(slots=True)
class Membership:
    """A group that this gateway is a member of (`router`) or only observes (`router` is None).

    Where a Keepalived on this host runs its VRRP, a `Delegate` stands in for the router.
    `upstream` is the gateway of a static group, which has no VRRP at all.
    """

    group: Group
    link: LinkName | None
    router: Router | Delegate | None
    observer: Observer
    stance: Stance | None = None
    installed: bool = False
    master_mac: Mac | None = None
    shown: GroupState | None = None
    told_priority: int = 0
    generation: int = 0
    transitions: int = 0
    since: Instant = 0
    reason: str = "not started"
    works: bool = False
    own: bool = False
    lost_at: Instant | None = None
    patience: Duration = 0
    given_up: bool = False
    rival: bool = False
    rival_since: Instant | None = None
    plain: bool = False
    not_before: Instant = 0
    next_hops: dict[bool, NextHop] = field(default_factory=dict)
    adverts: dict[Address, tuple[tuple[object, ...], bytes]] = field(default_factory=dict)
    upstream: IPv4Address | None = None

    @classmethod
    def of(cls, id_: GroupId, group: ConfiguredGroup, boot: Instant, password: bytes | None = None) -> "Membership":
        """Build the membership that the configuration asks for."""
        vrrp = group.vrrp(id_, password)
        router: Router | Delegate | None = None
        match group.mode:
            case "member":
                router = Router(vrrp, None)
            case "keepalived":
                router = Delegate(vrrp)
            case _:
                pass
        upstream = group.gateway if group.mode == "static" else None
        link, reason = None if router is None else group.link, "its gateway has not answered yet" if upstream else None
        found = cls(vrrp, link, router, Observer(vrrp), since=boot, upstream=upstream)
        found.reason = reason or found.reason
        return found

    @property
    def vid(self) -> Vid:
        """The VID."""
        return self.group.vid

    @property
    def id(self) -> GroupId:
        """VRID and family."""
        return self.group.id

    @property
    def is_master(self) -> bool:
        """Whether this gateway is the VID's Master."""
        return self.router is not None and isinstance(self.router.state, Master)

    @property
    def state(self) -> GroupState:
        """The group's state at this gateway, as LVrrp states it."""
        if self.router is None:
            return GroupState.UNKNOWN
        if self.stance is not None and not self.stance.runs:
            return self.stance.stopped_as
        return self.router.group_state

    @property
    def priority(self) -> int:
        """The effective priority, 0 while VRRP does not run."""
        return 0 if self.router is None or isinstance(self.router.state, Initialize) else self.router.priority

    @property
    def tier(self) -> Tier | None:
        """The tier that the effective priority stands in (design 4.4), None where LVrrp does not move it."""
        return self.stance.tier if self.stance is not None and self.stance.runs else None

    def advert(self, priority: int, source: Address, destination: Address, form: ChecksumForm) -> bytes:
        """Return an advertisement of the group; one that says what the last one did is not made anew."""
        said = (self.group, priority, source, destination, form)
        known = self.adverts.get(destination)
        if known is None or known[0] != said:
            known = self.adverts[destination] = said, self._advert(priority, source, destination, form)
        return known[1]

    def _advert(self, priority: int, source: Address, destination: Address, form: ChecksumForm) -> bytes:
        group = self.group
        addresses = tuple(address.ip for address in group.virtual_ips)
        advertisement = Advertisement(self.vid, priority, group.advert_interval, addresses, group.version)
        return encode(advertisement, source, destination, form, group.password)

    @property
    def fault(self) -> str:
        """Why this gateway states a fault for the VID; empty when it states none."""
        return self.stance.reason if self.stance is not None and self.state is GroupState.FAULT else ""

    def towards(self, stance: Stance) -> vrrp_events.Event | None:
        """Return what the router must be told so that it does what a stance says, None when it does that already."""
        router = self.router
        assert router is not None
        if not stance.runs:
            # A Keepalived may still do what a predecessor asked of it, which nobody remembers.
            silent = isinstance(router, Delegate) and router.asked() is None
            return None if isinstance(router.state, Initialize) and not silent else vrrp_events.Shutdown()
        if isinstance(router.state, Initialize):
            return vrrp_events.Startup(stance.priority, self.installed, self.not_before)
        if stance.priority == router.priority:
            return None
        # Members that cannot claim are told by priority 0 that a mastership is free (design 4.4).
        resign = stance.tier is Tier.DEAD or (stance.tier is Tier.LOW and isinstance(router, Delegate))
        return vrrp_events.Resign(stance.priority) if resign else vrrp_events.SetPriority(stance.priority)

    def word(self, witnesses: int) -> GroupWord:
        """Return what the link's peer is told of this group."""
        return GroupWord(self.vid, self.state, self.priority, self.generation, min(witnesses, 255), self.id.family)

    def other_master(self) -> Address | None:
        """Return the address of another gateway that is heard as Master and has a link, or None.

        Priority 0 resigns and priority 1 is a demoted gateway without a link: neither can carry anything. Where no
        group has a link (`plain`), 1 is a priority as any other.
        """
        heard = self.observer.heard
        lowest = 0 if self.plain else DEAD_PRIORITY
        if self.is_master or heard is None or heard.priority <= lowest or self.upstream is not None:
            return None
        return heard.source

    def meets_rival(self) -> bool:
        """Tell whether another near gateway says, as this one does, that its far end is Master: the far LAN is split.

        Only when it says so again an interval later: while a far mastership moves, both near ends believe in theirs for
        a moment.
        """
        heard = self.router.heard if self.router is not None else None
        if self.tier is not Tier.HIGH or heard is None or heard.priority < tier_priority(Tier.HIGH, 1):
            self.rival_since = None
            return False
        if self.rival_since is None:
            self.rival_since = heard.at
        return heard.at >= self.rival_since + self.group.advert_interval

    def judge(self, now: Instant, *, carries: bool) -> bool:
        """Decide whether the VID works (mission A3); return whether the verdict changed.

        After a resignation another member needs up to one skew time, so the verdict waits a little more than one
        advertisement interval before it turns: while a link is left, the VID moves, and not its applications.
        Silence needs no such wait: the others' master-down timers ended before ours did. `carries`: this gateway's link
        can carry the VID.

        Args:
            now: the present instant.
            carries: whether this gateway's link is open and leads to a far gateway that reaches its LAN.
        """
        own = self.is_master and carries
        before = self.works
        if own or self.other_master() is not None:
            self.works, self.lost_at, self.own, self.given_up = True, None, own, False
            return not before
        if self.lost_at is None:
            resigned = self.own or self.observer.heard is not None
            self.lost_at, self.patience, self.own = now, self._resignation() if resigned else 0, False
        if now >= self.lost_at + self.patience:
            self.works = False
        self.given_up = now >= self.lost_at + self.patience + LINGER
        return before != self.works

    def judge_upstream(self, now: Instant, *, answers: bool | None) -> bool:
        """Decide whether a static group works, as its gateway answers or not; return whether the verdict changed.

        While that is not known nothing changes (L8).
        """
        before = self.works
        if answers is True:
            self.works, self.lost_at, self.given_up = True, None, False
        elif answers is False:
            self.lost_at = now if self.lost_at is None else self.lost_at
            self.works, self.given_up = False, now >= self.lost_at + LINGER
        return before != self.works

    def hop(self, via_link: NextHop | None, source: IPv4Address | None) -> NextHop | None:
        """Choose the next hop of the VID's table (design 5), or None to leave it as it is.

        Args:
            via_link: the next hop over this gateway's own link, None unless that can carry the VID.
            source: the address that this gateway's own packets leave with.
        """
        master = self.other_master()
        if self.is_master and via_link is not None:
            return via_link
        if master is not None and self.master_mac is not None:
            virtual_ip = self.group.virtual_ips[0].ip
            assert isinstance(virtual_ip, IPv4Address), "IPv4 alone has tables"
            return ViaMaster(self.group.device, virtual_ip, self.master_mac, source)
        if via_link is not None:
            return via_link
        return Unreachable() if self.given_up else None

    def guard_hop(self, via_link: NextHop | None) -> NextHop | None:
        """Choose the next hop for packets that another member of the LAN sent here: a link of this gateway, or none."""
        if via_link is not None:
            return via_link
        return Unreachable() if self.link is None or self.given_up else None

    def deadline(self) -> Instant | None:
        """Return when something about this membership changes by time alone."""
        router = self.router.deadline() if self.router else None
        return earliest(router, self.observer.deadline(), self.verdict_deadline())

    def verdict_deadline(self) -> Instant | None:
        """Return when the verdict changes if nothing else happens."""
        if self.lost_at is None:
            return None
        if self.works:
            return self.lost_at + self.patience
        return None if self.given_up else self.lost_at + self.patience + LINGER

    @property
    def is_settled(self) -> bool:
        """Whether the verdict stands, and no rival is in sight: nothing about them waits for time to pass."""
        return self.lost_at is None and self.rival_since is None

    def _resignation(self) -> Duration:
        interval = self.group.advert_interval
        return interval + interval // 8
