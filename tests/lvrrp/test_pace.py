"""How far apart queries are, and what both ends must reckon with."""

import random
from collections import Counter
from typing import Any

import pytest
from hypothesis import given
from hypothesis import settings as profile
from hypothesis import strategies as st

from linkbalancer.clock import MILLISECOND, SECOND
from linkbalancer.links import GroupId, GroupState, GroupWord, Role
from linkbalancer.lvrrp.events import Adjust, Carrier, Closed, Measure, Words
from linkbalancer.lvrrp.pace import CALM, Pace
from linkbalancer.lvrrp.probing import Probing
from linkbalancer.lvrrp.settings import ProbeFunction
from linkbalancer.weights.metrics import Lane, Metrics
from tests.lvrrp.pair import BOOT, FAR, NEAR, Pair, settings

MS = MILLISECOND
ADAPTIVE: dict[str, Any] = {"function": ProbeFunction.ADAPTIVE, "interval_min": 100 * MS}


def pace(**changes: Any) -> Pace:
    """Return an adaptive pace of 100 to 200 ms, up to a second."""
    return Pace(settings(Role.CONTROLLER, **(ADAPTIVE | changes)), random.Random(1))


def quiet(one: Pace, answers: int, begin: int = 0) -> Pace:
    """Let so many queries be answered, a millisecond apart."""
    for number in range(answers):
        one.answered((begin + number) * MS)
    return one


@pytest.mark.parametrize("function", [ProbeFunction.RANDOM, ProbeFunction.FIXED])
def test_other_functions_never_slow_down(function: ProbeFunction) -> None:
    """However quiet it is."""
    one = quiet(pace(function=function, interval_min=200 * MS), 1000)

    assert (one.longest, one.lasting, one.draw()) == (200 * MS, 200 * MS, 200 * MS)


def test_quiet_times_lengthen_it_up_to_the_ceiling() -> None:
    """Not before a calm; then by an eighth with each answer; the range keeps its proportions."""
    one = quiet(pace(), CALM)
    assert one.longest == 200 * MS
    quiet(one, 1, begin=CALM)
    assert (one.longest, one.lasting) == (225 * MS, 225 * MS)
    quiet(one, 100, begin=CALM + 1)
    drawn = {one.draw() // MS for _ in range(2000)}

    assert (one.longest, one.lasting) == (SECOND, SECOND)
    assert (min(drawn), max(drawn)) == (500, 999)


def test_it_falls_back_at_once_but_is_reckoned_with_until_a_later_query_is_answered() -> None:
    """What was under way when it fell back may come as late as it was allowed to."""
    one = quiet(pace(), 100)
    assert one.disturb(200 * MS)
    assert (one.longest, one.lasting) == (200 * MS, SECOND)
    one.answered(200 * MS)
    assert one.lasting == SECOND
    one.answered(201 * MS)
    assert one.lasting == 200 * MS
    assert not one.disturb(300 * MS)
    quiet(one, CALM, begin=301)
    assert one.longest == 200 * MS


LOADS = [
    (Lane(rate=1e6, capacity=1e8), Lane(rate=1.05e7, capacity=1e8), 0),
    (Lane(rate=1e6, capacity=1e8), Lane(rate=1.2e7, capacity=1e8), 1),
    (Lane(rate=1.2e7, capacity=1e8), Lane(rate=1e6, capacity=1e8), 1),
    (Lane(rate=1e6), Lane(rate=1.9e6), 0),
    (Lane(rate=1e6), Lane(rate=2.1e6), 1),
    (Lane(rate=2.1e6), Lane(rate=1e6), 1),
    (Lane(rate=0.0), Lane(rate=9e4), 0),
    (Lane(), Lane(rate=1e9), 0),
    (Lane(rate=1e9), Lane(), 0),
]


@pytest.mark.parametrize(("before", "after", "changed"), LOADS)
def test_another_load_is_noticed(before: Lane, after: Lane, changed: int) -> None:
    """A tenth of the capacity, or a factor of two, in either direction; what is not known is no change."""
    for one, other in (
        (Metrics(outward=before), Metrics(outward=after)),
        (Metrics(inward=before), Metrics(inward=after)),
    ):
        judge = pace()
        assert not judge.measure(one)
        assert judge.measure(other) == changed
        assert not judge.measure(other)


def test_a_slow_drift_is_another_load_in_the_end() -> None:
    """It is compared with what it was at the last change, not with the last measurement."""
    judge = pace()
    found = [judge.measure(Metrics(outward=Lane(rate=step * 1e6, capacity=1e8))) for step in range(25)]

    assert [11, 22] == [step for step, changed in enumerate(found) if changed]


def calm_pair(**changes: Any) -> Pair:
    """Return two ends that have been quiet for a minute."""
    return Pair(**(ADAPTIVE | changes)).start().run(60 * SECOND)


def test_both_ends_agree_on_what_is_silence() -> None:
    """The detect time grows to twice the ceiling, patience and three repeats, at both ends."""
    pair = calm_pair()

    assert pair.near.detect == pair.far.detect == 2 * SECOND + 4 * 25 * MS
    assert pair.both_open


def test_a_quiet_link_is_queried_less() -> None:
    """Once every 750 ms on the average, in place of every 150."""
    pair = calm_pair()
    before = pair.near.counters["queries"]
    pair.run(60 * SECOND)

    assert 75 <= pair.near.counters["queries"] - before <= 85


def test_the_first_miss_takes_it_back() -> None:
    """The detect time follows with the first proof after it."""
    pair = calm_pair()
    fate, pair.fate = pair.fate, lambda _sender, _now: []
    pair.run(1000 * MS)  # one query is lost at least, and all of its repeats
    pair.fate = fate
    pair.run(500 * MS)

    assert pair.both_open
    assert not pair.changes_of(NEAR)[1:]
    assert pair.near._probing is not None
    assert pair.near._probing.pace.longest == 200 * MS
    assert pair.near.detect <= pair.far.detect < SECOND  # the loss of just now is forgotten step by step


def test_a_dead_link_is_closed_within_the_detect_time_that_was_stated() -> None:
    """At both ends, however long the pauses had become."""
    pair = calm_pair()
    died, detect = pair.now, pair.near.detect
    pair.fate = lambda _sender, _now: []
    pair.run(3 * SECOND)

    for name in (NEAR, FAR):
        ((closed, effect),) = pair.seen(name, Closed)
        assert isinstance(effect, Closed)
        assert closed * MS + BOOT - died <= detect


@pytest.mark.parametrize("name", [NEAR, FAR])
def test_another_word_takes_it_back(name: str) -> None:
    """Of either end: where something moved more may follow; the next query comes soon."""
    pair = calm_pair()
    pair.do(name, Words((GroupWord(1, GroupState.MASTER, 150, 1),)))
    pair.run(205 * MS)

    assert pair.near._probing is not None
    assert pair.near._probing.pace.longest == 200 * MS
    pair.run(SECOND)
    assert pair.near.detect == pair.far.detect == 600 * MS


@pytest.mark.thorough
@pytest.mark.parametrize("waited", range(0, 2000, 40))
def test_a_weight_that_overtakes_the_proof_closes_nothing(waited: int) -> None:
    """It states the shorter detect time already, and is no proof as young as that has it: the next query is."""
    pair = calm_pair()
    pair.do(NEAR, Adjust(((GroupId(1), 100, 0.5),)))
    pair.run(20 * SECOND + waited * MS)
    pair.do(NEAR, Words((GroupWord(1, GroupState.MASTER, 150, 1),)))
    pair.run(2 * SECOND)

    assert not pair.seen(NEAR, Closed)
    assert not pair.seen(FAR, Closed)
    assert pair.near.detect == pair.far.detect == 600 * MS


def test_another_load_takes_it_back() -> None:
    """At the controller, which queries; the controlled end has no pace."""
    pair = calm_pair()
    for rate in (1e6, 5e6):
        for name in (NEAR, FAR):
            assert [] == pair.do(name, Measure(Metrics(outward=Lane(rate=rate))))
    before = pair.near.counters["queries"]
    pair.run(205 * MS)

    assert pair.near.counters["queries"] > before


def test_carrier_that_was_lost_begins_anew() -> None:
    """A link that comes back is no quiet one."""
    pair = calm_pair()
    for up in (False, True):
        for name in (NEAR, FAR):
            pair.do(name, Carrier(up=up))
    pair.run(2 * SECOND)

    assert pair.near.detect == pair.far.detect == 600 * MS


def test_nothing_is_hastened_that_is_halted() -> None:
    """Without carrier no query is due, whatever happens."""
    probing = Probing(settings(Role.CONTROLLER, **ADAPTIVE), random.Random(1), Counter())
    quiet(probing.pace, 100)
    probing.hasten()

    assert probing.due(None, fast=True) is None


@pytest.mark.thorough
@profile(max_examples=25, deadline=None)
@given(st.randoms(use_true_random=False), st.integers(0, 1000), st.integers(1, 300))
def test_no_accident_closes_a_link_that_lives(chance: random.Random, loss: int, latency_ms: int) -> None:
    """Whatever the pace has become: two queries in a row may be lost, and nothing closes at either end.

    A detect time of one interval in place of two, or of two thirds of the longest, closes it by the second example.
    """
    lost = 0

    def fate(sender: str, _now: int) -> list[int]:
        nonlocal lost
        if sender == NEAR:
            lost = lost + 1 if lost < 2 and chance.randrange(1000) < loss else 0
        return [] if sender == NEAR and lost else [latency_ms * MS // 4 + chance.randrange(MS)]

    pair = Pair(seed=chance.randrange(1000), **ADAPTIVE)
    pair.start().run(20 * SECOND)
    pair.fate = fate
    pair.run(40 * SECOND)

    assert not pair.seen(NEAR, Closed)
    assert not pair.seen(FAR, Closed)
