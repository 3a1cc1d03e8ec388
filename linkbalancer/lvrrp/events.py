"""What can happen to a link, and what a link wants done."""

from dataclasses import dataclass, field
from typing import TypeAlias

from linkbalancer.clock import Duration, Instant
from linkbalancer.links import GroupId, GroupWord
from linkbalancer.lvrrp.keys import Key
from linkbalancer.weights.metrics import Metrics


@dataclass(frozen=True, slots=True)
class Start:
    """Begin: the socket is open."""


@dataclass(frozen=True, slots=True)
class Received:
    """A datagram's bytes from the link's socket."""

    data: bytes


@dataclass(frozen=True, slots=True)
class Carrier:
    """Whether the link's device is up and has carrier; it is taken as down until the first one."""

    up: bool


@dataclass(frozen=True, slots=True)
class Words:
    """This end's groups as they are now, all of them; what changed is pushed to the peer at once.

    `digest` is of this gateway's configuration, at most 32 bytes; none is told when it is empty. `fault` says in a few
    words why the groups stated as FAULT are so, for people; a miswiring is told before it.
    """

    words: tuple[GroupWord, ...]
    digest: bytes = b""
    fault: str = ""


@dataclass(frozen=True, slots=True)
class Measure:
    """What this end has measured of the link: every QUERY and STATE tells the peer the last.

    Another load takes an adaptive pace of queries back.
    """

    metrics: Metrics


@dataclass(frozen=True, slots=True)
class Adjust:
    """The priorities (2..254) and weights that a controller wants of the peer's members, all of them.

    A group that was wanted before and is not now gets its configured priority back. A priority that is out of range
    changes nothing, and is counted; so is all of it at a controlled end.
    """

    wanted: tuple[tuple[GroupId, int, float], ...]


@dataclass(frozen=True, slots=True)
class Rekey:
    """The key file was read again; the openness stands."""

    keys: tuple[Key, ...]


@dataclass(frozen=True, slots=True)
class Bye:
    """Take leave: for good (`hold` None), or for a restart that takes at most `hold` (up to 5 s)."""

    hold: Duration | None


@dataclass(frozen=True, slots=True)
class Tick:
    """The deadline that the link named has come (or passed)."""


Event: TypeAlias = Start | Received | Carrier | Words | Measure | Adjust | Rekey | Bye | Tick


@dataclass(frozen=True, slots=True)
class Transmit:
    """Send a datagram to the peer."""

    data: bytes


@dataclass(frozen=True, slots=True)
class Opened:
    """The link is open now."""

    reason: str


@dataclass(frozen=True, slots=True)
class Closed:
    """The link is closed now, and the peer's words with it.

    What was measured goes with it, for the record: the latest proof, and how many queries were unanswered. `planned`:
    one of the two ends said good-bye, so that it is no flap.
    """

    reason: str
    proof_at: Instant | None = field(default=None, compare=False)
    misses: int = field(default=0, compare=False)
    planned: bool = field(default=False, compare=False, repr=False)


@dataclass(frozen=True, slots=True)
class PeerSpoke:
    """The peer's confirmed words, changed or not, while the link is open.

    A word that grew older than the detect time comes once more, with the state UNKNOWN.
    """

    words: tuple[GroupWord, ...]


@dataclass(frozen=True, slots=True)
class Alarm:
    """Something that a person must mend, or that is mended: miswiring."""

    text: str


@dataclass(frozen=True, slots=True)
class Change:
    """Another priority is in force for a group than before; None: none that the peer has adjusted."""

    group: GroupId
    before: int | None
    after: int | None
    weight: float | None
    reason: str


@dataclass(frozen=True, slots=True)
class Adjusted:
    """The peer has adjusted priorities of this end, or they are no longer believed."""

    changes: tuple[Change, ...]


Effect: TypeAlias = Transmit | Opened | Closed | PeerSpoke | Alarm | Adjusted
