"""The daemon's loop: sockets first, then timers, both on one clock.

Level-triggered, single-threaded, and with one promise that general loops do not give: a timer is judged only when every
packet that had arrived by then has been handled. After a pause (the host slept, the process was stopped) a full socket
is therefore never mistaken for silence.

A socket that fills up as fast as it is read (a host that floods the LAN) must not keep the timers waiting: a turn reads
the sockets in rounds, one batch of each a round, until they are empty or `TURN` is over. The first `LEAST` rounds are
not bounded by time: they hold what had arrived before the turn began, because a receive buffer holds no more.
"""

import select
import time
from collections.abc import Callable
from contextlib import suppress
from dataclasses import dataclass, field
from itertools import count
from typing import Protocol, TypeAlias

from linkbalancer.clock import MICROSECOND, MILLISECOND, SECOND, Duration, Instant, earliest

Ready: TypeAlias = Callable[[Instant], None]

TURN: Duration = 5 * MILLISECOND
"""How long the sockets are asked again before timers are judged all the same, so that a flood cannot starve them."""

LEAST = 5
"""Rounds that are made however long they take.

A default receive buffer (212,992 bytes) holds 277 small packets; the smallest batch of a socket that is read is 64.
"""

PACE: Duration = 2 * MILLISECOND
BURST: Duration = 32 * PACE
"""A paced loop turns 500 times a second at most, but for 32 turns that it may be ahead.

A gateway of 255 groups has 2,550 adverts a second to hear or to send: taken five at a time they cost half as much, and
none of them is in a hurry of two milliseconds. What comes alone never waits.
"""

BUCKETS = 24
"""Buckets of the lateness histogram: bucket b counts timers that were late by less than 2**b microseconds."""


class HasFileno(Protocol):
    """Anything that select can wait for."""

    def fileno(self) -> int:
        """Return the file descriptor."""


class Source(Protocol):
    """Whoever has a deadline: a machine, or a plain timer."""

    def deadline(self) -> Instant | None:
        """Return when `expire` is to be called, or None."""

    def expire(self, now: Instant) -> None:
        """Handle a deadline that has come; it must move or clear the deadline."""


def boottime() -> Instant:
    """Return CLOCK_BOOTTIME: it goes on while the host sleeps, and no administrator can set it."""
    return time.clock_gettime_ns(time.CLOCK_BOOTTIME)


@dataclass(slots=True)
class Periodic:
    """Calls `call` every `interval`, by absolute deadlines; periods missed altogether are left out."""

    interval: Duration
    call: Ready
    at: Instant

    def deadline(self) -> Instant | None:
        """Return the next turn."""
        return self.at

    def expire(self, now: Instant) -> None:
        """Call, and set the next turn on the same grid."""
        self.at += self.interval * (1 + max(0, now - self.at) // self.interval)
        self.call(now)


@dataclass(slots=True)
class Lateness:
    """How late timers were judged, as a histogram of powers of two of a microsecond."""

    counts: list[int] = field(default_factory=lambda: [0] * BUCKETS)
    worst: Duration = 0
    total: Duration = 0

    def add(self, late: Duration) -> None:
        """Count one timer."""
        self.worst = max(self.worst, late)
        self.total += late
        self.counts[min((late // MICROSECOND).bit_length(), BUCKETS - 1)] += 1

    def report(self) -> dict[str, int]:
        """Return `{"<Nus": count}` for the buckets in use, the worst and the sum of all in microseconds."""
        used = {f"<{1 << bucket}us": count for bucket, count in enumerate(self.counts) if count}
        return {**used, "worst_us": self.worst // MICROSECOND, "total_us": self.total // MICROSECOND}


class Loop:
    """Waits for sockets and deadlines; everything happens in the thread that calls `run`."""

    def __init__(self, clock: Callable[[], Instant] = boottime, *, paced: bool = False) -> None:
        self.clock = clock
        self._paced = paced
        self._paid: Instant = 0
        self.lateness = Lateness()
        self._epoll = select.epoll()
        self._waiting: dict[int, tuple[HasFileno | int, Ready]] = {}
        self._sources: list[Source] = []
        self._origin = clock()
        self._stopped = False

    def add(self, sock: HasFileno | int, ready: Ready, *, write: bool = False) -> None:
        """Call `ready(now)` whenever the socket can be read (or, with `write`, written) until it is removed."""
        fd = _descriptor(sock)
        self._epoll.register(fd, select.EPOLLOUT if write else select.EPOLLIN)
        self._waiting[fd] = sock, ready

    def change(self, sock: HasFileno | int, ready: Ready, *, read: bool = True, write: bool) -> None:
        """Wait for something else of a socket that was added: to read, to write, or either."""
        fd = _descriptor(sock)
        self._epoll.modify(fd, (select.EPOLLIN if read else 0) | (select.EPOLLOUT if write else 0))
        self._waiting[fd] = sock, ready

    def remove(self, sock: HasFileno | int) -> None:
        """Forget a socket; it need not be known, and may be closed."""
        for fd in [fd for fd, (known, _ready) in self._waiting.items() if known is sock or known == sock]:
            del self._waiting[fd]
            with suppress(OSError):  # closed, and so forgotten by the kernel
                self._epoll.unregister(fd)

    def watch(self, source: Source) -> None:
        """Ask this source for its deadline from now on."""
        self._sources.append(source)

    def every(self, interval: Duration, call: Ready) -> Periodic:
        """Call `call(now)` every interval, the first time within one from now: all on one grid, to wake up once."""
        periodic = Periodic(interval, call, self.clock() + interval)
        periodic.at -= (periodic.at - self._origin) % interval
        self.watch(periodic)
        return periodic

    def next_deadline(self, besides: Source) -> Instant | None:
        """Return when the next of the other sources is due."""
        return earliest(*(source.deadline() for source in self._sources if source is not besides))

    def stop(self) -> None:
        """Let `run` return after the present turn."""
        self._stopped = True

    def run(self) -> None:
        """Turn until stopped."""
        while not self._stopped:
            self.turn()

    def turn(self) -> None:
        """Wait for the first socket or deadline, read the sockets empty, then judge the deadlines that had come."""
        deadline = self._deadline()
        wait = None if deadline is None else max(0, deadline - self.clock()) / SECOND
        ready = self._epoll.poll(wait)
        began = self.clock()
        if self._paced:
            self._pace(began)
        for done in count():
            # `now` is read before the sockets are asked: what is judged late at `now` was really silent until `now`.
            now = self.clock()
            if done >= LEAST and now - began >= TURN:
                break
            for fd, _events in ready:
                self._call(fd, now)
            ready = self._epoll.poll(0)
            if not ready or self._stopped:
                break
        for source in self._sources:
            due = source.deadline()
            if due is not None and due <= now and not self._stopped:
                self.lateness.add(now - due)
                source.expire(now)

    def _deadline(self) -> Instant | None:
        """Return the first deadline of all; written out, because it is asked for at every turn."""
        first = None
        for source in self._sources:
            due = source.deadline()
            if due is not None and (first is None or due < first):
                first = due
        return first

    def _pace(self, now: Instant) -> None:
        """Wait, where this turn comes too soon after many others; what waits with it is then taken together."""
        self._paid = min(max(self._paid, now - BURST) + PACE, now + PACE)
        if self._paid > now:
            time.sleep((self._paid - now) / SECOND)

    def _call(self, fd: int, now: Instant) -> None:
        """Call whoever waits for a file descriptor, unless another one's handler has just removed it."""
        known = self._waiting.get(fd)
        if known is not None and not self._stopped:
            known[1](now)

    def forget(self) -> None:
        """Close the loop's own file descriptor, for a fork that goes another way."""
        self._epoll.close()


def _descriptor(sock: HasFileno | int) -> int:
    return sock if isinstance(sock, int) else sock.fileno()
