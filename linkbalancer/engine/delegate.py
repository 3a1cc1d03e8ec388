"""A group whose VRRP is run by a Keepalived on this host: the same questions as a router of ours, answered by its word.

Keepalived is moved by a number in a track file: a priority, or a fault, in which it says priority 0 and leaves. It
cannot claim, and neither can those of its kind on the LAN: a Master that only lowered its priority would be waited for
until the others' master-down timers end. So a mastership is given up by a fault, for as long as a successor needs, and
the lower priority follows (design 4.4). The virtual IPs are Keepalived's: nothing here adds or removes them.
"""

from collections.abc import Mapping
from dataclasses import dataclass
from typing import Any, Final, TypeAlias, assert_never

from linkbalancer.clock import SECOND, Duration, Instant, earliest
from linkbalancer.links import GroupState
from linkbalancer.vrrp.effects import Changed
from linkbalancer.vrrp.events import (
    Claim,
    Event,
    Hasten,
    Heard,
    Promote,
    Reconfigure,
    Resign,
    Resume,
    SetPrimary,
    SetPriority,
    Shutdown,
    Startup,
    Tick,
    Withdraw,
)
from linkbalancer.vrrp.group import Group
from linkbalancer.vrrp.heard import LastHeard
from linkbalancer.vrrp.states import Backup, Initialize, Master, State

PRIORITY_MAX: Final = 255

OBEYS: Final[Duration] = SECOND
"""How long Keepalived may take to leave a fault that it was told to leave; after that the fault is its own."""


@dataclass(frozen=True, slots=True)
class KeepalivedSaid:
    """What Keepalived says of the group: its state, and the priority that it has (None: not known)."""

    state: GroupState
    priority: int | None = None


@dataclass(frozen=True, slots=True)
class Steer:
    """Have Keepalived's priority be this one; None: have it be in Fault."""

    priority: int | None


Effect: TypeAlias = Steer | Changed


class Delegate:
    """A machine for one group; it takes the events of a `vrrp.router.Router`, and `KeepalivedSaid`.

    Attributes:
        group: The configuration; `group.priority` is what Keepalived's own configuration says, too.
        priority: The effective priority that Keepalived is to have.
        said: What it said last; UNKNOWN until it has said anything.
        said_priority: The priority that it said then.
        heard: The last advert of another router; None once it is too old to mean that a Master lives.
    """

    def __init__(self, group: Group) -> None:
        self.group = group
        self.priority = group.priority
        self.said = GroupState.UNKNOWN
        self.said_priority: int | None = None
        self.heard: LastHeard | None = None
        self._runs = False
        self._leaving_until: Instant | None = None
        self._obeys_until: Instant | None = None
        self._raise_at: Instant | None = None
        self._steered: int | None = None
        self._asked = False

    @property
    def state(self) -> State:
        """The state as a router of ours would have it; what stands in it besides its kind says nothing."""
        if not self._runs:
            return Initialize()
        return Master(0) if self.said is GroupState.MASTER else Backup(0, self.group.advert_interval)

    @property
    def group_state(self) -> GroupState:
        """The state as LVrrp states it: Keepalived's, save that a fault which it was asked for is none."""
        if self.said is GroupState.FAULT and (self._steered is None or self._obeys_until is not None):
            return GroupState.INITIALISING
        return self.said

    def deadline(self) -> Instant | None:
        """Return when to hand in the next `Tick`."""
        return earliest(
            self._leaving_until, self._obeys_until, self._raise_at, self.heard.gone_at() if self.heard else None
        )

    def handle(self, now: Instant, event: Event | KeepalivedSaid) -> list[Effect]:
        """Take one event; return what must be done about it, in order."""
        match event:
            case KeepalivedSaid():
                return self._hear_keepalived(now, event)
            case Heard():
                return self._hear(now, event)
            case Startup(priority) | Resume(priority):
                return self._start(now, priority)
            case SetPriority(priority):
                return self._move(now, priority)
            case Resign(priority):
                return self._resign(now, priority)
            case Shutdown():
                return self._stop(now)
            case Tick():
                return self._tick(now)
            case Reconfigure(group):
                self.group = group
                return []
            case Claim() | SetPrimary() | Promote() | Withdraw() | Hasten():
                return []  # it cannot claim, and looks after its source address and its sync groups itself
            case _:
                assert_never(event)

    def asked(self) -> Steer | None:
        """Return what Keepalived was last asked for, None before the first time."""
        return Steer(self._steered) if self._asked else None

    def snapshot(self) -> dict[str, Any]:
        """Return what a successor needs to go on, JSON-able."""
        return {
            "runs": self._runs,
            "priority": self.priority,
            "said": int(self.said),
            "said_priority": self.said_priority,
            "steered": self._steered,
            "asked": self._asked,
        }

    def recall(self, found: Mapping[str, Any]) -> None:
        """Go on from what a predecessor left; what makes no sense is left out."""
        try:
            priority, said = int(found["priority"]), GroupState(int(found["said"]))
            numbers = [None if found[key] is None else int(found[key]) for key in ("said_priority", "steered")]
        except (ArithmeticError, KeyError, TypeError, ValueError):
            return
        if all(number is None or 0 <= number <= PRIORITY_MAX for number in (priority, *numbers)):
            self._runs, self._asked = bool(found.get("runs")), bool(found.get("asked"))
            self.priority, self.said = priority, said
            self.said_priority, self._steered = numbers

    # -- what it is asked for ----------------------------------------------------------------------------------------

    def _start(self, now: Instant, priority: int) -> list[Effect]:
        self._runs, self.priority = True, priority
        return self._steer(now, priority)

    def _move(self, now: Instant, priority: int) -> list[Effect]:
        self.priority = priority
        return [] if self._leaving_until is not None or not self._runs else self._steer(now, priority)

    def _resign(self, now: Instant, priority: int) -> list[Effect]:
        """Give up a mastership: a fault first, and the lower priority when a successor is there."""
        if self._runs and self.said is GroupState.MASTER and self._leaving_until is None:
            self.priority = priority
            self._leaving_until = now + 2 * self.group.advert_interval
            return self._steer(now, None)
        return self._move(now, priority)

    def _stop(self, now: Instant) -> list[Effect]:
        self._runs, self._leaving_until = False, None
        return self._steer(now, None)

    def _steer(self, now: Instant, priority: int | None) -> list[Effect]:
        self._raise_at = None
        if self._asked and priority == self._steered:
            return []
        if self._is_about_to_take_over(now, priority):
            assert self.heard is not None
            self._raise_at = max(now, self.heard.at) + 2 * self.heard.interval
            return []
        if priority is not None and self._steered is None:
            self._obeys_until = now + OBEYS
        self._steered, self._asked = priority, True
        return [Steer(priority)]

    def _is_about_to_take_over(self, now: Instant, priority: int | None) -> bool:
        """Whether a higher priority must wait, for the master-down timer has almost run out.

        Keepalived (2.2.7) moves the running timer by the difference of the skew times; one that would have run out
        before now stops all its timers until something else wakes it. Where the timer is about to run out by itself,
        a higher priority is of no use anyway.
        """
        if priority is None or self._steered is None or priority <= self._steered:
            return False
        heard = self.heard
        waits = self.said is GroupState.BACKUP and heard is not None
        return waits and heard is not None and (heard.priority == 0 or now >= heard.at + 2 * heard.interval)

    # -- what happens ------------------------------------------------------------------------------------------------

    def _hear_keepalived(self, now: Instant, event: KeepalivedSaid) -> list[Effect]:
        before = self.group_state
        if event.state is not GroupState.FAULT:
            self._obeys_until = None
        self.said = event.state
        self.said_priority = event.priority
        if event.state is GroupState.MASTER:
            self.heard = None
        after = self.group_state
        found: list[Effect] = []
        if after is not before:
            found.append(Changed(before.name.lower(), after.name.lower(), "Keepalived says so"))
        return found + self._raise(now)

    def _hear(self, now: Instant, event: Heard) -> list[Effect]:
        self.heard = LastHeard(event.priority, event.source, event.interval, now, self.group.version)
        return [*self._end_leaving(now), *self._raise(now)] if event.priority > 0 else []

    def _tick(self, now: Instant) -> list[Effect]:
        found: list[Effect] = []
        if self.heard is not None and now >= self.heard.gone_at():
            self.heard = None
        if self._leaving_until is not None and now >= self._leaving_until:
            found += self._end_leaving(now)
        if self._raise_at is not None and now >= self._raise_at:
            self.heard = None  # nobody knows how far its timer is: there is nothing to wait for any more
            found += self._raise(now)
        if self._obeys_until is not None and now >= self._obeys_until:
            before, self._obeys_until = self.group_state, None
            if self.group_state is not before:
                # It stays in Fault though nobody of ours wants it to: a device of its own, or a script.
                found.append(Changed(before.name.lower(), self.group_state.name.lower(), "Keepalived stays in fault"))
        return found

    def _raise(self, now: Instant) -> list[Effect]:
        """Have the higher priority that had to wait."""
        return [] if self._raise_at is None or not self._runs else self._steer(now, self.priority)

    def _end_leaving(self, now: Instant) -> list[Effect]:
        if self._leaving_until is None:
            return []
        self._leaving_until = None
        return self._steer(now, self.priority)
