"""What a Keepalived on this host says of its instances: the lines of its notify FIFO, and what they add up to.

Its lines are changes, and this process may have missed some; so of an instance that it says nothing about while it
runs, the presence of the virtual IPs tells. Nobody else on this host installs them.
"""

import re
from collections.abc import Collection, Mapping
from dataclasses import dataclass, field
from typing import Final, TypeAlias, assert_never

from linkbalancer.clock import SECOND, Duration, Instant
from linkbalancer.links import GroupId, GroupState

GONE_AFTER: Final[Duration] = SECOND
"""How long nobody may have the FIFO open for writing before Keepalived counts as gone."""

FAULT_NUMBER: Final = -254
"""The number in a track file that is a fault: less than -253 (keepalived.conf(5), track files)."""

_NOTICE: Final = re.compile(r'(INSTANCE|GROUP) "([^"]*)" ([A-Z_]+) ([0-9]{1,3})', re.ASCII)
_STATES: Final = {
    "MASTER": GroupState.MASTER,
    "BACKUP": GroupState.BACKUP,
    "FAULT": GroupState.FAULT,
    "STOP": GroupState.STOPPED,
    "DELETED": GroupState.STOPPED,
}
_PRIORITY_ALONE: Final = {"MASTER_PRIORITY", "BACKUP_PRIORITY"}


@dataclass(frozen=True, slots=True)
class Word:
    """What Keepalived is known to say of one instance."""

    state: GroupState
    priority: int | None = None


@dataclass(frozen=True, slots=True)
class Line:
    """A line of the FIFO, without its end."""

    text: str


@dataclass(frozen=True, slots=True)
class Opened:
    """Keepalived has the FIFO open, and everything that waited in it has been handed in.

    `present`: the groups whose virtual IPs are on this host.
    """

    present: Collection[GroupId]


@dataclass(frozen=True, slots=True)
class Closed:
    """Nobody has the FIFO open for writing."""


@dataclass(frozen=True, slots=True)
class Tick:
    """The deadline has come."""


Event: TypeAlias = Line | Opened | Closed | Tick


@dataclass(slots=True)
class Bridge:
    """The machine: `words` is what is known of each group; `handle` returns whose word is another now."""

    instances: Mapping[str, GroupId]
    words: dict[GroupId, Word] = field(default_factory=dict)
    ignored: int = 0
    _heard: set[GroupId] = field(default_factory=set)
    _open: bool | None = None
    _gone_at: Instant | None = None

    def handle(self, now: Instant, event: Event) -> list[GroupId]:
        """Take one event; return the groups that something else is known of than before."""
        before = dict(self.words)
        match event:
            case Line(text):
                self._line(text)
            case Opened(present):
                self._opened(present)
            case Closed():
                if self._open is not False:
                    # It may be opened anew at once; only at the start is there nothing to wait for.
                    self._gone_at = now + (GONE_AFTER if self._open else 0)
                self._open = False
                self._tick(now)
            case Tick():
                self._tick(now)
            case _:
                assert_never(event)
        return [group for group, word in self.words.items() if before.get(group) != word]

    @property
    def is_open(self) -> bool:
        """Whether Keepalived has the FIFO open, as far as was handed in."""
        return self._open is True

    def deadline(self) -> Instant | None:
        """Return when Keepalived counts as gone."""
        return self._gone_at

    def _line(self, text: str) -> None:
        notice = _NOTICE.fullmatch(text)
        group = self.instances.get(notice[2]) if notice is not None and notice[1] == "INSTANCE" else None
        if notice is None or group is None:
            self.ignored += 1
            return
        said, priority = notice[3], int(notice[4])
        known = self.words.get(group)
        if said in _STATES:
            self.words[group] = Word(_STATES[said], priority)
            self._heard.add(group)
        elif said in _PRIORITY_ALONE and known is not None:
            # Its state in this line is not to be trusted: at a reload a Master says BACKUP_PRIORITY (2.2.7).
            self.words[group] = Word(known.state, priority)

    def _opened(self, present: Collection[GroupId]) -> None:
        self._open, self._gone_at = True, None
        for group in self.instances.values():
            if group in self._heard:
                continue
            known = self.words.get(group)
            kept = known if known is not None and known.state in {GroupState.BACKUP, GroupState.FAULT} else None
            priority = None if known is None else known.priority
            there = Word(GroupState.MASTER, priority)
            self.words[group] = there if group in present else kept or Word(GroupState.BACKUP, priority)

    def _tick(self, now: Instant) -> None:
        if self._gone_at is not None and now >= self._gone_at:
            self._gone_at = None
            self._heard.clear()
            self.words.update(dict.fromkeys(self.instances.values(), Word(GroupState.STOPPED)))


def number_for(priority: int | None, base: int) -> int:
    """Return the number that a track file of weight 1 must hold so that a priority, or a fault (None), comes about."""
    return FAULT_NUMBER if priority is None else priority - base
