"""The loop on real sockets, with a clock that the test moves."""

import socket
from collections.abc import Iterator
from pathlib import Path

import pytest

from linkbalancer.clock import MICROSECOND, MILLISECOND, SECOND, Duration, Instant
from linkbalancer.daemon.loop import BUCKETS, LEAST, TURN, Lateness, Loop, Periodic, boottime


class Clock:
    """A clock that stands still until it is moved."""

    def __init__(self) -> None:
        """Stand at 0."""
        self.now: Instant = 0

    def __call__(self) -> Instant:
        """Return the present instant."""
        return self.now


class Once:
    """A source with one deadline."""

    def __init__(self, at: Instant, journal: list[str]) -> None:
        """Wait for an instant."""
        self.at: Instant | None = at
        self.journal = journal

    def deadline(self) -> Instant | None:
        """Return it until it has come."""
        return self.at

    def expire(self, now: Instant) -> None:
        """Note it."""
        self.journal.append(f"timer at {now}")
        self.at = None


@pytest.fixture
def pair() -> Iterator[tuple[socket.socket, socket.socket]]:
    """Return a connected pair of packet sockets."""
    ours, theirs = socket.socketpair(socket.AF_UNIX, socket.SOCK_SEQPACKET)
    yield ours, theirs
    ours.close()
    theirs.close()


def test_sockets_are_drained_before_timers_are_judged(pair: tuple[socket.socket, socket.socket]) -> None:
    """After a long pause every waiting packet is handled before the timer that had passed."""
    ours, theirs = pair
    clock = Clock()
    journal: list[str] = []
    loop = Loop(clock)
    source = Once(5 * SECOND, journal)
    loop.watch(source)
    loop.add(ours, lambda now: journal.append(f"packet {ours.recv(9).decode()} at {now}"))
    for word in (b"a", b"b", b"c"):
        theirs.send(word)
    clock.now = 9 * SECOND
    loop.turn()
    assert journal == [f"packet {word} at {9 * SECOND}" for word in "abc"] + [f"timer at {9 * SECOND}"]
    assert loop.lateness.worst == 4 * SECOND


def test_a_packet_can_move_a_deadline_that_had_passed(pair: tuple[socket.socket, socket.socket]) -> None:
    """A heartbeat that was in the socket all the time means that the timer is not judged late."""
    ours, theirs = pair
    clock: Clock = Clock()
    journal: list[str] = []
    loop = Loop(clock)
    source = Once(1, journal)
    loop.watch(source)

    def beat(_now: Instant) -> None:
        ours.recv(9)
        source.at = 10 * SECOND

    loop.add(ours, beat)
    theirs.send(b"alive")
    clock.now = 2 * SECOND
    loop.turn()
    assert journal == []


@pytest.mark.parametrize(("takes", "most"), [(TURN // 100, 100), (TURN // 2, LEAST), (SECOND, LEAST)])
def test_a_flood_does_not_starve_the_timers(
    pair: tuple[socket.socket, socket.socket], takes: Duration, most: int
) -> None:
    """Timers are judged a few milliseconds after the turn began, however fast a socket fills up again."""
    ours, theirs = pair
    journal: list[str] = []
    calls: list[Instant] = []
    clock = Clock()
    loop = Loop(clock)
    loop.watch(Once(0, journal))

    def handle(now: Instant) -> None:
        calls.append(now)
        clock.now += takes  # reads nothing, so it stays readable

    loop.add(ours, handle)
    theirs.send(b"x")
    loop.turn()
    assert len(journal) == 1
    assert len(calls) == most


def test_a_full_buffer_is_read_before_timers_are_judged_however_long_it_takes(
    pair: tuple[socket.socket, socket.socket],
) -> None:
    """After a pause what fits into a receive buffer comes before the timer, even from slow handlers of two sockets."""
    ours, theirs = pair
    clock = Clock()
    journal: list[str] = []
    other, far = socket.socketpair()
    loop = Loop(clock)
    loop.watch(Once(1, journal))

    def handle(sock: socket.socket) -> None:
        journal.append(sock.recv(1).decode())
        clock.now += TURN

    loop.add(ours, lambda _now: handle(ours))
    loop.add(other, lambda _now: handle(other))
    for _ in range(LEAST):
        theirs.send(b"a")
        far.send(b"b")
    loop.turn()
    far.close()
    other.close()
    assert sorted(journal[:-1]) == ["a"] * LEAST + ["b"] * LEAST
    assert journal[-1].startswith("timer at ")
    assert {frozenset(journal[at : at + 2]) for at in range(0, 2 * LEAST, 2)} == {
        frozenset("ab")
    }  # one of each a round


def test_a_removed_socket_is_not_called(pair: tuple[socket.socket, socket.socket]) -> None:
    """A handler may remove and close another socket that is ready in the same turn."""
    ours, theirs = pair
    other, far = socket.socketpair()
    loop = Loop(Clock())
    journal: list[str] = []
    loop.watch(Once(0, journal))

    def drop(name: str, victim: socket.socket, mine: socket.socket) -> None:
        journal.append(name)
        loop.remove(victim)
        loop.remove(mine)
        victim.close()

    loop.add(ours, lambda _now: drop("ours", other, ours))
    loop.add(other, lambda _now: drop("other", ours, other))
    theirs.send(b"x")
    far.send(b"x")
    loop.turn()
    far.close()
    other.close()
    assert len(journal) == 2
    assert journal[0] in {"ours", "other"}
    loop.remove(other)  # once more does no harm


def test_waiting_to_write(pair: tuple[socket.socket, socket.socket]) -> None:
    """A socket can be waited for to be written, and then again to be read."""
    ours, theirs = pair
    loop, journal = Loop(Clock()), []
    loop.watch(Once(0, []))

    def written(_now: Instant) -> None:
        journal.append("writable")
        loop.change(ours, lambda _now: journal.append(ours.recv(9).decode()), write=False)

    loop.add(ours, written, write=True)
    theirs.send(b"read")
    loop.turn()
    assert journal == ["writable", "read"]
    loop.forget()


def test_run_ends_with_stop() -> None:
    """`stop` in a handler ends `run` after that turn; no timer is judged after it."""
    loop = Loop()
    journal: list[str] = []

    def last(_now: Instant) -> None:
        journal.append("turn")
        loop.stop()

    loop.every(1 * MILLISECOND, last)
    loop.watch(Once(0, journal))
    loop.run()
    assert journal[-1] == "turn"


def test_periodic_keeps_its_grid() -> None:
    """A late turn does not move the following ones, and missed ones are left out."""
    calls: list[Instant] = []
    periodic = Periodic(100, calls.append, 100)
    for now in (100, 205, 550):
        periodic.expire(now)
    assert calls == [100, 205, 550]
    assert periodic.deadline() == 600


def test_lateness_is_a_bounded_histogram() -> None:
    """Powers of two of a microsecond, the last bucket taking everything beyond."""
    lateness = Lateness()
    for late in (0, 900, 1 * MICROSECOND, 3 * MICROSECOND, 3600 * SECOND):
        lateness.add(late)
    assert len(lateness.counts) == BUCKETS
    buckets = {"<1us": 2, "<2us": 1, "<4us": 1, "<8388608us": 1}
    assert lateness.report() == {**buckets, "worst_us": 3_600_000_000, "total_us": 3_600_000_004}


def test_boottime_is_the_kernels() -> None:
    """The daemon's clock counts from boot, sleep included."""
    uptime = float(Path("/proc/uptime").read_text().split()[0])
    assert abs(boottime() / SECOND - uptime) < 60
