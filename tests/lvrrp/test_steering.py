"""Priorities adjusted over a link: said until acknowledged, whatever becomes of datagrams and of either end."""

import random

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from linkbalancer.clock import MILLISECOND, SECOND
from linkbalancer.links import Family, GroupId
from linkbalancer.lvrrp import tlv
from linkbalancer.lvrrp.events import Adjust, Adjusted, Bye, Carrier, Change, Effect, Event, Received
from linkbalancer.lvrrp.figures import Adjustment, LinkWeight
from linkbalancer.lvrrp.obeying import CONFIRM
from linkbalancer.lvrrp.packet import MessageType
from tests.lvrrp.pair import BOOT, FAR, NEAR, Fate, Pair, read
from tests.lvrrp.test_link import forged

MS = MILLISECOND
ONE, TWO = GroupId(1), GroupId(2)
WANTED = Adjust(((ONE, 120, 37.5), (TWO, 90, 12.25)))


def lost(_sender: str, _now: int) -> list[int]:
    """Lose everything."""
    return []


def soon(_sender: str, _now: int) -> list[int]:
    """Deliver everything."""
    return [MS]


def adjusted(pair: Pair) -> tuple[int | None, int | None]:
    """Return the priorities in force at the far end."""
    return pair.far.adjusted(ONE), pair.far.adjusted(TWO)


def ready() -> Pair:
    """Return an open link whose far end has been adjusted."""
    pair = Pair().start().run(500 * MS)
    pair.do(NEAR, WANTED)
    return pair.run(100 * MS)


def of_kind(pair: Pair, name: str, kind: MessageType) -> list[tlv.Body]:
    """Return what one end has said in datagrams of a kind."""
    said = [read(pair.ends[name], data) for sender, data in pair.sent if sender == name]
    return [datagram.body for datagram in said if datagram.kind is kind]


def test_it_is_there_and_acknowledged_after_a_round_trip() -> None:
    """Said once, obeyed, and told upwards with the weight."""
    pair = Pair().start().run(500 * MS)
    pair.do(NEAR, WANTED)
    assert not pair.near.wants()["1"]["acknowledged"]
    pair.run(2 * MS)

    changes = (Change(ONE, None, 120, 37.5, "adjusted"), Change(TWO, None, 90, 12.25, "adjusted"))
    assert pair.seen(FAR, Adjusted) == [(501, Adjusted(changes))]
    assert adjusted(pair) == (120, 90)
    assert pair.near.adjusted(ONE) is None
    assert (pair.far.peer.weight(ONE), pair.far.peer.weight(GroupId(3))) == (37.5, None)
    assert pair.near.wants() == {
        "1": {"priority": 120, "weight": 37.5, "acknowledged": True, "refused": False},
        "2": {"priority": 90, "weight": 12.25, "acknowledged": True, "refused": False},
    }
    pair.run(10 * SECOND)
    assert len(of_kind(pair, NEAR, MessageType.ADJUST)) == len(of_kind(pair, FAR, MessageType.ADJUST)) == 1
    assert (pair.far.wants(), len(pair.seen(FAR, Adjusted))) == ({}, 1)


def test_what_is_lost_is_said_again_at_a_bounded_pace() -> None:
    """Doubling from the patience up to a second, however long nobody answers."""
    pair = ready()
    keyring = pair.near._speaker.keyring

    def deaf(sender: str, _now: int) -> list[int]:
        """Lose every ADJUST of the controller."""
        return [] if sender == NEAR and pair.sent[-1][1][3] == MessageType.ADJUST else [MS]

    pair.fate = deaf
    pair.do(NEAR, Adjust(((ONE, 130, 1.0), (TWO, 90, 1.0))))
    said = len(of_kind(pair, NEAR, MessageType.ADJUST))
    pair.run(10 * SECOND)
    assert 12 <= len(of_kind(pair, NEAR, MessageType.ADJUST)) - said <= 16
    assert adjusted(pair) == (120, 90)
    pair.fate = soon
    pair.run(SECOND)
    assert adjusted(pair) == (130, 90)
    assert keyring is pair.near._speaker.keyring


def test_an_answer_that_is_lost_is_asked_for_again() -> None:
    """And what is done already changes nothing."""
    pair = Pair().start().run(500 * MS)
    pair.fate = lambda sender, _now: [MS] if sender == NEAR else []
    pair.do(NEAR, WANTED)
    pair.run(100 * MS)
    pair.fate = soon
    pair.run(500 * MS)
    assert pair.near.wants()["1"]["acknowledged"]
    assert len(pair.seen(FAR, Adjusted)) == 1


@pytest.mark.parametrize("adopt", [True, False])
@pytest.mark.parametrize("name", [NEAR, FAR])
def test_a_restart_of_either_end_changes_nothing_for_long(name: str, *, adopt: bool) -> None:
    """With a snapshot nothing moves at all; a controlled end that has forgotten is told at once."""
    pair = ready()
    before = len(pair.seen(FAR, Adjusted))
    pair.restart(name, adopt=adopt)
    assert adjusted(pair) == ((None, None) if name == FAR and not adopt else (120, 90))
    pair.run(50 * MS)
    assert adjusted(pair) == (120, 90)
    assert len(pair.seen(FAR, Adjusted)) - before == (name == FAR and not adopt)
    pair.run(CONFIRM)
    forgotten = name == NEAR and not adopt
    assert adjusted(pair) == ((None, None) if forgotten else (120, 90))


def test_a_controller_that_wants_nothing_any_more_is_believed_after_a_while() -> None:
    """It was restarted and has forgotten: its former wants stand for 30 s of an open link, then they are let go."""
    pair = ready()
    pair.restart(NEAR)
    pair.run(CONFIRM - SECOND)
    assert adjusted(pair) == (120, 90)
    pair.run(2 * SECOND)
    assert adjusted(pair) == (None, None)
    (_, gone) = pair.seen(FAR, Adjusted)[-1]
    assert isinstance(gone, Adjusted)
    assert [change.before for change in gone.changes] == [120, 90]


def test_a_silent_controller_is_believed_as_long_as_its_session() -> None:
    """The link closes and opens again in the same session: what was said last stands, and no time is counted."""
    pair = ready()
    pair.fate = lost
    pair.run(20 * SECOND)
    assert (pair.far.is_open, adjusted(pair)) == (False, (120, 90))
    pair.do(NEAR, Adjust(((ONE, 140, 40.0), (TWO, 90, 12.25))))
    said = len(of_kind(pair, NEAR, MessageType.ADJUST))
    pair.run(20 * SECOND)
    assert len(of_kind(pair, NEAR, MessageType.ADJUST)) - said <= 26
    pair.do(NEAR, Carrier(up=False))
    said = len(of_kind(pair, NEAR, MessageType.ADJUST))
    pair.run(20 * SECOND)
    assert len(of_kind(pair, NEAR, MessageType.ADJUST)) == said, "without carrier nothing is said"
    pair.do(NEAR, Carrier(up=True))
    pair.fate = soon
    pair.run(CONFIRM + 5 * SECOND)
    assert (pair.both_open, adjusted(pair)) == (True, (140, 90))
    assert len(pair.seen(FAR, Adjusted)) == 2


def test_a_far_end_that_was_started_anew_is_told_at_once() -> None:
    """It opens at once, the controller after a wait: it has its priorities a round trip later, and not a wait."""
    pair = ready()
    pair.fate = lost
    pair.run(2 * SECOND)
    pair.restart(FAR)
    pair.fate = soon
    while not pair.far.is_open:
        assert pair.run(MS // 4).now < BOOT + 10 * SECOND
    pair.run(2 * MS)
    assert (adjusted(pair), pair.near.is_open) == ((120, 90), False)


def test_after_a_leave_and_a_closing_it_stands_until_it_is_said_anew() -> None:
    """The wait for a confirmation begins with the opening, not before."""
    pair = ready()
    pair.do(NEAR, Bye(None))
    pair.run(2 * CONFIRM)
    assert (pair.far.is_open, adjusted(pair)) == (False, (120, 90))
    pair.restart(NEAR)
    pair.run(CONFIRM - SECOND)
    assert adjusted(pair) == (120, 90)
    pair.do(NEAR, Adjust(((ONE, 120, 37.5),)))
    pair.run(2 * SECOND)
    assert adjusted(pair) == (120, None)


def test_a_group_that_is_wanted_no_more_is_as_configured() -> None:
    """And then the controller has forgotten it as well."""
    pair = ready()
    pair.do(NEAR, Adjust(((ONE, 120, 37.5),)))
    pair.run(10 * MS)
    assert adjusted(pair) == (120, None)
    assert list(pair.near.wants()) == ["1"]


@pytest.mark.parametrize("priority", [1, 255])
def test_a_priority_that_may_not_be_is_refused(priority: int) -> None:
    """By the controlled end, whoever wrote it; nothing moves, and the counter says so."""
    pair = ready()
    bad = tlv.Body("b1", "l1", adjustments=(Adjustment(ONE, priority, 7),))
    pair.do(FAR, Received(forged(pair.near, MessageType.ADJUST, body=bad)))
    assert (adjusted(pair), pair.far.counters["adjust_range"]) == ((120, 90), 1)
    assert len(pair.seen(FAR, Adjusted)) == 1
    pair.do(NEAR, Adjust(((ONE, priority, 1.0), (TWO, 90, 1.0))))
    pair.run(10 * MS)
    assert (adjusted(pair), pair.near.counters["adjust_range"]) == ((120, 90), 1)


def test_a_controller_obeys_nobody() -> None:
    """What a far end asks of it is an answer that fits nothing; what is asked at the far end is counted."""
    pair = ready()
    body = tlv.Body("f1", "l1", adjustments=(Adjustment(ONE, 200, 99), Adjustment(GroupId(9), 200, 1)))
    assert pair.do(NEAR, Received(forged(pair.far, MessageType.ADJUST, body=body))) == []
    assert (pair.near.adjusted(ONE), pair.near.adjusted(GroupId(9))) == (None, None)
    assert pair.do(FAR, WANTED) == []
    assert pair.far.counters["adjust_role"] == 1


def test_a_refusal_by_the_peer_is_shown() -> None:
    """A far end of another making may refuse what ours would not."""
    pair = Pair().start().run(500 * MS)
    pair.fate = lost
    pair.do(NEAR, WANTED)
    body = tlv.Body("f1", "l1", adjustments=(Adjustment(ONE, 0, 1),))
    pair.do(NEAR, Received(forged(pair.far, MessageType.ADJUST, body=body)))
    assert pair.near.wants()["1"] == {"priority": 120, "weight": 37.5, "acknowledged": True, "refused": True}
    assert pair.near.counters["adjust_refused"] == 1


def test_weights_are_told_beside() -> None:
    """When they change, and each second; the far end's may be told as well, and are kept."""
    pair = ready()
    pair.do(NEAR, Adjust(((ONE, 120, 38.5), (TWO, 90, 12.25))))
    pair.run(250 * MS)
    assert pair.far.peer.weight(ONE) == 38.5
    assert len(of_kind(pair, NEAR, MessageType.ADJUST)) == 1
    pair.run(5 * SECOND)
    assert 5 <= len(of_kind(pair, NEAR, MessageType.WEIGHT)) <= 7
    body = tlv.Body("f1", "l1", weights=(LinkWeight(ONE, 3.0), LinkWeight(TWO, 4.0)))
    pair.do(NEAR, Received(forged(pair.far, MessageType.WEIGHT, body=body)))
    assert pair.near.peer.weight(ONE) == 3.0
    body = tlv.Body("f1", "l1", weights=(LinkWeight(ONE, None), LinkWeight(GroupId(9), None)))
    pair.do(NEAR, Received(forged(pair.far, MessageType.WEIGHT, body=body)))
    assert (pair.near.peer.weight(ONE), pair.near.peer.weight(TWO)) == (None, 4.0)


def test_both_families_of_every_vid_are_adjusted() -> None:
    """In pages; one that is lost is said again alone."""
    groups = [GroupId(vid, family) for vid in range(1, 256) for family in Family]
    pair = Pair().start().run(500 * MS)
    told: list[int] = []

    def fate(sender: str, now: int) -> list[int]:
        told.append(now)
        return [] if sender == NEAR and len(told) == 5 else [MS]

    pair.fate = fate
    pair.do(NEAR, Adjust(tuple((group, 2 + group.vid % 253, 1.5) for group in groups)))
    pair.run(500 * MS)
    assert all(pair.far.adjusted(group) == 2 + group.vid % 253 for group in groups)
    assert [len(body.adjustments) for body in of_kind(pair, NEAR, MessageType.ADJUST)] == [40] * 12 + [30, 40]


class Wishes(Pair):
    """A controller whose wants change, and faults of every kind; what the far end had in force is noted."""

    def __init__(self, seed: int) -> None:
        super().__init__(seed=seed)
        self.wanted: list[int] = []
        self.had: list[int | None] = []

    def do(self, name: str, event: Event) -> list[Effect]:
        """Note what is in force afterwards."""
        effects = super().do(name, event)
        now = self.far.adjusted(ONE)
        if not self.had or self.had[-1] != now:
            self.had.append(now)
        return effects

    def want(self, priority: int) -> None:
        """Want something else of it."""
        self.wanted.append(priority)
        self.do(NEAR, Adjust(((ONE, priority, priority / 2),)))


def rough(chance: random.Random) -> Fate:
    """Lose, repeat and reorder."""
    return lambda _sender, _now: [chance.randrange(1, 120) * MS for _ in range(chance.choice([0, 1, 1, 2]))]


STEPS = st.lists(
    st.tuples(st.sampled_from(["want", "near", "near anew", "far", "carrier", "hold"]), st.integers(1, 900))
)


@pytest.mark.thorough
@settings(max_examples=60, deadline=None)
@given(STEPS, st.integers(0, 10**6))
def test_the_last_want_is_what_is_in_force_in_the_end(steps: list[tuple[str, int]], seed: int) -> None:
    """Under loss, repetition, reordering and restarts of both: never anything unwanted, never an older want again."""
    pair = Wishes(seed)
    pair.start().run(300 * MS)
    pair.fate = rough(random.Random(seed))
    for number, (step, milliseconds) in enumerate(steps):
        match step:
            case "want":
                pair.want(2 + number)
            case "near" | "far":
                pair.restart(step, adopt=True)
            case "near anew":
                pair.restart(NEAR)
                pair.want(2 + number)
            case "hold":
                pair.do(NEAR, Bye(2 * SECOND))
                pair.restart(NEAR, adopt=True)
            case _:
                pair.do(FAR, Carrier(up=False))
                pair.do(FAR, Carrier(up=True))
        pair.run(milliseconds * MS)
    pair.fate = soon
    pair.want(254)
    pair.run(15 * SECOND)

    assert pair.both_open
    assert pair.far.adjusted(ONE) == 254
    assert pair.near.wants()["1"]["acknowledged"]
    places = [pair.wanted.index(one) for one in pair.had if one is not None]
    assert places == sorted(places)
