"""When proof opens a link, and when its lack closes it."""

import pytest

from linkbalancer.clock import MILLISECOND
from linkbalancer.lvrrp.detection import PENALTY_MAX, Closed, Detection, Open
from linkbalancer.lvrrp.packet import stamp

MS = MILLISECOND
DETECT = 600 * MS


def made() -> Detection:
    """Return a detection with carrier."""
    detection = Detection(DETECT, DETECT, 0)
    detection.raise_carrier(0)
    return detection


def opened() -> Detection:
    """Return a detection that opened at 1 ms on a datagram sent at 0."""
    detection = made()
    detection.prove(MS, stamp(0), 0)
    assert detection.advance(MS, "proven")
    return detection


def prove_until(detection: Detection, start: int, stop: int) -> None:
    """Prove every 100 ms, letting it advance."""
    for now in range(start, stop + 1, 100 * MS):
        detection.prove(now, stamp(now - MS), 0)
        detection.advance(now, "proven")


def test_the_first_proof_opens_at_once() -> None:
    """No delay before the first opening; the proof is as old as the datagram that was echoed."""
    detection = opened()

    assert detection.state == Open(MS, "proven")
    assert detection.proof_at == 0
    assert detection.silent_at() == DETECT
    assert detection.advance_at() is None


def test_the_round_trip_time_is_smoothed_and_without_the_peers_delay() -> None:
    """The first sample counts whole, the next ones an eighth; the time the peer waited is taken off."""
    detection = made()
    detection.prove(10 * MS, stamp(0), 2 * MS)
    assert (detection.rtt, detection.jitter) == (8 * MS, 0)

    detection.prove(216 * MS, stamp(200 * MS), 0)
    assert (detection.rtt, detection.jitter) == (9 * MS, 1 * MS)


@pytest.mark.parametrize(
    ("now", "sent", "delay"),
    [
        (700 * MS, 100 * MS, 0),  # as old as the detect time
        (700 * MS, 701 * MS, 0),  # from the future: read as 71 minutes old
        (200 * MS, 190 * MS, 12 * MS),  # kept for longer than it is old
        (200 * MS, 10 * MS, 0),  # from before the carrier
    ],
)
def test_an_echo_that_cannot_be_is_no_proof(now: int, sent: int, delay: int) -> None:
    """Old, impossible and previous stamps prove nothing, and measure nothing."""
    detection = made()
    detection.raise_carrier(20 * MS)

    assert detection.prove(now, stamp(sent), delay) is None
    assert (detection.proof_at, detection.rtt) == (None, None)


def test_nothing_is_proven_without_carrier() -> None:
    """A datagram from before the loss of carrier opens nothing after it."""
    detection = made()
    detection.carrier = False

    assert detection.prove(MS, stamp(0), 0) is None


def test_clocks_may_drift_a_little() -> None:
    """A delay that seems a trifle longer than its echo is old counts as no time at all."""
    detection = made()

    assert detection.prove(500 * MS, stamp(0), 501 * MS) == 0
    assert detection.rtt == 0


def test_an_older_proof_takes_nothing_back() -> None:
    """A late echo of an earlier datagram leaves the latest proof as it is."""
    detection = opened()
    detection.prove(300 * MS, stamp(299 * MS), 0)

    assert detection.prove(301 * MS, stamp(200 * MS), 0) == 200 * MS
    assert detection.proof_at == 299 * MS


def test_the_larger_detect_time_counts() -> None:
    """What either end calls silence is not silence for the other before."""
    detection = opened()
    detection.peer_stated = 2 * DETECT

    assert detection.silent_at() == 2 * DETECT


def test_reopening_waits_for_unbroken_proof() -> None:
    """After a closing, proof must last for the up delay."""
    detection = opened()
    detection.close(1000 * MS, "silent", flap=True)
    prove_until(detection, 2000 * MS, 2500 * MS)

    assert detection.advance_at() == 2600 * MS
    prove_until(detection, 2600 * MS, 2600 * MS)
    assert detection.state == Open(2600 * MS, "proven")


def test_a_break_in_the_proof_begins_the_wait_anew() -> None:
    """A proof that grew as old as the detect time is broken: noticed by the timer, and by the next proof."""
    detection = opened()
    detection.close(1000 * MS, "silent", flap=True)
    detection.penalty = 3
    prove_until(detection, 2000 * MS, 2000 * MS)
    assert detection.advance_at() == 1999 * MS + DETECT
    prove_until(detection, 2700 * MS, 2700 * MS)
    assert detection.state == Closed(1000 * MS, "silent", 2700 * MS)

    assert detection.advance_at() == 2699 * MS + DETECT
    detection.advance(2699 * MS + DETECT, "proven")
    assert detection.state == Closed(1000 * MS, "silent", None)
    assert detection.advance_at() is None


def test_the_wait_doubles_with_each_flap_and_has_a_limit() -> None:
    """1, 2, 4, 8 and 16 times the up delay, never more."""
    detection = opened()
    waits = []
    now = MS
    for _ in range(7):
        now += MS
        detection.close(now, "silent", flap=True)
        start = now
        while not detection.is_open:
            now += 100 * MS
            prove_until(detection, now, now)
        waits.append((now - start) // (100 * MS) * 100 * MS // DETECT)

    assert waits == [1, 2, 4, 8, 16, 16, 16]
    assert detection.penalty == PENALTY_MAX


def test_being_open_forgives() -> None:
    """Ten detect times of being open take one flap back before the next closing counts."""
    detection = opened()
    detection.penalty = 4
    detection.close(MS + 25 * DETECT, "silent", flap=True)

    assert detection.penalty == 3


def test_an_orderly_leave_is_no_flap() -> None:
    """A peer that says good-bye may come back without a wait."""
    detection = opened()
    assert detection.close(500 * MS, "peer stopped", flap=False)
    prove_until(detection, 700 * MS, 700 * MS)

    assert detection.is_open


def test_closing_twice_counts_once() -> None:
    """A closed link that is closed again keeps its time and takes the newer reason."""
    detection = opened()
    detection.close(500 * MS, "silent", flap=True)

    assert not detection.close(700 * MS, "no carrier", flap=True)
    assert detection.state == Closed(500 * MS, "no carrier")
    assert detection.penalty == 1
    detection.raise_carrier(800 * MS)
    assert detection.state == Closed(500 * MS, "not proven yet")


def test_a_freeze_suspends_silence_until_it_ends() -> None:
    """A frozen link is not silent; when the freeze ends, it is judged by its proof again."""
    detection = opened()
    detection.freeze(5000 * MS)

    assert detection.is_frozen
    assert not detection.is_eager
    assert detection.silent_at() is None
    assert detection.advance_at() == 5000 * MS
    assert not detection.advance(5000 * MS, "")
    assert not detection.is_frozen
    assert detection.silent_at() == DETECT


def test_a_proof_ends_a_freeze() -> None:
    """The restarted peer proved itself: it is judged as any other again."""
    detection = opened()
    detection.freeze(5000 * MS)
    detection.prove(300 * MS, stamp(299 * MS), 0)

    assert not detection.is_frozen
    assert detection.is_eager


def test_a_closed_link_is_not_frozen() -> None:
    """There is nothing to keep open; neither is it eager before something is proven."""
    detection = made()
    detection.freeze(5000 * MS)

    assert not detection.is_frozen
    assert not detection.is_eager
    assert detection.silent_at() is None
    detection.prove(MS, stamp(0), 0)
    assert detection.is_eager


def test_time_gives_a_steady_one_nothing_to_do() -> None:
    """Whenever `is_steady` says so, `advance` changes nothing and `advance_at` names no instant."""
    detection = Detection(600, 600, 0)
    seen = set()
    for state in (Closed(0, ""), Closed(0, "", 5), Open(0, ""), Open(0, "", 7)):
        detection.state = state
        detection.proof_at = 1
        seen.add((detection.is_open, detection.is_frozen, detection.is_eager, detection.is_steady))
        assert detection.is_steady is (detection.advance_at() is None)
        if detection.is_steady:
            assert not detection.advance(10**9, "")
            assert detection.state is state

    assert len(seen) == 4
