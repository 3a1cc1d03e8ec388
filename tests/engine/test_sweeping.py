"""Deletions that are verified: what is asked when, what is tried again, and what is told in the end."""

from hypothesis import given
from hypothesis import strategies as st

from linkbalancer.clock import Instant
from linkbalancer.engine.sweeping import LOOKS, SETTLED, Inspect, Inspected, Remains, Sweep, Sweeping, in_text
from linkbalancer.links import Vid

WEB, MAIL = 2, 3


def nobody(_vid: Vid, _app_id: int) -> bool:
    """Say that nobody may stay anywhere."""
    return False


def test_a_deletion_is_verified_when_it_has_settled() -> None:
    """Not before; and then all is over."""
    sweeping = Sweeping()
    assert sweeping.deadline() is None
    sweeping.release(WEB, [1, 2])
    sweeping.release(MAIL, [1])
    wanted = {1: frozenset({WEB, MAIL}), 2: frozenset({WEB})}
    assert sweeping.sweep(0) == [Sweep(wanted)]
    assert sweeping.deadline() == SETTLED
    assert (sweeping.sweep(1), sweeping.inspect(SETTLED - 1, nobody)) == ([], [])
    assert sweeping.inspect(SETTLED, nobody) == [Inspect(wanted)]
    assert sweeping.inspected(SETTLED, Inspected(wanted, {})) == []
    assert (sweeping.deadline(), sweeping.sweep(SETTLED)) == (None, [])


def test_who_may_stay_by_then_is_not_asked_about() -> None:
    """An application that has come back to its VID has new flows there."""
    sweeping = Sweeping()
    sweeping.release(WEB, [1])
    sweeping.release(MAIL, [1])
    sweeping.sweep(0)
    asked = sweeping.inspect(SETTLED, lambda _vid, app_id: app_id == WEB)
    assert asked == [Inspect({1: frozenset({MAIL})})]
    assert sweeping.inspect(SETTLED, lambda _vid, _app_id: True) == []
    assert sweeping.deadline() is None


def test_a_release_meanwhile_begins_anew() -> None:
    """The answer to the older question says nothing about it."""
    sweeping = Sweeping()
    sweeping.release(WEB, [1])
    sweeping.sweep(0)
    (asked,) = sweeping.inspect(SETTLED, nobody)
    sweeping.release(WEB, [1])
    assert sweeping.inspected(SETTLED, Inspected(asked.wanted, {(1, WEB): 5})) == []
    assert sweeping.sweep(SETTLED) == [Sweep({1: frozenset({WEB})})]
    assert sweeping.deadline() == 2 * SETTLED


@given(st.lists(st.sampled_from([None, 0, 1, 7]), min_size=LOOKS, max_size=LOOKS))
def test_it_ends_and_says_how(answers: list[int | None]) -> None:
    """Whatever the kernel answers: looked at until none is known to be left, each find is told and deleted again."""
    sweeping = Sweeping()
    now: Instant = 0
    sweeping.release(WEB, [1])
    sweeping.sweep(now)
    told: list[Remains] = []
    deleted = looks = 0
    while (due := sweeping.deadline()) is not None:
        now = due
        (asked,) = sweeping.inspect(now, nobody)
        left = answers[looks]
        looks += 1
        told += sweeping.inspected(now, Inspected(asked.wanted, None if left is None else {(1, WEB): left}))
        deleted += len(sweeping.sweep(now))
    seen = answers[:looks]
    assert looks == (answers.index(0) + 1 if 0 in answers else LOOKS)
    assert [one.flows for one in told if one.flows] == [one for one in seen if one]
    assert deleted == len([one for one in seen[: LOOKS - 1] if one])
    assert [one.final for one in told] == [False] * (len(told) - 1) + [seen[-1] != 0] if told else seen[-1] == 0


def test_what_is_told_says_what_to_make_of_it() -> None:
    """Found and deleted again; not gone at all; not known."""
    assert in_text(Remains(WEB, 1, 1, final=False), "web") == (
        "1 translated flow of web on VID 1 left after a deletion: deleted again"
    )
    assert in_text(Remains(WEB, 1, 4, final=True), "web").startswith(
        "4 translated flows of web on VID 1 left after 4 deletions: they stay there"
    )
    assert in_text(Remains(WEB, 1, None, final=True), "web") == (
        "nobody can tell whether translated flows of web on VID 1 are left"
    )
