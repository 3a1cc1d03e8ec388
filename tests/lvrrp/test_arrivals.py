"""One-way loss by gaps in the peer's numbers: what is lost counts, what is late or twice does not."""

import random

import pytest
from hypothesis import given
from hypothesis import strategies as st

from linkbalancer.clock import MILLISECOND, SECOND
from linkbalancer.lvrrp.arrivals import GAIN, WINDOW, Arrivals
from linkbalancer.lvrrp.packet import Datagram, MessageType
from linkbalancer.lvrrp.session import Confirmed, Conversation, Refusal
from tests.lvrrp.pair import FAR, NEAR, Pair

CONFIRMED = Confirmed(Conversation(own=1, born=0), adopted=False)


def datagram(sequence: int, session: int = 77) -> Datagram:
    """Return one of the peer's."""
    return Datagram(
        kind=MessageType.STATE,
        key_id=1,
        session=session,
        echoed=1,
        sequence=sequence,
        detect=600 * MILLISECOND,
        sent=0,
        echo_sent=0,
        echo_delay=0,
    )


def heard(*sequences: int, into: Arrivals | None = None, session: int = 77) -> Arrivals:
    """Return what is known after these numbers, each placed as the sessions place it."""
    arrivals, newest = into or Arrivals(), 0
    for sequence in sequences:
        arrivals.note(datagram(sequence, session), CONFIRMED if sequence > newest else Refusal.SEQUENCE)
        newest = max(newest, sequence)
    return arrivals


def test_nothing_is_said_before_a_number_can_be_judged() -> None:
    """The first number of a session is judged when so many later ones are known, and none before it ever."""
    assert heard().loss is None
    assert heard(*range(900, 900 + WINDOW)).loss is None
    assert heard(*range(900, 901 + WINDOW)).loss == 0


def test_numbers_that_never_come_are_the_loss() -> None:
    """One in four, from the first judged on."""
    loss = heard(*(number for number in range(1, 4000) if number % 4)).loss
    assert loss is not None
    assert 0.24 < loss < 0.26


@given(st.integers(1, 1000), st.sets(st.integers(1, GAIN - 1)), st.integers(0, 5))
def test_while_few_are_judged_the_loss_is_exact(first: int, lost: set[int], more: int) -> None:
    """Of the first judged, the share that did not come."""
    judged = GAIN - more
    last = first + judged - 1 + WINDOW
    came = [number for number in range(first, last + 1) if number - first not in lost]
    gone = sum(number < judged for number in lost)
    assert heard(*came).loss == pytest.approx(gone / judged, abs=1e-9)


@pytest.mark.thorough
@given(st.randoms(use_true_random=False), st.integers(2, 300), st.integers(1, WINDOW - 1))
def test_what_is_overtaken_or_twice_is_not_lost(chance: random.Random, count: int, overtaken: int) -> None:
    """By fewer than the window, and however often."""
    numbers = [number for number in range(2, count + 2) for _copy in range(chance.randint(1, 3))]
    numbers.sort(key=lambda number: number + chance.random() * overtaken)
    assert heard(1, *numbers).loss in {None, 0}


@given(st.lists(st.integers(1, 10**6)), st.lists(st.integers(1, 10**6)))
def test_it_is_a_share_whatever_comes(one: list[int], other: list[int]) -> None:
    """Numbers in any order, of any session."""
    arrivals = heard(*one)
    heard(*other, into=arrivals, session=78)
    assert arrivals.loss is None or 0 <= arrivals.loss <= 1


def test_who_is_too_late_counts_as_lost() -> None:
    """What has been judged stays so."""
    numbers = [*range(1, 10), *range(11, 12 + WINDOW)]
    assert heard(*numbers, 10).loss == heard(*numbers).loss != 0


def test_a_session_begins_anew() -> None:
    """What lies between the last number of one and the first of another was never sent; what was measured stands."""
    before = [number for number in range(1, 1000) if number % 2]
    arrivals = heard(*before)
    loss = arrivals.loss
    heard(50_000, 50_001, into=arrivals, session=78)
    assert arrivals.loss == loss
    arrivals.note(datagram(998), Refusal.SEQUENCE)
    assert arrivals.loss == loss


def test_strangers_say_nothing() -> None:
    """A candidate's numbers, or those that echo another session, are not the peer's."""
    arrivals = heard(*range(1, 100))
    for refusal in (Refusal.ECHO, Refusal.CROWDED, Refusal.RETIRED, Refusal.OWN_SESSION):
        arrivals.note(datagram(500), refusal)
    assert heard(100, into=arrivals).loss == 0


def test_a_gap_of_any_length_is_soon_judged() -> None:
    """A billion numbers later nothing but loss is known, at once."""
    loss = heard(1, 10**9).loss
    assert loss is not None
    assert loss > 0.999


def test_forgetting_is_for_good() -> None:
    """After an outage numbers begin anew, though the session goes on."""
    arrivals = heard(*range(1, 50))
    arrivals.forget()
    assert arrivals.loss is None
    heard(5000, 5001, into=arrivals)
    assert arrivals.loss is None


@pytest.mark.parametrize(("deaf", "other"), [(NEAR, FAR), (FAR, NEAR)])
def test_a_link_measures_the_loss_of_its_own_direction(deaf: str, other: str) -> None:
    """One in five datagrams is lost to one end: that end knows it, the other one knows that it loses nothing."""
    pair = Pair(seed=5, interval_max=200 * MILLISECOND)
    chance = random.Random(2)
    pair.fate = lambda sender, _now: [] if sender != deaf and chance.random() < 0.2 else [MILLISECOND] * 2
    pair.start().run(120 * SECOND)
    loss = pair.ends[deaf].quality.inward.loss
    assert pair.both_open
    assert loss is not None
    assert 0.08 < loss < 0.35
    assert pair.ends[other].quality.inward.loss == 0


def test_an_outage_is_no_loss() -> None:
    """The link closes, opens again in the same session, and loses nothing."""
    pair = Pair().start().run(20 * SECOND)
    pair.fate = lambda _sender, _now: []
    pair.run(10 * SECOND)
    assert not pair.near.is_open
    pair.fate = lambda _sender, _now: [MILLISECOND]
    pair.run(30 * SECOND)
    assert pair.both_open
    assert pair.near.quality.inward.loss == pair.far.quality.inward.loss == 0
