"""The three states of a VRRP router, each carrying its own deadlines, so that no state can forget its timer.

*Holding* means: the virtual IPs are still installed though this router is not Master, because whoever takes over has
not been heard yet. Between the two Masters of an orderly handover, somebody thus always answers for the addresses.
"""

from dataclasses import dataclass
from typing import ClassVar, TypeAlias

from linkbalancer.clock import Duration, Instant, earliest
from linkbalancer.links import GroupState


@dataclass(frozen=True, slots=True)
class Initialize:
    """Not running (RFC 9568 6.4.1). `holding_until`: when held addresses are released at the latest, None: none are."""

    group_state: ClassVar[GroupState] = GroupState.INITIALISING

    holding_until: Instant | None = None

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

    `master_interval` is the interval of the Master last accepted (Active_Adver_Interval), our own until one is heard;
    `holding`: our virtual IPs are still installed.
    """

    group_state: ClassVar[GroupState] = GroupState.BACKUP

    master_down_at: Instant
    master_interval: Duration
    holding: bool = False

    def deadline(self) -> Instant:
        """Return when the master-down timer fires."""
        return self.master_down_at

    @property
    def installed(self) -> bool:
        """Whether our virtual IPs are installed."""
        return self.holding


@dataclass(frozen=True, slots=True)
class Master:
    """Forwarding for the virtual IPs (RFC 9568 6.4.3).

    `addresses_at`: after a claim, when the addresses are installed if nobody objects, None: they are installed;
    `announce_at`: when they are announced again; `quiet_until`: before it no rival is answered, so that two routers
    that cannot hear each other well make no storm. It is no deadline: nothing is due then.
    """

    group_state: ClassVar[GroupState] = GroupState.MASTER

    advert_at: Instant
    addresses_at: Instant | None = None
    announce_at: Instant | None = None
    quiet_until: Instant | None = None

    def deadline(self) -> Instant | None:
        """Return the first of the three deadlines."""
        return earliest(self.advert_at, self.addresses_at, self.announce_at)

    @property
    def installed(self) -> bool:
        """Whether our virtual IPs are installed."""
        return self.addresses_at is None


State: TypeAlias = Initialize | Backup | Master
