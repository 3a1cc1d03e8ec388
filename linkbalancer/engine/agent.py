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
from linkbalancer.engine import assured, conduct, senses, snapshot, standing, status
from linkbalancer.engine.adoption import Adoption
from linkbalancer.engine.conclusions import conclude
from linkbalancer.engine.drain import Drained
from linkbalancer.engine.effects import Ask, Effect, Retired, SetMembers
from linkbalancer.engine.events import (
    AdvertReceived,
    Answered,
    ApplicationSteers,
    DatagramReceived,
    DeviceChanged,
    Event,
    HeraldReceived,
    KeepalivedSays,
    Leave,
    LegHeard,
    Measured,
    NeighbourHeard,
    Retain,
    Retire,
    Started,
    Tick,
    Weighed,
)
from linkbalancer.engine.found import Found
from linkbalancer.engine.gateway import Gateway
from linkbalancer.engine.knowledge import Knowledge
from linkbalancer.engine.liaison import tell_link
from linkbalancer.engine.repetition import is_repetition
from linkbalancer.engine.retirement import NOBODY, SUCCESSION, Retirement
from linkbalancer.engine.scales import MinuteBegan
from linkbalancer.engine.tracking import Checked
from linkbalancer.health.report import Reports
from linkbalancer.links import Family, LinkName, Vid
from linkbalancer.lvrrp import events as lvrrp
from linkbalancer.lvrrp.keys import Key
from linkbalancer.lvrrp.link import Link
from linkbalancer.machine import Chance
from linkbalancer.vrrp import events as vrrp


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
        self.config, self.rules = loaded.config, loaded.rules
        self.known = Knowledge(loaded, app_ids, session=session, boot=boot)
        self.links = {
            name: Link(link.settings(name, self.config), keys.get(name, ()), chance, boot)
            for name, link in self.config.links.items()
        }
        self._gateway = Gateway(loaded, self.known, self.links, boot)
        self.memberships = self._gateway.memberships
        self._moved = True
        self._rest: Instant | None = None
        self._adoption = Adoption(found or Found())
        self._adoption.recall(boot, self.links, self.known, self._gateway.tracking)
        self._gateway.recall(boot, (found.snapshot or {}) if found else {})
        self._gateway.hearing.recall(self._adoption.vrrp)

    @property
    def leaving(self) -> bool:
        """Whether every mastership is being handed over for good."""
        return self._gateway.leaving

    def handle(self, now: Instant, event: Event) -> list[Effect]:
        """Take one event; return, in order, what the host must do about it."""
        if isinstance(event, AdvertReceived) and is_repetition(self._gateway, now, event):
            return []
        if isinstance(event, NeighbourHeard) and self.known.knows(event):
            return []
        return self._handle(now, event)

    def _handle(self, now: Instant, event: Event) -> list[Effect]:
        gateway, self._moved = self._gateway, True
        gateway.out = []
        match event:
            case Started():
                self._start(now)
            case Tick():
                self._tick(now)
            case AdvertReceived() | DatagramReceived():
                senses.receive(gateway, now, event)
            case DeviceChanged():
                senses.look(gateway, now, event)
            case NeighbourHeard() | LegHeard() | HeraldReceived():
                senses.listen(gateway, now, event)
            case ApplicationSteers():
                self.known.steers(now, event)
                gateway.out += gateway.chronicle.steers(event.application, event.vid, event.reason)
            case KeepalivedSays() | Checked() | Measured() | MinuteBegan() | Weighed() | Answered():
                self._told(now, event)
            case Leave() | Retire() | Retain():
                self._part(now, event)
            case Drained():
                self._drain(now, event)
            case _:
                assert_never(event)
        conclude(gateway, now)
        self._weigh(now)
        self._finish_retiring(now)
        return gateway.chronicle.complete(now, gateway.out)

    def _told(
        self, now: Instant, event: KeepalivedSays | Checked | Measured | MinuteBegan | Weighed | Answered
    ) -> None:
        match event:
            case Answered(replies):
                self._gateway.out += self._gateway.scales.answered(now, replies)
            case Checked():
                self._gateway.checked(now, event)
            case Measured():
                senses.measure(self._gateway, now, event)
            case MinuteBegan():
                self._gateway.scales.minute_began(event)
            case Weighed(link, wanted):
                if link in self.links:
                    tell_link(self._gateway, now, link, lvrrp.Adjust(wanted))
            case _:
                conduct.hear_keepalived(self._gateway, now, event)

    @property
    def working(self) -> set[Vid]:
        """The VIDs that work."""
        return {vid for (vid, family), one in self.memberships.items() if one.works and family is Family.IPV4}

    def deadline(self) -> Instant | None:
        """Return when to hand in the next `Tick`."""
        if self._moved:
            self._rest, self._moved = self._gateway.deadline(), False
        # A repeated advert moves a group's deadline, and nothing else.
        return earliest(self._gateway.told.deadline(), self._rest)

    def status(self, now: Instant) -> dict[str, Any]:
        """Return what each link, VID and application does, since when, why, and what is next (schema 1)."""
        return status.describe(now, self._gateway)

    def is_settled(self, now: Instant) -> bool:
        """Tell whether nothing has changed for as long as a change may take to show."""
        return now >= status.settles_at(self._gateway)

    def snapshot(self, now: Instant, *, live: bool = False) -> dict[str, Any]:
        """Return what a successor needs to go on where this agent stands (`live`: exactly); never sessions or keys."""
        taken = snapshot.take(now, self.links, self.memberships, self.known, self._gateway.hearing, live=live)
        return {
            **taken,
            "checks": self._gateway.tracking.take_snapshot(),
            **self._gateway.snapshot(live=live),
        }

    def carried(self) -> dict[LinkName, Any]:
        """Return what links have carried in the months that data caps go by, JSON-able; to be kept over a reboot."""
        return self._gateway.scales.carried()

    def believed(self) -> Reports:
        """Return what the checker has told, for one that begins anew."""
        return self._gateway.tracking.reports()

    # -- what happens ------------------------------------------------------------------------------------------------

    def _start(self, now: Instant) -> None:
        gateway = self._gateway
        gateway.running = True
        gateway.informed_at = now + self._adoption.doubt(self.known.patience)
        gateway.touch()
        gateway.out += gateway.chronicle.started(self.config.node, resumed=self._adoption.resumed)
        self._adopt(now)
        gateway.out += [SetMembers(device, self.known.members(device)) for device in self._adoption.dropped]
        self.known.change(self._adoption.changed_at(now))
        for name in self.links:
            tell_link(gateway, now, name, lvrrp.Start())
            wanted = gateway.scales.first(name)
            if wanted is not None:
                tell_link(gateway, now, name, lvrrp.Adjust(wanted))

    def _adopt(self, now: Instant) -> None:
        for membership in self.memberships.values():
            match self._adoption.go_on(now, membership):
                case vrrp.Resume() as resume:
                    conduct.tell_router(self._gateway, now, membership, resume)
                    text = f"{membership.state.name.lower()}: resumed"
                    self._gateway.record_of(membership.id, "resumed", text)
                case effects:
                    for effect in effects:
                        conduct.perform(self._gateway, now, membership, effect)
            if membership.is_master and membership.installed:
                self._gateway.announcements.adopt(now, membership.group)
        standing.recall_sync_groups(self._gateway)

    def _tick(self, now: Instant) -> None:
        gateway = self._gateway
        gateway.out += gateway.announcements.send(now)
        assured.speak(gateway, now)
        if gateway.table is None:
            gateway.touch()
        touched = frozenset(gateway.dirty)
        for name, at in tuple(gateway.link_deadlines.items()):
            if is_due(now, at):
                tell_link(gateway, now, name, lvrrp.Tick())
        if gateway.dirty - touched:
            # A Master whose link has closed resigns, and does not first say that it is there.
            conclude(gateway, now)
        for group in gateway.told.due(now):
            membership = self.memberships[group]
            if is_due(now, membership.verdict_deadline()):
                gateway.dirty.add(group)
            if is_due(now, membership.observer.deadline()):
                gateway.dirty.add(group)
                senses.observe(gateway, now, membership, vrrp.Tick())
            if membership.router is not None and is_due(now, membership.router.deadline()):
                # A Master that merely says so again concludes nothing from it.
                conduct.tell_router(gateway, now, membership, vrrp.Tick())
            gateway.told.note_deadline(membership)

    def _part(self, now: Instant, event: Leave | Retire | Retain) -> None:
        """Begin to hand over everything, or what a successor will not serve; or serve that again."""
        gateway = self._gateway
        gateway.touch()
        match event:
            case Leave():
                gateway.leaving, gateway.retirement = True, NOBODY
                gateway.record("leaving", self.config.node, "handing over every mastership")
                for name in self.links:
                    tell_link(gateway, now, name, lvrrp.Bye(None))
            case Retire(groups, links) if not gateway.leaving:
                gateway.retirement = Retirement(
                    groups.intersection(self.memberships), links.intersection(self.links), now
                )
            case _:
                left, gateway.retirement = gateway.retirement, NOBODY
                for name in sorted(self.links) if left.over and left is not NOBODY else ():
                    tell_link(gateway, now, name, lvrrp.Start())

    def _weigh(self, now: Instant) -> None:
        """Have the far ends' priorities follow the weights of their links."""
        if not self._gateway.scales:
            return
        wanted, records = self._gateway.scales.weigh(now)
        for one in wanted:
            self._told(now, Weighed(*one))
        self._gateway.out += records
        if questions := self._gateway.scales.questions(now):
            self._gateway.out.append(Ask(questions))

    def _finish_retiring(self, now: Instant) -> None:
        gateway, retirement = self._gateway, self._gateway.retirement
        if retirement.over:
            return
        steered = [steering.vid for steering in self.known.steering.values()]
        if retirement.finish(now, self.memberships.values(), steered):
            for name in sorted(self.links):
                tell_link(gateway, now, name, lvrrp.Bye(None if name in retirement.links else SUCCESSION))
            gateway.out.append(Retired())

    def _drain(self, now: Instant, event: Drained) -> None:
        gateway = self._gateway
        for kind, subject, text in event.changes(gateway.drained):
            self.known.change(now)
            gateway.record(kind, subject, text)
        gateway.drained = event
        gateway.touch()
