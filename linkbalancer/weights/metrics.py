"""What is measured of one link: by one end, and by both together (mission L4, L5).

None stands for "not known" throughout; a weight function decides what it makes of that, nothing is ever guessed here.
"""

from dataclasses import dataclass, field

from linkbalancer.clock import Duration
from linkbalancer.links import GroupId


@dataclass(frozen=True, slots=True, kw_only=True)
class Lane:
    """One direction of a link.

    `rate` and `capacity` are bits per second of the wire, `loss` is the share 0..1 of one-way probes that did not
    arrive, `backlog` the bytes that wait in the sender's queue, `drops` the packets per second that the queue or
    the device of the sender threw away.
    """

    rate: float | None = None
    capacity: float | None = None
    loss: float | None = None
    backlog: float | None = None
    drops: float | None = None

    def joined(self, other: "Lane") -> "Lane":
        """Return what the two ends of this direction know together: of two answers the worse one.

        The worse capacity is the smaller, of everything else the larger.
        """
        return Lane(
            rate=_largest(self.rate, other.rate),
            capacity=_smallest(self.capacity, other.capacity),
            loss=_largest(self.loss, other.loss),
            backlog=_largest(self.backlog, other.backlog),
            drops=_largest(self.drops, other.drops),
        )


@dataclass(frozen=True, slots=True, kw_only=True)
class Metrics:
    """What is known of a link: seen from one end, `outward` leaves that end and `inward` comes in.

    `rtt` and `jitter` are nanoseconds, `loss` is the share 0..1 of round trips that failed, `masters` the groups
    that this end is Master of on the link.
    """

    outward: Lane = field(default_factory=Lane)
    inward: Lane = field(default_factory=Lane)
    loss: float | None = None
    rtt: Duration | None = None
    jitter: Duration | None = None
    masters: tuple[GroupId, ...] = ()

    def joined(self, peer: "Metrics") -> "Metrics":
        """Return what both ends know, seen from this one: the peer's `inward` left us; `masters` stays ours."""
        return Metrics(
            outward=self.outward.joined(peer.inward),
            inward=self.inward.joined(peer.outward),
            loss=_largest(self.loss, peer.loss),
            rtt=self.rtt if self.rtt is not None else peer.rtt,
            jitter=self.jitter if self.jitter is not None else peer.jitter,
            masters=self.masters,
        )


def _largest(one: float | None, other: float | None) -> float | None:
    known = [value for value in (one, other) if value is not None]
    return max(known) if known else None


def _smallest(one: float | None, other: float | None) -> float | None:
    known = [value for value in (one, other) if value is not None]
    return min(known) if known else None
