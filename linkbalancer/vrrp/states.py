"""The three states of a VRRP router, each carrying its own deadlines, so that no state can forget its timer.

*Holding* means: the virtual IPs are still installed though this router is not Master, because whoever takes over has
not been heard yet. Between the two Masters of an orderly handover, somebody thus always answers for the addresses.
"""

from dataclasses import dataclass
from typing import TypeAlias

from linkbalancer.clock import Duration, Instant, earliest
from linkbalancer.links import GroupState


@dataclass(frozen=True, slots=True)
class Initialize:
    """Not running (RFC 9568 6.4.1). `holding_until`: when held addresses are released at the latest, None: none are."""

    holding_until: Instant | None = None

    @property
    def group_state(self) -> GroupState:
        """What LVrrp calls it."""
        return GroupState.INITIALISING

    def deadline(self) -> Instant | None:
        """Return when held addresses must go."""
        return self.holding_until

    @property
    def installed(self) -> bool:
        """Whether our virtual IPs are installed."""
        return self.holding_until is not None


@dataclass(frozen=True, slots=True)
class Backup:
    """Waiting for the Master to fall silent (RFC 9568 6.4.2).

    `master_interval` is the interval of the Master last accepted (Active_Adver_Interval), our own until one is heard
    and always in version 2; `holding`: our virtual IPs are still installed; `following`: the last advert was a
    Master's that is accepted; `preempt_at`: the preempt delay of a worse Master ends, None while none is heard;
    `not_before`: until then nothing is sent, whatever the timer says; `hastened_from`: when the timer fires if the
    Master turns out to live, `hastened_at`: since when it fires sooner, both None where it does not; `ready`: the timer
    has run out and the rest of the sync group is waited for; `listened`: the timer fired late, and what may have been
    missed has been given time to come.
    """

    master_down_at: Instant
    master_interval: Duration
    holding: bool = False
    following: bool = False
    preempt_at: Instant | None = None
    not_before: Instant = 0
    hastened_from: Instant | None = None
    hastened_at: Instant | None = None
    ready: bool = False
    listened: bool = False

    @property
    def group_state(self) -> GroupState:
        """What LVrrp calls it."""
        return GroupState.BACKUP

    def deadline(self) -> Instant | None:
        """Return when the master-down timer fires, or, when it has, when held addresses must go."""
        if self.ready:
            return self.master_down_at + self.master_interval if self.holding else None
        return max(self.master_down_at, self.not_before)

    @property
    def installed(self) -> bool:
        """Whether our virtual IPs are installed."""
        return self.holding


@dataclass(frozen=True, slots=True)
class Master:
    """Forwarding for the virtual IPs (RFC 9568 6.4.3).

    `addresses_at`: after a claim, when the addresses are installed if nobody objects, None: they are installed;
    `quiet_until`: before it no rival is answered, so that two routers that cannot hear each other well make no storm;
    `contested_since`, `contested_at`: when another owner of the addresses was first and last heard; `doubtful`: this
    host stood still so long that others must have taken over, and listens before it goes on. Only the first is a
    deadline beside `advert_at`.
    """

    advert_at: Instant
    addresses_at: Instant | None = None
    quiet_until: Instant | None = None
    contested_since: Instant | None = None
    contested_at: Instant | None = None
    doubtful: bool = False

    @property
    def group_state(self) -> GroupState:
        """What LVrrp calls it."""
        return GroupState.MASTER

    def deadline(self) -> Instant | None:
        """Return the first of the two deadlines."""
        return earliest(self.advert_at, self.addresses_at)

    @property
    def installed(self) -> bool:
        """Whether our virtual IPs are installed."""
        return self.addresses_at is None


State: TypeAlias = Initialize | Backup | Master
