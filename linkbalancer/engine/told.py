"""What was last said of each group: its deadline, its entry in the table, its word to the peer, the peer's word on it.

Only what changed is said again, and only the VIDs that an event touched are looked at: an advert must cost the same in
a gateway of one group and in one of 255.
"""

from collections.abc import Callable, Iterable

from linkbalancer.clock import Instant
from linkbalancer.engine.deadlines import Deadlines
from linkbalancer.engine.membership import Membership
from linkbalancer.engine.retirement import REMOVED
from linkbalancer.feed.table import VidEntry
from linkbalancer.links import DeviceName, GroupId, GroupWord, LinkName, Vid


class Told:
    """The last conclusions of one agent."""

    def __init__(self) -> None:
        """Begin with nothing said."""
        self._deadlines = Deadlines()
        self._entries: dict[Vid, VidEntry] = {}
        self._words: dict[GroupId, tuple[LinkName, GroupWord, str]] = {}
        self._heard: dict[tuple[LinkName, GroupId], GroupWord] = {}
        self._said: dict[LinkName, tuple[tuple[GroupWord, ...], str]] = {}

    def note_deadline(self, membership: Membership) -> None:
        """Take in when a membership changes by time alone."""
        self._deadlines.set(membership.id, membership.deadline())

    def postpone(self, now: Instant, membership: Membership) -> None:
        """Take in that a membership's deadline, whatever it is, has only moved away."""
        self._deadlines.postpone(now, membership.id, membership.deadline)

    def deadline(self) -> Instant | None:
        """Return the first of all memberships' deadlines, or an instant before it."""
        return self._deadlines.first()

    def due(self, now: Instant) -> list[GroupId]:
        """Return the groups whose deadlines have come."""
        return self._deadlines.due(now)

    def is_heard(self, link: LinkName, words: tuple[GroupWord, ...], fault: str) -> bool:
        """Tell whether these very words are what a link's peer said last."""
        return self._said.get(link) == (words, fault)

    def hear(self, link: LinkName, words: Iterable[GroupWord], fault: str = "") -> set[GroupId]:
        """Take in what a link's peer said, and which fault it has; return the groups of which it is news."""
        said = tuple(words)
        again = self._said.get(link, (said, fault))[1] == fault  # a fault is part of what is told of a group
        self._said[link] = (said, fault)
        news = {word.id for word in said if not again or self._heard.get((link, word.id)) != word}
        self._heard |= {(link, word.id): word for word in said}
        return news

    def forget_heard(self) -> None:
        """Forget what peers said: a link was closed, and the words went with it."""
        self._heard.clear()
        self._said.clear()

    def word(
        self, touched: Iterable[Membership], witnesses: Callable[[DeviceName], int]
    ) -> list[tuple[LinkName, tuple[GroupWord, ...], str]]:
        """Return, for each link of which a VID has a new word, the words of all its VIDs, and the first one's fault."""
        links: set[LinkName] = set()
        for membership in touched:
            word = membership.word(witnesses(membership.group.device))
            if membership.link is None:
                continue
            said = (membership.link, word, membership.fault)
            if self._words.get(membership.id) != said:
                self._words[membership.id] = said
                links.add(membership.link)
        return [self._of_link(name) for name in sorted(links)]

    def _of_link(self, name: LinkName) -> tuple[LinkName, tuple[GroupWord, ...], str]:
        said = [(word, fault) for _group, (link, word, fault) in sorted(self._words.items()) if link == name]
        return name, tuple(word for word, _fault in said), next((fault for _word, fault in said if fault), "")

    def enter(self, entries: Iterable[VidEntry]) -> bool:
        """Take in the present entries of some VIDs; return whether one changed."""
        fresh = {entry.vid: entry for entry in entries}
        changed = any(self._entries.get(vid) != entry for vid, entry in fresh.items())
        self._entries |= fresh
        return changed

    def breaks(self, vid: Vid) -> tuple[tuple[str, str], ...]:
        """Return the service levels that a VID was last said to break."""
        known = self._entries.get(vid)
        return () if known is None else known.breaks

    def entries(self) -> list[VidEntry]:
        """Return the entries of all VIDs, in their order."""
        return [self._entries[vid] for vid in sorted(self._entries)]


def entry(membership: Membership, *, retires: bool, breaks: tuple[tuple[str, str], ...] = ()) -> VidEntry:
    """Return what the applications are told of a VID; from one that goes they go first."""
    if retires:
        return VidEntry(membership.vid, works=False, master="none", reason=REMOVED.reason, link=membership.link)
    other = "none" if membership.other_master() is None else "other"
    master = "self" if membership.is_master else other
    return VidEntry(membership.vid, membership.works, master, why(membership), membership.link, breaks)


def why(membership: Membership) -> str:
    """Say in a few words what a VID's verdict rests on."""
    if membership.upstream is not None:
        return membership.reason
    other = membership.other_master()
    if other is not None:
        return f"{other} is Master"
    heard = membership.observer.heard
    if membership.is_master:
        return "Master here" if membership.own else "Master here, without a link"
    if heard is not None and heard.priority == 1 and not membership.plain:
        return f"{heard.source} is Master without a link"
    if heard is not None and heard.priority == 0:
        return f"{heard.source} resigned"
    return "no Master is heard"
