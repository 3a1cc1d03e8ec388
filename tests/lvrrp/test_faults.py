"""How fast faults are found, and that everything heals: two ends over a wire that does its worst."""

import random

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from linkbalancer.clock import MICROSECOND, MILLISECOND, SECOND
from linkbalancer.links import GroupId, GroupState, GroupWord
from linkbalancer.lvrrp.events import Carrier, Closed, Words
from tests.lvrrp.pair import BOOT, FAR, NEAR, Pair

MS = MILLISECOND
REPEAT = 25 * MS
DETECT = 600 * MS
LONGEST_WAIT = 16 * DETECT
"""The up delay after many flaps."""

AGREED_WITHIN = 1 * SECOND + 2 * 200 * MS
"""A retired session's memory, and two queries at the slowest pace."""


@pytest.mark.parametrize("heard", [(), (NEAR,), (FAR,)], ids=["both ways", "from the far end", "from the near end"])
@pytest.mark.parametrize("phase", [0, 1, 3, 50, 120, 199])
@pytest.mark.parametrize("latency", [1, 5])
def test_silence_closes_both_ends_in_time(heard: tuple[str, ...], phase: int, latency: int) -> None:
    """Loss of both ways or of either alone closes both ends within the detect time and three repeats."""
    pair = Pair(latency=latency * MS).start().run(SECOND + phase * MS)
    lost_at = pair.now
    pair.fate = lambda sender, _now: [latency * MS] if sender in heard else []
    pair.run(DETECT + 3 * REPEAT + 2 * latency * MS)

    assert not pair.near.is_open
    assert not pair.far.is_open
    for name in (NEAR, FAR):
        closed_at, effect = pair.seen(name, Closed)[0]
        assert closed_at >= (lost_at - BOOT) // MS
        assert effect == Closed("no round trip proven for 600 ms")


@pytest.mark.parametrize("name", [NEAR, FAR])
def test_carrier_loss_closes_at_once(name: str) -> None:
    """No time passes between the loss of carrier and the closing."""
    pair = Pair().start().run(SECOND)

    assert pair.do(name, Carrier(up=False)) == [Closed("no carrier")]
    assert pair.do(name, Carrier(up=False)) == []


def test_a_paused_controller_asks_before_it_closes() -> None:
    """An end that slept through its deadlines finds its link open: silence alone, without misses, closes nothing."""
    pair = Pair().start().run(SECOND)
    pair.now += 5 * SECOND
    pair.ends[FAR]._detection.proof_at = pair.now
    pair.run(SECOND)

    assert pair.changes_of(NEAR) == [(2, "opened")]


def test_a_stamp_that_wraps_changes_nothing() -> None:
    """Every 71.6 minutes a clock's microseconds begin anew on the wire: proofs go on as before."""
    pair = Pair()
    pair.now = 2**32 * MICROSECOND - 500 * MS
    pair.ends = {name: pair._new(name) for name in (NEAR, FAR)}
    pair.start().run(SECOND)

    assert pair.now > 2**32 * MICROSECOND
    assert pair.both_open
    assert len(pair.changes_of(NEAR) + pair.changes_of(FAR)) == 2
    for end in (pair.near, pair.far):
        assert end.proof_at is not None
        assert pair.now - end.proof_at < 450 * MS
        assert (end.rtt or 0) <= 2 * MS + MICROSECOND


@pytest.mark.parametrize("loss", [0.05, 0.15, 0.3])
def test_a_lossy_link_stays_open(loss: float) -> None:
    """Losses that were measured are borne: no closing in two minutes."""
    pair = Pair(seed=3).start().run(2 * SECOND)
    chance = random.Random(4)
    pair.fate = lambda _sender, _now: [] if chance.random() < loss else [MS]
    pair.run(120 * SECOND)

    assert len(pair.changes_of(NEAR) + pair.changes_of(FAR)) == 2
    assert pair.near.detect >= DETECT


def test_one_lost_datagram_changes_nothing() -> None:
    """Whichever of the first forty datagrams is lost, the link opens and stays open (L8)."""
    for victim in range(40):
        pair = Pair()
        pair.fate = lambda _sender, _now, pair=pair, victim=victim: (  # type: ignore[misc]
            [] if len(pair.sent) == victim + 1 else [MS]
        )
        pair.start().run(3 * SECOND)

        assert pair.both_open
        assert len(pair.changes_of(NEAR) + pair.changes_of(FAR)) == 2


@pytest.mark.parametrize("order", [(NEAR,), (FAR,), (NEAR, FAR), (FAR, NEAR)])
@pytest.mark.parametrize("victim", [None, *range(8)])
@pytest.mark.parametrize("apart", [0, 1, 70])
def test_every_order_of_restarts_is_confirmed_again(order: tuple[str, ...], victim: int | None, apart: int) -> None:
    """One end or both, in any order, with any datagram lost: a common pair within two queries, nothing closed."""
    pair = Pair().start().run(SECOND)
    before = len(pair.sent)
    pair.fate = lambda _sender, _now: [] if victim is not None and len(pair.sent) == before + victim + 1 else [MS]
    for name in order:
        pair.restart(name, adopt=True)
        pair.run(apart * MS)
    pair.run(410 * MS)

    assert pair.agree
    pair.run(2 * SECOND)
    assert pair.agree
    assert pair.both_open
    assert len(pair.changes_of(NEAR) + pair.changes_of(FAR)) == 2


def test_each_flap_doubles_the_wait() -> None:
    """A link that fails again and again is trusted later and later."""
    pair = Pair().start().run(SECOND)
    waits = []
    for _ in range(4):
        pair.do(NEAR, Carrier(up=False))
        pair.do(NEAR, Carrier(up=True))
        down_at = pair.now
        while not pair.near.is_open:
            pair.run(10 * MS)
        waits.append((pair.now - down_at) // (100 * MS))

    assert waits == [6, 12, 24, 48]


STEPS = st.lists(
    st.tuples(
        st.sampled_from(["loss", "near only", "far only", "cut", "slow", "restart near", "restart far", "kill both"]),
        st.integers(1, 900),
    ),
    max_size=8,
)


def misbehave(pair: Pair, fault: str, chance: random.Random) -> None:
    """Begin one fault; those of the wire last until the next."""

    def some(_sender: str, _now: int) -> list[int]:
        copies = chance.choice([0, 1, 1, 2])
        return [chance.randrange(1, 40) * MS for _ in range(copies)]

    match fault:
        case "loss":
            pair.fate = some
        case "near only" | "far only":
            pair.fate = lambda sender, _now: [MS] if fault.startswith(sender) else []
        case "cut":
            pair.fate = lambda _sender, _now: []
        case "slow":
            pair.fate = lambda _sender, _now: [chance.randrange(100, 400) * MS]
        case "restart near" | "restart far":
            pair.restart(fault.split()[1], adopt=chance.random() < 0.5)
        case _:
            pair.restart(FAR)
            pair.restart(NEAR)


@pytest.mark.thorough
@settings(max_examples=60, deadline=None)
@given(steps=STEPS, seed=st.integers(0, 1000))
def test_everything_heals(steps: list[tuple[str, int]], seed: int) -> None:
    """When the faults stop, both ends soon agree on one pair, reopen within the longest wait, and know the words."""
    pair = Pair(seed=seed, interval_min=100 * MS).start().run(500 * MS)
    chance = random.Random(seed)
    for fault, milliseconds in steps:
        misbehave(pair, fault, chance)
        pair.run(milliseconds * MS)
    pair.fate = lambda _sender, _now: [MS]
    pair.run(400 * MS)  # what is still under way arrives

    pair.run(AGREED_WITHIN)
    confirmed = (pair.near._sessions.pair, pair.far._sessions.pair)
    assert pair.agree
    word = GroupWord(1, GroupState.MASTER, 150, 1)
    pair.do(FAR, Words((word,)))
    pair.run(LONGEST_WAIT + DETECT)
    assert pair.both_open
    assert (pair.near._sessions.pair, pair.far._sessions.pair) == confirmed
    assert pair.near.word(GroupId(1), pair.now) == word
