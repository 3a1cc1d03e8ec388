"""The chronicle: numbers what an agent records, and says what each record follows from.

    measurement -> link state -> VRRP state -> verdict on the VID -> next hop -> kernel -> application

A record follows from the latest record of what it depends on: of the same `handle()`, or not much older (`fresh`). One
that depends on nothing recorded is a root. The records of one `handle()` are numbered in the order of that chain,
whatever the order in which the host has to do things (a table is written before a mastership is taken).
"""

from collections.abc import Iterable, Mapping
from dataclasses import dataclass
from typing import Final, TypeAlias

from linkbalancer.clock import MILLISECOND, SECOND, Duration, Instant, in_words
from linkbalancer.config.model import Group
from linkbalancer.engine.effects import Effect, Record
from linkbalancer.links import DEAD_PRIORITY, DeviceName, Family, GroupId, GroupState, GroupWord, LinkName, Vid
from linkbalancer.lvrrp.events import Closed, Opened
from linkbalancer.lvrrp.link import Link
from linkbalancer.vrrp.heard import LastHeard

REACTION: Duration = 2 * SECOND
"""How long a record can be the cause of another, beside two advertisement intervals: a table lingers for a second."""

TOGETHER: Duration = 1 * SECOND
"""Within this, what one neighbour says of several VIDs is one thing that happened to it."""

Topic: TypeAlias = tuple[str, str | int | GroupId]
"""What a record is about: the key by which others find it."""

_ORDER: Final = {
    kind: rank  # what is not named here is something done to the whole gateway, which comes first
    for rank, kinds in enumerate(
        (
            ("device", "tracker", "gateway", "ipv6"),
            ("link-closed", "link-opened", "alarm", "rules"),
            ("heard", "peer", "advert", "adjusted", "weight"),
            ("vid", "priority", "rival"),
            ("sync-group",),
            ("verdict",),
            ("service-level",),
            ("next-hop",),
            ("kernel", "keepalived"),
            ("application",),
        )
    )
    for kind in kinds
}


_CAUSELESS: Final = frozenset(
    (
        "alarm",
        "rules",
        "ipv6",
        "advert",
        "priority",
        "rival",
        "sync-group",
        "next-hop",
        "kernel",
        "keepalived",
        "application",
    )
)
"""What nothing else follows from."""


@dataclass(frozen=True, slots=True)
class _Noted:
    """A record that others may follow from."""

    number: int
    at: Instant


class Chronicle:
    """The memory of one agent's records.

    Args:
        groups: the configured groups, so that devices and links find them.
        influences: the trackers that move each of them.

    Attributes:
        fresh: how long a record can be the cause of another.
    """

    def __init__(
        self, groups: Mapping[GroupId, Group], influences: Mapping[GroupId, Iterable[str]] | None = None
    ) -> None:
        self._groups, self._influences = groups, influences or {}
        self.fresh = REACTION + 2 * max(group.advert_interval for group in groups.values())
        self._number = 0
        self._running = self._resumed = False
        self._noted: dict[Topic, _Noted] = {}
        self._heard: dict[GroupId, LastHeard | None] = {}
        self._peers: dict[tuple[LinkName, GroupId], GroupState] = {}
        self._faults: dict[DeviceName, str | None] = {}
        self._places: dict[str, Vid | None] = {}

    # -- what the agent meets: drafts of records ---------------------------------------------------------------------

    def started(self, node: str, *, resumed: bool) -> list[Record]:
        """Begin; before this nothing is worth a record."""
        self._running, self._resumed = True, resumed
        how = "goes on where its predecessor stopped" if resumed else "starts anew"
        return [Record("started", node, f"the agent {how}")]

    def turned(self, now: Instant, link: Link, effect: Opened | Closed) -> Record:
        """Tell that a link opened or closed, with what was measured."""
        name, device = link.settings.name, link.settings.device
        fields: dict[str, str | int] = {"link": name, "device": device, "detect_ms": link.detect // MILLISECOND}
        if isinstance(effect, Opened):
            return Record("link-opened", name, effect.reason, tuple(fields.items()))
        fields["misses"] = effect.misses
        if effect.proof_at is not None:
            fields["last_proof_ms"] = (now - effect.proof_at) // MILLISECOND
        for key in [key for key in self._peers if key[0] == name]:
            del self._peers[key]
        return Record("link-closed", name, effect.reason, tuple(fields.items()))

    def heard(self, group: GroupId, after: LastHeard | None, *, is_master: bool = False) -> list[Record]:
        """Tell what changed of the Master that is heard on the LAN; a Master misses nobody."""
        before, self._heard[group] = self._heard.get(group), after
        text = _heard_in_words(before, after)
        last = after or before
        if text is None or last is None or not self._running or (after is None and is_master):
            return []
        fields = (*named(group), ("source", str(last.source)), ("priority", after.priority if after else 0))
        return [Record("heard", f"VID {group}", text, fields)]

    def peer(self, link: LinkName, words: Iterable[GroupWord]) -> list[Record]:
        """Tell what changed of the states that a link's peer states."""
        drafts = []
        for word in words:
            before = self._peers.get((link, word.id), GroupState.UNKNOWN)
            if word.state is not before:
                self._peers[link, word.id] = word.state
                fields = (*named(word.id), ("link", link), ("priority", word.priority))
                was = f", was {before.name.lower()}" if before is not GroupState.UNKNOWN else ""
                text = f"{word.state.name.lower()} at the far end of {link}{was}"
                drafts.append(Record("peer", f"VID {word.id}", text, fields))
        return drafts

    def device(self, device: DeviceName, fault: str | None) -> list[Record]:
        """Tell that a LAN device cannot serve, or can again."""
        before = self._faults.get(device)
        self._faults[device] = fault
        if fault == before or not self._running or all(group.device != device for group in self._groups.values()):
            return []
        return [Record("device", device, fault or f"serves again, after: {before}", (("device", device),))]

    def steers(self, application: str, vid: Vid | None, reason: str) -> list[Record]:
        """Tell that an application goes elsewhere."""
        before, is_first = self._places.get(application), application not in self._places
        self._places[application] = vid
        if vid == before or (is_first and self._resumed):
            return []  # where it goes is no news, or was none to the predecessor
        where = "nowhere" if vid is None else f"VID {vid}"
        fields: list[tuple[str, str | int]] = [("app", application)]
        fields += [(key, value) for key, value in (("vid", vid), ("from_vid", before)) if value is not None]
        came = "" if before is None else f" from VID {before}"
        return [Record("application", application, f"to {where}{came}: {reason}", tuple(fields))]

    @property
    def _of_a_start(self) -> list[Topic]:
        """What the kernel is told at once follows from the start where nothing else has changed."""
        return [("gateway", "started")] if self._resumed else []

    # -- what becomes of them ----------------------------------------------------------------------------------------

    def complete(self, now: Instant, effects: list[Effect]) -> list[Effect]:
        """Return one `handle()`'s effects with its records numbered."""
        drafts = [
            (_ORDER.get(effect.kind, -1), place) for place, effect in enumerate(effects) if isinstance(effect, Record)
        ]
        if not drafts:
            return effects
        told = list(effects)
        for _rank, place in sorted(drafts):
            draft = told[place]
            assert isinstance(draft, Record)
            told[place] = self._enter(now, draft)
        return told

    def _enter(self, now: Instant, draft: Record) -> Record:
        """Number a record, and find its cause."""
        self._number += 1
        facts = dict(draft.fields)
        causes = [
            noted.number
            for topic, within in self._depends(draft.kind, facts)
            if (noted := self._noted.get(topic)) is not None and now - noted.at <= within
        ]
        for topic in _topics(draft.kind, facts):
            self._noted[topic] = _Noted(self._number, now)
        return draft.numbered(self._number, max(causes, default=None))

    def _depends(self, kind: str, facts: Mapping[str, str | int]) -> list[tuple[Topic, Duration]]:
        """Return what a record may follow from, and how old that may be."""
        group, link = _group_in(facts), facts.get("link", "")
        about: list[Topic]
        match kind:
            case "link-opened" | "resumed":
                about = [("gateway", "started")]
            case "link-closed":
                about = [("gateway", "leaving")]
            case "heard":
                return [
                    (("source", facts["source"]), TOGETHER),
                    (("vid", group), self.fresh),
                    (("device", self._group(group)[0]), self.fresh),
                    (("gateway", "started"), self.fresh),
                ]
            case "peer":
                return [
                    (("peers", link), TOGETHER),
                    *(((name, key), self.fresh) for name, key in (("link", link), ("vid", group), ("heard", group))),
                    (("gateway", "started"), self.fresh),
                ]
            case "vid" | "priority" | "rival":
                device, own = self._group(group)
                gateway = [("gateway", word) for word in ("started", "leaving", "order")]
                said: list[Topic] = [(topic, group) for topic in ("peer", "heard", "adjusted")]
                about = [*gateway, ("device", device), ("link", own), *said, *self._trackers(group)]
            case "verdict" | "next-hop" | "kernel" | "keepalived" | "service-level":
                about = [("verdict", group)] if kind == "next-hop" else []
                about += [("vid", group), ("heard", group), ("link", self._group(group)[1]), ("peer", group)]
                about += [("upstream", group), ("device", self._group(group)[0])] if self._is_static(group) else []
                about += self._of_a_start
            case "sync-group":
                about = [("vid", group)]
            case "application":
                both = (group, GroupId(int(facts.get("from_vid", 0))))
                about = [*((why, one) for why in ("verdict", "service-level") for one in both), ("gateway", "started")]
            case _:
                about = []
        return [(topic, self.fresh) for topic in about]

    def _trackers(self, group: GroupId) -> list[Topic]:
        """Return the trackers that move a group."""
        return [("tracker", name) for name in self._influences.get(group, ())]

    def _is_static(self, group: GroupId) -> bool:
        return group in self._groups and self._groups[group].mode == "static"

    def _group(self, group: GroupId) -> tuple[DeviceName, LinkName]:
        """Return a group's LAN device and link, empty where there is none."""
        known = self._groups.get(group)
        return ("", "") if known is None else (known.device, known.link or "")


def named(group: GroupId) -> tuple[tuple[str, str | int], ...]:
    """Return how the fields of a record name a group: its VID and, beside IPv4, its family."""
    vid = ("vid", group.vid)
    return (vid,) if group.family is Family.IPV4 else (vid, ("family", int(group.family)))


def _group_in(facts: Mapping[str, str | int]) -> GroupId:
    return GroupId(int(facts.get("vid", 0)), Family(int(facts["family"])) if "family" in facts else Family.IPV4)


def _topics(kind: str, facts: Mapping[str, str | int]) -> list[Topic]:
    """Return the keys by which a record's consequences will find it."""
    match kind:
        case "started" | "leaving":
            return [("gateway", kind)]
        case "device":
            return [("device", facts["device"])]
        case "link-opened" | "link-closed":
            return [("link", facts["link"])]
        case "heard":
            return [("heard", _group_in(facts)), ("source", facts["source"])]
        case "peer":
            return [("peer", _group_in(facts)), ("peers", facts["link"])]
        case "vid" | "verdict" | "adjusted" | "service-level":
            return [(kind, _group_in(facts))]
        case "tracker":
            return [("tracker", facts["tracker"])]
        case "gateway":
            return [("upstream", _group_in(facts))]
        case kind if kind in _CAUSELESS:
            return []
        case _:
            return [("gateway", "order")]  # somebody drained something, or the like


def _heard_in_words(before: LastHeard | None, after: LastHeard | None) -> str | None:
    """Say what changed of the Master that is heard, None when nothing of note did."""
    if after is None:
        if before is None or before.priority == 0:
            return None  # there was none, or it had said that it leaves
        return f"{before.source} fell silent for {in_words(before.gone_at() - before.at)}"
    if after.priority == 0:
        return f"{after.source} resigned" if before is not None and before.priority > 0 else None
    without = after.priority == DEAD_PRIORITY
    known = before is not None and before.source == after.source and before.priority > 0
    if known and before is not None and without == (before.priority == DEAD_PRIORITY):
        return None
    return f"{after.source} is Master" + (" without a link" if without else f" (priority {after.priority})")
