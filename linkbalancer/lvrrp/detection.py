"""Detection: when a link is open, proven by round trips and nothing else (design 4.3).

Traffic received never opens a link by itself: one way may be dead. Proof is an echo of a stamp of our own, and it is as
old as that stamp, however late the echo comes.
"""

from dataclasses import dataclass, replace
from typing import TypeAlias, assert_never

from linkbalancer.clock import MICROSECOND, MILLISECOND, SECOND, Duration, Instant
from linkbalancer.lvrrp.packet import Stamp, stamped_at

PENALTY_MAX = 5
"""The highest penalty: a reopening then waits 16 times `up_delay`."""

FORGIVEN_AFTER = 10
"""So many detect times of being open halve the wait that the next closing brings."""

HOLD_MAX: Duration = 5 * SECOND
"""The longest restart for which a peer's openness is frozen."""

UNPROVEN = "not proven yet"

_TOLERANCE: Duration = 1 * MILLISECOND
_DRIFT = 1000


@dataclass(frozen=True, slots=True)
class Closed:
    """Not open; `proven_since` is the begin of the present unbroken proof, if there is one."""

    since: Instant
    reason: str
    proven_since: Instant | None = None


@dataclass(frozen=True, slots=True)
class Open:
    """Open; `frozen_until` while the peer announced that it restarts."""

    since: Instant
    reason: str
    frozen_until: Instant | None = None


Openness: TypeAlias = Closed | Open


class Detection:
    """The openness of one end of a link.

    `stated` and `peer_stated` are what each end calls silence; the larger is the detect time of both. `penalty` counts
    the closings that are not forgiven yet: the wait before reopening is `up_delay` * 2^(penalty-1), none at 0.
    `is_open`, `is_frozen`, `is_eager` and `is_steady` follow from the state, and are reckoned when it changes: whether
    the link is open at this end; whether openness and words are kept for a peer that restarts; whether a missed query
    is worth quick repeats, because something proven is at stake; whether time alone gives `advance` nothing to do.
    """

    def __init__(self, stated: Duration, up_delay: Duration, now: Instant) -> None:
        self.state = Closed(now, UNPROVEN)
        self.stated = stated
        self.peer_stated: Duration = 0
        self.carrier = False
        self.penalty = 0
        self.proof_at: Instant | None = None
        self.rtt: Duration | None = None
        self.jitter: Duration = 0
        self._up_delay = up_delay
        self._not_before: Instant = 0

    @property
    def detect(self) -> Duration:
        """How long without proof is silence."""
        return max(self.stated, self.peer_stated)

    @property
    def state(self) -> Openness:
        """The present state."""
        return self._state

    @state.setter
    def state(self, state: Openness) -> None:
        self._state = state
        match state:
            case Open(frozen_until=until):
                self.is_open, self.is_frozen, self.is_eager = True, until is not None, until is None
                self.is_steady = until is None
            case Closed(proven_since=since):
                self.is_open, self.is_frozen, self.is_eager = False, False, since is not None
                self.is_steady = since is None
            case _:
                assert_never(state)

    def prove(self, now: Instant, echo: Stamp, delay: Duration) -> Instant | None:
        """Judge an echo of a stamp of ours, `delay` of whose age the peer kept it; return its instant if it proves.

        It does not when it is older than the detect time, older than the present carrier or session, or when the peer
        claims to have kept it for longer than it is old.
        """
        at = stamped_at(now, echo)
        age = now - at
        if not self.carrier or at < self._not_before or age >= self.detect or age - delay < -_TOLERANCE - age // _DRIFT:
            return None
        sample = max(0, age - delay)
        if self.rtt is not None:
            self.jitter += (abs(sample - self.rtt) - self.jitter) // 8
        self.rtt = sample if self.rtt is None else (7 * self.rtt + sample) // 8
        unbroken = self.proof_at is not None and now - self.proof_at < self.detect
        self.proof_at = max(at, self.proof_at or at)
        match self.state:
            case Open(frozen_until=None):
                pass  # as nearly always
            case Open():
                self.state = replace(self.state, frozen_until=None)
            case Closed(proven_since=since):
                self.state = replace(self.state, proven_since=since if unbroken and since is not None else now)
            case _:
                assert_never(self.state)
        return at

    def advance(self, now: Instant, reason: str) -> bool:
        """Do what time brings: the end of a freeze or of a proof, or the opening; return True when it opened."""
        match self.state:
            case Open(frozen_until=until) if until is not None and now >= until:
                self.state = replace(self.state, frozen_until=None)
            case Closed(proven_since=since) if since is not None and self.proof_at is not None:
                if now - self.proof_at >= self.detect:
                    self.state = replace(self.state, proven_since=None)
                    return False
                if now >= since + self._wait:
                    self.state = Open(now, reason)
                return self.is_open
            case _:
                pass
        return False

    def advance_at(self) -> Instant | None:
        """Return when `advance` has something to do."""
        match self.state:
            case Open(frozen_until=until):
                return until
            case Closed(proven_since=since):
                if since is None or self.proof_at is None:
                    return None
                return min(since + self._wait, self.proof_at + self.detect)
            case _:
                assert_never(self.state)

    def opens_at(self) -> Instant | None:
        """Return when a closed link opens if its proof goes on; None while there is none, or it is open."""
        if isinstance(self.state, Open) or self.state.proven_since is None:
            return None
        return self.state.proven_since + self._wait

    def silent_at(self) -> Instant | None:
        """Return when an open link has been silent for the detect time; None while it is frozen or not open."""
        if not self.is_open or self.is_frozen or self.proof_at is None:
            return None
        return self.proof_at + self.detect

    def close(self, now: Instant, reason: str, *, flap: bool) -> bool:
        """Close, and let no earlier stamp prove anything again; return False when it was closed already.

        An orderly leave of the peer is no flap: it adds no penalty.
        """
        self._forbid_before(now)
        self.proof_at = None
        match self.state:
            case Open(since=since):
                forgiven = (now - since) // (FORGIVEN_AFTER * self.detect)
                self.penalty = min(max(0, self.penalty - forgiven) + flap, PENALTY_MAX)
                self.state = Closed(now, reason)
                return True
            case Closed(since=since):
                self.state = Closed(since, reason)
                return False
            case _:
                assert_never(self.state)

    def raise_carrier(self, now: Instant) -> None:
        """Note that carrier is back (to a link that its loss had closed): what was sent before it proves nothing."""
        self.carrier = True
        self._forbid_before(now)
        self.state = Closed(self.state.since, UNPROVEN)

    def freeze(self, until: Instant) -> None:
        """Keep an open link open until then, proof or not; carrier loss still closes it."""
        if isinstance(self.state, Open):
            self.state = replace(self.state, frozen_until=until)

    def restore(self, state: Openness, proof_at: Instant | None, penalty: int) -> None:
        """Carry on where a predecessor on this host stopped: an open one is taken to have carrier until told."""
        self.state = state
        self.carrier = self.is_open
        self.proof_at = proof_at
        self.penalty = penalty

    def _forbid_before(self, now: Instant) -> None:
        self._not_before = now // MICROSECOND * MICROSECOND

    @property
    def _wait(self) -> Duration:
        return self._up_delay << (self.penalty - 1) if self.penalty else 0
