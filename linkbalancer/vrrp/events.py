"""What can happen to a VRRP router: every input of `router.Router`."""

from dataclasses import dataclass
from typing import TypeAlias

from linkbalancer.clock import Duration, Instant
from linkbalancer.links import Address
from linkbalancer.vrrp.group import Group


@dataclass(frozen=True, slots=True)
class Startup:
    """Begin at a priority (1..254; 255: owner of the addresses). `found`: the virtual IPs are installed already.

    `not_before`: until then adverts are heard and learned from, and none is sent (start-up delay): a network port may
    be deaf for seconds after boot, and who hears nothing there must not take itself for the only one.
    """

    priority: int
    found: bool = False
    not_before: Instant = 0


@dataclass(frozen=True, slots=True)
class Resume:
    """Go on with a mastership that outlived its process: Master at once, the next advert due at `advert_at`."""

    priority: int
    advert_at: Instant


@dataclass(frozen=True, slots=True)
class Shutdown:
    """Stop: tell the others with priority 0 and keep answering until a successor is heard."""


@dataclass(frozen=True, slots=True)
class Resign:
    """Give up a mastership but stay in the group, at this priority (1..254). A Backup only takes the priority."""

    priority: int


@dataclass(frozen=True, slots=True)
class Heard:
    """A valid advertisement for this group. Its priority is 0 when the Master of `source` leaves."""

    priority: int
    interval: Duration
    source: Address


@dataclass(frozen=True, slots=True)
class SetPriority:
    """Change the effective priority, clamped to 1..254; an owner keeps 255 (VRRP fact sheet 5.4)."""

    priority: int


@dataclass(frozen=True, slots=True)
class SetPrimary:
    """The device's primary address, the source of our adverts, is now this one; None: it has none any more."""

    address: Address | None


@dataclass(frozen=True, slots=True)
class Reconfigure:
    """The group of the same id and device is configured differently from now on; its state and timers go on.

    The effective priority stays as well, save that a group becomes an owner's, or ceases to be one.
    """

    group: Group


@dataclass(frozen=True, slots=True)
class Claim:
    """Become Master without waiting for the master-down timer (design 4.4, rule 2); a Backup alone obeys."""


@dataclass(frozen=True, slots=True)
class Promote:
    """Become Master now: every member of the sync group may. A Backup alone obeys."""

    reason: str


@dataclass(frozen=True, slots=True)
class Withdraw:
    """Be Backup: another member of the sync group cannot be Master. A Master alone obeys, and sends no priority 0.

    `patience` is how much longer than usual it then waits before it would be Master again.
    """

    reason: str
    patience: Duration = 0


@dataclass(frozen=True, slots=True)
class Hasten:
    """The Master of another member of the sync group left: ours, if it is the same router, will not be heard again.

    A Backup takes over as after a priority 0, but gives a living Master the time to be heard once more.
    """


@dataclass(frozen=True, slots=True)
class Tick:
    """The deadline has come, or passed."""


Event: TypeAlias = (
    Startup
    | Resume
    | Shutdown
    | Resign
    | Heard
    | SetPriority
    | SetPrimary
    | Reconfigure
    | Claim
    | Promote
    | Withdraw
    | Hasten
    | Tick
)
