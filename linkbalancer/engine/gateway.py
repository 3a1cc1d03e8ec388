"""What one gateway has and knows: the state that the parts of an agent share, and what they have to say."""

from collections.abc import Mapping
from dataclasses import dataclass
from typing import Any

from linkbalancer.clock import Instant, earliest
from linkbalancer.config.load import Loaded
from linkbalancer.engine.announcements import Announcements
from linkbalancer.engine.assurance.ledger import Ledger, levels_of
from linkbalancer.engine.chronicle import Chronicle, named
from linkbalancer.engine.company import Company, Herald
from linkbalancer.engine.concert import Concert
from linkbalancer.engine.concord import Concord
from linkbalancer.engine.counters import Counters
from linkbalancer.engine.drain import Drained
from linkbalancer.engine.effects import Effect, Record
from linkbalancer.engine.halves import Halves
from linkbalancer.engine.hearing import Hearing, Likeness
from linkbalancer.engine.knowledge import Knowledge
from linkbalancer.engine.membership import Membership
from linkbalancer.engine.retirement import NOBODY, Retirement
from linkbalancer.engine.scales import Scales
from linkbalancer.engine.synchrony import SyncGroup, index
from linkbalancer.engine.told import Told
from linkbalancer.engine.tracking import Checked, Tracking
from linkbalancer.feed.table import Table
from linkbalancer.links import DeviceName, GroupId, LinkName, Mac, Role
from linkbalancer.lvrrp.link import Link
from linkbalancer.lvrrp.rules import Tier, is_open_for
from linkbalancer.vrrp.events import Heard
from linkbalancer.vrrp.group import Group
from linkbalancer.vrrp.router import Router


@dataclass(frozen=True, slots=True)
class Repetition:
    """An advert that said what the one before it had said: whom it concerns, what it said, and its frame's source."""

    membership: Membership
    heard: Heard
    mac: Mac


class Gateway:
    """The links and groups of one gateway, what is known beside them, and the effects so far of one event.

    Attributes:
        dirty: the groups that something happened to, whose conclusions must be drawn again.
        out: the effects, in order.
        running: whether the agent may act.
        leaving: whether every mastership is being handed over for good, and `left`: whether that is over.
        link_deadlines: when each link is due, reckoned after each of its events: all of them are asked for after each
            event of the gateway.
        table: what was last published, None before the first time.
        company: the other gateways of its LANs, and whether they steer by the same rules.
        hearing: what judges, counts and remembers the adverts of others.
        scales: what the links of a controller weigh, and what is wanted of their far ends.
        ledger: which service levels links break.
        halves: which ways have lost IPv6 alone.
        repetitions: adverts that may be no more than a count and an instant when they come again (`repetition`).
        informed_at: until when a Master that was not heard yet may be one all the same.
    """

    def __init__(self, loaded: Loaded, known: Knowledge, links: Mapping[LinkName, Link], boot: Instant) -> None:
        self.config, self.known, self.links = loaded.config, known, links
        self.memberships = {
            group: Membership.of(group, one, boot, loaded.passwords.get(group))
            for group, one in self.config.groups.items()
        }
        for membership in self.memberships.values():
            membership.plain = self.config.role is Role.STANDALONE
        self.drained = Drained()
        influences = self.config.influences
        self.tracking = Tracking(influences)
        self.running = self.leaving = self.left = False
        self.retirement: Retirement = NOBODY
        self.chronicle = Chronicle(self.config.groups, influences)
        self.told = Told()
        self.announcements = Announcements(self.config.announce_rate)
        self.concert = self._concert()
        self.link_deadlines: dict[LinkName, Instant | None] = dict.fromkeys(links)
        self.table: Table | None = None
        self.informed_at: Instant = 0
        self.dirty: set[GroupId] = set()
        self.sync_states: dict[str, str] = {}
        self.out: list[Effect] = []
        self.repetitions: dict[Likeness, Repetition] = {}
        self.company = Company(Herald(self.config.node, loaded.rules.digest), _lans(loaded), boot)
        self.scales = Scales(self.config.weights(name) for name in links)
        self.ledger = Ledger(
            levels_of(one.sla for one in loaded.rules.applications.values()),
            {name: self.config.vids_over(name) for name in links},
        )
        self.halves = Halves(self.config, self.memberships, self.tracking, self.company)
        self.concord = Concord(loaded.rules.digest)
        self.hearing = Hearing(
            self._group_of, Counters({group: one.group.device for group, one in self.memberships.items()})
        )

    def _group_of(self, group: GroupId) -> Group | None:
        membership = self.memberships.get(group)
        return None if membership is None or membership.upstream is not None else membership.group

    def _concert(self) -> Concert:
        """Let the members of sync groups move together, and every member begin no sooner than configured."""
        members = {group: one.router for group, one in self.memberships.items() if isinstance(one.router, Router)}
        groups = index(SyncGroup(name, tuple(sorted(one.groups))) for name, one in self.config.sync_groups.items())
        for group, router in members.items():
            router.synchronised = group in groups
            self.memberships[group].not_before = self.config.start_delay
        return Concert(groups, members)

    def touch(self) -> None:
        """Have every conclusion drawn again."""
        self.dirty.update(self.memberships)

    def checked(self, now: Instant, event: Checked) -> None:
        """Take in what the checker believes."""
        records, groups = self.tracking.take(event)
        if records:
            self.known.change(now)
        self.scales.checked(self.tracking.reports())
        self.out += records
        self.dirty |= groups & self.memberships.keys()
        if event.reports.ends or event.reports.whole:
            self.touch()

    def deadline(self) -> Instant | None:
        """Return when the first of all is due but what the groups do."""
        first = self.announcements.deadline()
        for at in self.link_deadlines.values():
            first = earliest(first, at)
        if not self.retirement.over:
            first = earliest(first, self.retirement.deadline())
        if not self.running:
            return first
        first = earliest(first, self.company.deadline(), self.informed_at if self.table is None else None)
        if self.ledger:
            first = earliest(first, self.ledger.deadline())
        return earliest(first, self.scales.deadline()) if self.scales else first

    def recall(self, boot: Instant, left: Mapping[str, Any]) -> None:
        """Go on from what a predecessor weighed, judged and told."""
        self.scales.recall(boot, left.get("weights"))
        self.scales.carry(left.get("carried"))
        self.concord.recall(left.get("differing"))
        self.ledger.recall(boot, left.get("levels"))
        self.company.recall(boot, left.get("company"))
        self.drained = Drained.from_json(left.get("drained"))

    def snapshot(self, *, live: bool) -> dict[str, Any]:
        """Return what a successor recalls of it, JSON-able; what it would hear soon enough, if that is `live` alone."""
        taken = {
            "weights": self.scales.snapshot(),
            "differing": sorted(self.concord.differing),
            "levels": self.ledger.snapshot(),
        }
        return {**taken, "company": self.company.snapshot(), "drained": self.drained.to_json()} if live else taken

    def record(self, kind: str, subject: str, text: str, **fields: str | int) -> None:
        """Say what happened to something that is no group."""
        self.out.append(Record(kind, subject, text, tuple(fields.items())))

    def record_of(self, group: GroupId, kind: str, text: str, **fields: str | int) -> None:
        """Say what happened to a group."""
        self.out.append(Record(kind, f"VID {group}", text, (*named(group), *fields.items())))

    def is_open(self, now: Instant, membership: Membership) -> bool:
        """Whether this gateway's link is open for a group, at both ends as far as this one may judge (mission A3)."""
        link = self.links.get(membership.link or "")
        if link is None or membership.link in self.retirement.links:
            return False
        return is_open_for(link_open=link.is_open, role=self.config.role, peer=link.word(membership.id, now))

    def carries(self, now: Instant, membership: Membership) -> bool:
        """Whether this gateway, as Master, can carry a group's packets on: by its open link, or without any link."""
        if membership.link is None:
            return membership.router is not None
        return self.is_open(now, membership) and membership.tier is not Tier.DEAD

    def is_waiting(self, now: Instant) -> bool:
        """Whether a new agent could still hear a Master unheard so far: until then the kernel stays as found."""
        return self.table is None and now < self.informed_at


def _lans(loaded: Loaded) -> set[DeviceName]:
    """Return the LANs whose gateways have rules in common with this one."""
    if not loaded.rules.rules:
        return set()
    return {group.device for group in loaded.config.groups.values() if group.mode != "static"}
