"""The agent: every VRRP group and every link of one gateway, joined into what the gateway does.

One event goes in, effects come out, in the order in which the world must perform them. Between the two the agent asks
the same questions every time, each answered by a function of what is known now and never by a sum over the past:

    link open? peer's word? LAN leg alive?  ->  stance      (lvrrp.rules: run or not, at which priority)
    stance, adverts                         ->  Master?     (vrrp.router, helped by fast follow)
    Master? link open? who else is heard?   ->  next hop    (engine.membership)
    next hop, verdict                       ->  table of VIDs for the applications (feed.table)
"""

from collections.abc import Mapping
from typing import Any, assert_never

from linkbalancer.clock import Instant, earliest, is_due
from linkbalancer.config.load import Loaded
from linkbalancer.engine import drain, snapshot, status
from linkbalancer.engine.adoption import Adoption
from linkbalancer.engine.chronicle import Chronicle
from linkbalancer.engine.drain import Drained
from linkbalancer.engine.effects import (
    AddAddresses,
    Announce,
    Effect,
    Left,
    Publish,
    Record,
    RemoveAddresses,
    Retired,
    SendAdvert,
    SendDatagram,
    SetMembers,
    SetNextHop,
)
from linkbalancer.engine.events import (
    AdvertReceived,
    ApplicationSteers,
    DatagramReceived,
    DeviceChanged,
    Event,
    Leave,
    LegHeard,
    NeighbourHeard,
    Retain,
    Retire,
    Started,
    Tick,
)
from linkbalancer.engine.found import Found
from linkbalancer.engine.knowledge import Knowledge
from linkbalancer.engine.membership import Membership
from linkbalancer.engine.reception import admit
from linkbalancer.engine.retirement import NOBODY, REMOVED, Retirement
from linkbalancer.engine.told import Told, entry
from linkbalancer.engine.ways import any_way, way_over
from linkbalancer.feed.table import Table
from linkbalancer.links import DEAD_PRIORITY, GroupState, LinkName, NextHop, Role, Vid
from linkbalancer.lvrrp import events as lvrrp
from linkbalancer.lvrrp.keys import Key
from linkbalancer.lvrrp.link import Link
from linkbalancer.lvrrp.rules import Stance, Tier, controlled_stance, controller_stance, is_open_for, may_claim
from linkbalancer.machine import Chance
from linkbalancer.vrrp import effects as vrrp_effects
from linkbalancer.vrrp import events as vrrp_events
from linkbalancer.vrrp.packet import MULTICAST
from linkbalancer.vrrp.states import Initialize


class Agent:
    """The engine of one gateway.

    Args:
        loaded: the configuration and its rules.
        keys: the keys of each link, by link name; empty for a link with `insecure: true`.
        chance: where random draws come from.
        app_ids: the number of each application in the connection mark.
        session: a number that no earlier start had; it tells the applications that a new agent speaks.
        boot: the present instant.
        found: what the kernel and the predecessor left (adopt, design 6).
    """

    def __init__(
        self,
        loaded: Loaded,
        keys: Mapping[LinkName, tuple[Key, ...]],
        chance: Chance,
        app_ids: Mapping[str, int],
        *,
        session: int,
        boot: Instant,
        found: Found | None = None,
    ) -> None:
        """Build every machine; nothing runs before `Started`."""
        self.config = loaded.config
        self.rules = loaded.rules
        self.known = Knowledge(loaded, app_ids, session=session, boot=boot)
        self.links = {
            name: Link(link.settings(name, self.config), keys.get(name, ()), chance, boot)
            for name, link in self.config.links.items()
        }
        self.memberships = {vid: Membership.of(vid, group, boot) for vid, group in self.config.groups.items()}
        self.leaving = False
        self.drained = Drained()
        self._chronicle = Chronicle(self.config.groups)
        self._running = False
        self._adoption = Adoption(found or Found())
        self._dirty: set[Vid] = set()
        self._told = Told()
        self._table: Table | None = None
        self._informed_at: Instant = 0
        self._left = False
        self._retirement = NOBODY
        self._out: list[Effect] = []
        self._adoption.recall(boot, self.links, self.known)

    def handle(self, now: Instant, event: Event) -> list[Effect]:
        """Take one event; return, in order, what the host must do about it."""
        self._out = []
        match event:
            case Started():
                self._start(now)
            case Tick():
                self._tick(now)
            case AdvertReceived():
                self._advert(now, event)
            case DatagramReceived():
                self._datagram(now, event)
            case DeviceChanged():
                self._device(now, event)
            case NeighbourHeard() | LegHeard():
                self._lan(event)
            case ApplicationSteers():
                self.known.steers(now, event)
                self._out += self._chronicle.steers(event.application, event.vid, event.reason)
            case Leave() | Retire() | Retain():
                self._part(now, event)
            case Drained():
                self._drain(now, event)
            case _:
                assert_never(event)
        self._conclude(now)
        self._finish_retiring(now)
        return self._chronicle.complete(now, self._out)

    def deadline(self) -> Instant | None:
        """Return when to hand in the next `Tick`."""
        return earliest(
            self._informed_at if self._running and self._table is None else None,
            *(link.deadline() for link in self.links.values()),
            self._told.deadline(),
            self._retirement.deadline(),
        )

    def status(self, now: Instant) -> dict[str, Any]:
        """Return what each link, VID and application does, since when, why, and what is next (schema 1)."""
        return status.describe(now, self.config, self.known, self.links, self.memberships, drained=self.drained)

    def snapshot(self, now: Instant, *, live: bool = False) -> dict[str, Any]:
        """Return what a successor needs to go on where this agent stands (`live`: exactly); never sessions or keys."""
        return snapshot.take(now, self.links, self.memberships, self.known, live=live)

    # -- what happens ------------------------------------------------------------------------------------------------

    def _start(self, now: Instant) -> None:
        self._running = True
        self._informed_at = now + self._adoption.doubt(self.known.patience)
        self._dirty.update(self.memberships)
        self._out += self._chronicle.started(self.config.node, resumed=self._adoption.resumed)
        self._adopt(now)
        self.known.change(self._adoption.changed_at(now))
        for name in self.links:
            self._link(now, name, lvrrp.Start())

    def _adopt(self, now: Instant) -> None:
        for membership in self.memberships.values():
            match self._adoption.go_on(now, membership):
                case vrrp_events.Resume() as resume:
                    self._router(now, membership, resume)
                    text = f"{membership.state.name.lower()}: resumed"
                    self._record("resumed", f"VID {membership.vid}", text, vid=membership.vid)
                case effects:
                    for effect in effects:
                        self._perform(now, membership, effect)

    def _tick(self, now: Instant) -> None:
        if self._table is None:
            self._dirty.update(self.memberships)
        for name, link in self.links.items():
            if is_due(now, link.deadline()):
                self._link(now, name, lvrrp.Tick())
        for vid in self._told.due(now):
            membership = self.memberships[vid]
            self._dirty.add(vid)
            if is_due(now, membership.observer.deadline()):
                self._observe(now, membership, vrrp_events.Tick())
            if membership.router is not None and is_due(now, membership.router.deadline()):
                self._router(now, membership, vrrp_events.Tick())

    def _advert(self, now: Instant, event: AdvertReceived) -> None:
        admitted = admit(event, self.memberships, self.known.primary(event.device))
        if isinstance(admitted, str):
            self.known.count(f"vrrp:{admitted}")
            return
        membership, heard = admitted
        self.known.count("vrrp:received")
        self._dirty.add(membership.vid)
        self._observe(now, membership, heard)
        followed = membership.observer.heard
        if heard.priority > 0 and followed is not None and followed.source == heard.source:
            # Only whom the observer follows: a stranger's adverts neither draw packets nor teach us members.
            membership.master_mac = event.source_mac
            self._meet(event)
        if membership.router is not None:
            self._router(now, membership, heard)

    def _observe(self, now: Instant, membership: Membership, event: vrrp_events.Heard | vrrp_events.Tick) -> None:
        for changed in membership.observer.handle(now, event):
            if membership.router is None:
                membership.since, membership.reason = now, changed.reason
        self._out += self._chronicle.heard(membership.vid, membership.observer.heard, is_master=membership.is_master)

    def _meet(self, event: AdvertReceived) -> None:
        if self.known.meet(event.device, event.source_mac):
            self._out.append(SetMembers(event.device, self.known.members(event.device)))

    def _lan(self, event: NeighbourHeard | LegHeard) -> None:
        if isinstance(event, LegHeard):
            self.known.leg(event.device, alive=event.alive)
            self._out += self._chronicle.device(event.device, self.known.fault(event.device))
        elif self.known.neighbour(event):
            self._out.append(SetMembers(event.device, self.known.members(event.device)))
        self._dirty.update(m.vid for m in self.memberships.values() if m.group.device == event.device)

    def _device(self, now: Instant, event: DeviceChanged) -> None:
        self.known.device(event)
        self._out += self._chronicle.device(event.device, self.known.fault(event.device))
        for name, link in self.links.items():
            if link.settings.device == event.device:
                self._link(now, name, lvrrp.Carrier(event.carrier))
        for membership in self.memberships.values():
            if membership.group.device == event.device:
                self._dirty.add(membership.vid)
                if membership.router is not None:
                    self._router(now, membership, vrrp_events.SetPrimary(event.primary))

    def _part(self, now: Instant, event: Leave | Retire | Retain) -> None:
        """Begin to hand over everything, or what a successor will not serve; or serve that again."""
        self._dirty.update(self.memberships)
        match event:
            case Leave():
                self._leave(now)
            case Retire(vids, links) if not self.leaving:
                self._retirement = Retirement(vids & self.memberships.keys(), links & self.links.keys(), now)
            case _:
                left, self._retirement = self._retirement, NOBODY
                for name in sorted(left.links) if left.over else ():
                    self._link(now, name, lvrrp.Start())

    def _leave(self, now: Instant) -> None:
        self.leaving, self._retirement = True, NOBODY
        self._record("leaving", self.config.node, "handing over every mastership")
        for name in self.links:
            self._link(now, name, lvrrp.Bye(None))

    def _finish_retiring(self, now: Instant) -> None:
        retirement = self._retirement
        if retirement.over:
            return
        steered = [steering.vid for steering in self.known.steering.values()]
        if retirement.finish(now, self.memberships.values(), steered):
            for name in sorted(retirement.links):
                self._link(now, name, lvrrp.Bye(None))
            self._out.append(Retired())

    def _drain(self, now: Instant, event: Drained) -> None:
        for kind, subject, text in event.changes(self.drained):
            self.known.change(now)
            self._record(kind, subject, text)
        self.drained = event
        self._dirty.update(self.memberships)

    def _datagram(self, now: Instant, event: DatagramReceived) -> None:
        if event.link in self.links:
            self._link(now, event.link, lvrrp.Received(event.data))

    # -- links -------------------------------------------------------------------------------------------------------

    def _link(self, now: Instant, name: LinkName, event: lvrrp.Event) -> None:
        for effect in self.links[name].handle(now, event):
            match effect:
                case lvrrp.Transmit(data):
                    self._out.append(SendDatagram(name, data))
                case lvrrp.Opened() | lvrrp.Closed():
                    self._turned(now, name, effect)
                case lvrrp.PeerSpoke(words):
                    self._out += self._chronicle.peer(name, words)
                    self._dirty |= self._told.hear(name, words) & self.memberships.keys()
                case lvrrp.Alarm(text):
                    self._record("alarm", name, text, link=name)
                case _:
                    assert_never(effect)

    def _turned(self, now: Instant, name: LinkName, effect: lvrrp.Opened | lvrrp.Closed) -> None:
        self._told.forget_heard()
        self._dirty.update(self.memberships)
        self.known.change(now)
        self._out.append(self._chronicle.turned(now, self.links[name], effect))

    # -- what follows ------------------------------------------------------------------------------------------------

    def _conclude(self, now: Instant) -> None:
        """Draw every conclusion from what is known now, for the VIDs that the event touched."""
        touched, self._dirty = self._dirty, set()
        if not touched or not self._running:
            return
        memberships = [self.memberships[vid] for vid in sorted(touched)]
        for membership in memberships:
            if membership.router is not None:
                self._take_stance(now, membership)
                self._follow(now, membership)
            self._route(now, membership)
            self._told.note_deadline(membership)
        for name, words, fault in self._told.word(memberships, self.known.witnesses):
            self._link(now, name, lvrrp.Words(words, fault=fault))
        self._publish(now, memberships)
        self._finish_leaving()
        self._dirty.clear()

    def _take_stance(self, now: Instant, membership: Membership) -> None:
        stance = self._stance(now, membership)
        membership.stance = stance
        router = membership.router
        assert router is not None
        if not stance.runs and router.state == Initialize(None) and membership.installed:
            # Found installed by a predecessor: give them a time limit, as for any other leaving.
            self._router(now, membership, vrrp_events.Startup(DEAD_PRIORITY, found=True))
            if router.state == Initialize(None):
                # The start was refused, so nobody else would ever take them away.
                self._perform(now, membership, vrrp_effects.ReleaseAddresses())
        event = membership.towards(stance)
        if event is not None:
            self._router(now, membership, event)
        self._moved(now, membership, stance.reason)

    def _stance(self, now: Instant, membership: Membership) -> Stance:
        base = membership.group.priority
        if self.leaving:
            return Stance(runs=False, priority=0, stopped_as=GroupState.STOPPED, tier=None, reason="leaving")
        if membership.vid in self._retirement.vids:
            return REMOVED
        assert membership.link is not None
        link = self.links[membership.link]
        fault = self.known.fault(membership.group.device)
        drained = self.drained.reason(membership.vid, membership.link)
        if fault is None and drained is not None:
            return drain.stance(drained)
        decide = controller_stance if self.config.role is Role.CONTROLLER else controlled_stance
        return decide(
            base=base,
            link_open=self._open(now, membership),
            peer=link.word(membership.vid, now),
            fault=fault,
            peer_fault=link.peer.fault,
            on_probe_loss=link.settings.on_probe_loss,
        )

    def _open(self, now: Instant, membership: Membership) -> bool:
        """Whether this gateway's link is open for a VID, at both ends as far as this one may judge (mission A3)."""
        link = self.links.get(membership.link or "")
        if link is None or membership.link in self._retirement.links:
            return False
        return is_open_for(link_open=link.is_open, role=self.config.role, peer=link.word(membership.vid, now))

    def _follow(self, now: Instant, membership: Membership) -> None:
        """Rule 2, fast follow: the peer is Master and nobody better is heard, so claim without waiting (design 4.4)."""
        router, link = membership.router, self.links[membership.link or ""]
        assert router is not None
        if self.config.role is not Role.CONTROLLER or not (membership.stance and membership.stance.runs):
            return
        peer = link.word(membership.vid, now)
        heard = router.heard.priority if router.heard is not None else None
        claims = not membership.is_master and membership.link not in self._retirement.links
        if claims and may_claim(peer=peer, own=router.priority, heard=heard):
            self._router(now, membership, vrrp_events.Claim())
        rival = membership.meets_rival()
        if rival and not membership.rival:
            self._record("alarm", f"VID {membership.vid}", "two far Masters: the far LAN is split", vid=membership.vid)
        membership.rival = rival

    def _router(self, now: Instant, membership: Membership, event: vrrp_events.Event) -> None:
        router = membership.router
        assert router is not None
        was_master = membership.is_master
        effects = router.handle(now, event)
        if membership.is_master and not was_master:
            # Table first: the virtual IP must not draw packets that the old next hop would turn back (design 5).
            self._route(now, membership)
        for effect in effects:
            self._perform(now, membership, effect)
        if effects:
            self._dirty.add(membership.vid)

    def _perform(self, now: Instant, membership: Membership, effect: vrrp_effects.Effect) -> None:
        group = membership.group
        match effect:
            case vrrp_effects.SendAdvert(priority):
                self._send_advert(membership, priority)
            case vrrp_effects.InstallAddresses():
                membership.installed = True
                self._out.append(AddAddresses(group.device, group.virtual_ips))
            case vrrp_effects.ReleaseAddresses():
                membership.installed = False
                self._out.append(RemoveAddresses(group.device, group.virtual_ips))
            case vrrp_effects.AnnounceAddresses():
                self._out.append(Announce(group.device, tuple(address.ip for address in group.virtual_ips)))
            case vrrp_effects.Changed(_, _, reason):
                stopped = membership.stance is not None and not membership.stance.runs
                self._moved(now, membership, membership.stance.reason if stopped and membership.stance else reason)
            case _:
                assert_never(effect)

    def _send_advert(self, membership: Membership, priority: int) -> None:
        source = self.known.primary(membership.group.device)
        assert source is not None, "a router without a primary address is in Initialize"
        self.known.count("vrrp:sent")
        message = membership.advert(priority, source, MULTICAST)
        self._out.append(SendAdvert(membership.group.device, source, message, MULTICAST))

    def _moved(self, now: Instant, membership: Membership, reason: str) -> None:
        if membership.state is membership.shown:
            return
        membership.shown = membership.state
        membership.generation += 1
        membership.transitions += 1
        membership.since, membership.reason = now, reason
        self._dirty.add(membership.vid)
        self.known.change(now)
        self._record("vid", f"VID {membership.vid}", f"{membership.state.name.lower()}: {reason}", vid=membership.vid)

    def _route(self, now: Instant, membership: Membership) -> None:
        """Judge the VID and point its two tables."""
        link = self.links.get(membership.link or "")
        carries = self._open(now, membership) and membership.tier is not Tier.DEAD
        if membership.judge(now, carries=carries):
            self.known.change(now)
            verdict = "works" if membership.works else "does not work"
            self._record("verdict", f"VID {membership.vid}", f"{verdict}: {status.why(membership)}", vid=membership.vid)
        source = self.known.primary(membership.group.device)
        via_link = way_over(link, source) if link is not None and carries else None
        unheard = not membership.is_master and membership.other_master() is None
        if not (unheard and self._is_waiting(now) and False in membership.next_hops):
            self._point(now, membership, membership.hop(via_link, source), guard=False)
        self._point(now, membership, membership.guard_hop(via_link or any_way(self.links.values(), source)), guard=True)

    def _point(self, now: Instant, membership: Membership, hop: NextHop | None, *, guard: bool) -> None:
        if hop is None or membership.next_hops.get(guard) == hop:
            return
        membership.next_hops[guard] = hop
        self._out.append(SetNextHop(membership.vid, hop, guard))
        if not guard:
            self.known.change(now)
            self._record("next-hop", f"VID {membership.vid}", status.hop_in_words(hop), vid=membership.vid)

    def _is_waiting(self, now: Instant) -> bool:
        """Whether a new agent could still hear a Master unheard so far: until then the kernel stays as found."""
        return self._table is None and now < self._informed_at

    def _publish(self, now: Instant, touched: list[Membership]) -> None:
        changed = self._told.enter(entry(one, retires=one.vid in self._retirement.vids) for one in touched)
        entries = self._told.entries() if changed or self._table is None else []
        if self._is_waiting(now) and not all(entry.works for entry in entries):
            return
        if entries:
            self._table = self.known.table(entries)
            self._out.append(Publish(self._table))

    def _finish_leaving(self) -> None:
        if self.leaving and not self._left and not any(m.installed for m in self.memberships.values()):
            self._left = True
            self._out.append(Left())

    def _record(self, kind: str, subject: str, text: str, **fields: str | int) -> None:
        self._out.append(Record(kind, subject, text, tuple(fields.items())))
