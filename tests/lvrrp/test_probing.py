"""When the controller queries, and how many misses it takes."""

import random
from collections import Counter

import pytest
from hypothesis import given
from hypothesis import strategies as st

from linkbalancer.clock import MILLISECOND
from linkbalancer.links import Role
from linkbalancer.lvrrp.probing import MISSES_MAX, Probing, misses_needed, patience, repeat
from tests.lvrrp.pair import settings

MS = MILLISECOND
ONE = 10**12


def fixed(**changes: int) -> Probing:
    """Return a controller's probing with queries every 200 ms."""
    return Probing(settings(Role.CONTROLLER, **changes), random.Random(1), Counter())


@given(st.integers(0, 950), st.integers(1, 5))
def test_the_misses_grow_until_a_false_alarm_is_rare(thousandths: int, misses: int) -> None:
    """The number of misses is the least one, not under the configured, whose chance is below 10^-6, up to the limit."""
    needed = misses_needed(thousandths * ONE // 1000, misses)

    assert misses <= needed <= MISSES_MAX
    if needed < MISSES_MAX:
        assert (thousandths / 1000) ** needed < 1.000_001e-6
    if needed > misses:
        assert (thousandths / 1000) ** (needed - 1) > 0.999_999e-6


def test_a_draw_is_made_anew_each_time() -> None:
    """Queries come at different times of the whole interval, both ends of it included (L7)."""
    probing = fixed(interval_min=MS, interval_max=MS + 3)
    drawn = set()
    for _ in range(100):
        probing.sent(0, fast=True)
        drawn.add(probing._query_at)

    assert drawn == {MS, MS + 1, MS + 2, MS + 3}


def test_patience_and_pace_follow_the_round_trip() -> None:
    """25 ms at least, two round trips until a miss, one between repeats."""
    assert (patience(None), repeat(None)) == (25 * MS, 25 * MS)
    assert (patience(40 * MS), repeat(40 * MS)) == (80 * MS, 40 * MS)


def test_a_missed_query_is_repeated_quickly() -> None:
    """After 25 ms without an answer, and every 25 ms from then on."""
    probing = fixed()
    probing.sent(0, fast=True)

    assert probing.due(None, fast=True) == 25 * MS
    probing.sent(25 * MS, fast=True)
    assert probing.due(None, fast=True) == 50 * MS
    assert probing.due(20 * MS, fast=True) == 50 * MS
    assert probing.due(30 * MS, fast=True) == 60 * MS


def test_a_closed_link_is_queried_at_the_ordinary_pace() -> None:
    """While nothing is at stake a missed query is not repeated quickly, nor remembered."""
    probing = fixed()
    probing.sent(0, fast=False)
    probing.sent(200 * MS, fast=False)

    assert probing.due(None, fast=False) == 400 * MS
    assert probing.unanswered == 1


def test_an_answer_ends_the_repeats() -> None:
    """An answered query leaves the next one at its drawn time."""
    probing = fixed()
    probing.sent(123, fast=True)

    assert probing.answered(0) == 1
    assert probing.due(None, fast=True) == 123 + 200 * MS


def test_enough_misses_exhaust_it() -> None:
    """The third query's patience running out is what exhausts the default number."""
    probing = fixed()
    for at in (0, 25, 50):
        assert probing.exhausted_at(None) is None
        probing.sent(at * MS, fast=True)

    assert probing.exhausted_at(None) == 75 * MS


def test_loss_counts_only_when_its_run_has_ended() -> None:
    """Misses change the number needed when an answer follows, not while they last."""
    probing = fixed()
    for at in range(4):
        probing.sent(at * MS, fast=True)
    assert (probing.needed, probing.loss) == (3, 0)

    assert probing.answered(3 * MS) == 4
    assert probing.needed == 8
    assert 0.1 < probing.loss < 0.2
    for at in range(200):
        probing.sent(at * MS, fast=True)
        probing.answered(at * MS)
    assert probing.needed == 3


def test_what_is_forgotten_is_not_lost() -> None:
    """Queries of a session that ended count neither as answered nor as lost."""
    probing = fixed()
    for at in range(4):
        probing.sent(at * MS, fast=True)
    probing.forget()

    assert probing.answered(3 * MS) == 0
    assert probing.needed == 3


def test_a_late_answer_leaves_later_queries_open() -> None:
    """An answer to the first of two queries settles that one alone."""
    probing = fixed()
    probing.sent(0, fast=True)
    probing.sent(25 * MS, fast=True)

    assert probing.answered(0) == 1
    assert probing.unanswered == 1


@pytest.mark.parametrize(
    ("changes", "rtt", "silence"),
    [
        ({}, None, 600),
        ({}, 100, 900),
        ({"misses": 1}, None, 450),
        ({"detect": 5000 * MS}, 100, 5000),
    ],
)
def test_the_stated_silence_leaves_room_for_the_misses(changes: dict[str, int], rtt: int | None, silence: int) -> None:
    """The configured detect time, or two intervals and the misses' time where that is more."""
    assert fixed(**changes).silence(rtt and rtt * MS) == silence * MS
