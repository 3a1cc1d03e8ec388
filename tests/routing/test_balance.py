"""Tests of balancing within a step: the weights exactly, and no flow moves that need not."""

from fractions import Fraction
from itertools import combinations

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from linkbalancer.routing.application import Application, Member, Step
from linkbalancer.routing.balance import (
    DEPTH_OF_MANY,
    SLOTS,
    Pool,
    _quotas,
    orders,
    owner,
    passed_over,
    pools,
    slots_of,
    target,
    wanted,
)
from linkbalancer.routing.sticky import Sticky

MANY = 20
"""Steps that are drawn a property: making the orders of one takes some hundredths of a second."""


def step_of(*weights: int) -> Step:
    """Return a step of VIDs 1, 2, ... with these weights."""
    return tuple(Member(vid, weight) for vid, weight in enumerate(weights, 1))


STEPS = st.lists(st.integers(1, 20), min_size=2, max_size=7).map(lambda weights: step_of(*weights))


@settings(max_examples=MANY, deadline=None)
@given(STEPS, st.data())
def test_slots_are_divided_by_the_weights(step: Step, data: st.DataObject) -> None:
    """By largest remainder while all work, within two slots after a failure, five as far as orders go."""
    vids = {one.vid for one in step}
    dead = data.draw(st.sets(st.sampled_from(sorted(vids)), max_size=min(len(orders(step)[0]) - 1, len(vids) - 1)))
    for working, bound in ((vids, 1), (vids - dead, 2 if len(dead) < 2 else 5)):
        found, shares = slots_of(step, working), wanted(step, working)
        assert sum(found.values()) == SLOTS
        assert all(abs(found[vid] - SLOTS * share) < bound for vid, share in shares.items())


@pytest.mark.parametrize("weights", [(1, 1), (3, 1), (1, 1, 1, 1), (5, 2, 1), (2, 2, 2, 1, 1), (1,) * 8])
def test_a_share_that_slots_can_have_is_exact(weights: tuple[int, ...]) -> None:
    """Where the sum of the weights divides the slots, nothing is rounded."""
    step = step_of(*weights)
    assert slots_of(step, set(range(1, 9))) == {one.vid: SLOTS * one.weight // sum(weights) for one in step}


@settings(max_examples=MANY, deadline=None)
@given(STEPS, st.data())
def test_when_a_vid_dies_only_its_slots_move_and_just_those_return(step: Step, data: st.DataObject) -> None:
    """Whatever else works or does not."""
    vids = [one.vid for one in step]
    working = data.draw(st.sets(st.sampled_from(vids), min_size=2))
    dies = data.draw(st.sampled_from(sorted(working)))
    before = [owner(step, slot, working) for slot in range(SLOTS)]
    after = [owner(step, slot, working - {dies}) for slot in range(SLOTS)]

    assert {slot for slot in range(SLOTS) if before[slot] != after[slot]} == {
        slot for slot in range(SLOTS) if before[slot] == dies
    }


@pytest.mark.thorough
@settings(max_examples=MANY, deadline=None)
@given(STEPS, st.data())
def test_another_weight_moves_hardly_more_than_it_must(step: Step, data: st.DataObject) -> None:
    """At most a twentieth of all slots more, which the documentation promises."""
    place = data.draw(st.integers(0, len(step) - 1))
    member = Member(step[place].vid, data.draw(st.integers(1, 20)))
    changed = (*step[:place], member, *step[place + 1 :])
    assert _moved(step, changed) - _least(step, changed) <= SLOTS // 20


@pytest.mark.thorough
@settings(max_examples=MANY, deadline=None)
@given(STEPS)
def test_another_vid_takes_hardly_more_than_its_share(step: Step) -> None:
    """A link that is added, or removed for good, is a change of the list: no slot goes between others without need."""
    longer = (*step, Member(200, 2))
    assert _moved(step, longer) - _least(step, longer) <= SLOTS // 20


def test_the_order_of_members_says_nothing() -> None:
    """Gateways whose files list them otherwise have the same, and slots have the same orders on every machine."""
    step = step_of(3, 1, 2)
    assert orders(step) == orders(step[::-1])
    assert [orders(step)[slot] for slot in (0, 1, 511, 1023)] == [(3, 1, 2), (3, 1, 2), (2, 1, 3), (2, 1, 3)]


def test_a_long_step_has_one_order_behind_the_slots_own() -> None:
    """With its own ones dead, a slot takes the heaviest that is left."""
    step = step_of(1, 1, 1, 1, 1, 9, 1)
    slot = next(number for number, order in enumerate(orders(step)) if 6 not in order)
    assert all(len(order) == DEPTH_OF_MANY for order in orders(step))
    assert passed_over(step)[:2] == (6, 1)
    assert owner(step, slot, {one.vid for one in step} - set(orders(step)[slot])) == 6


def test_with_nothing_that_works_there_is_no_owner() -> None:
    """Neither of a slot nor of any share."""
    step = step_of(1, 2)
    assert (owner(step, 0, ()), slots_of(step, {9}), wanted(step, ())) == (None, {}, {})
    assert wanted(step, {1, 2, 3}) == {1: Fraction(1, 3), 2: Fraction(2, 3)}


def test_roundings_may_owe_more_than_a_group_has() -> None:
    """Light VIDs have no slot of every group; every group is divided all the same, and none below nothing."""
    step = step_of(200, 1, 1, 1, 1)
    for dead in combinations(range(1, 6), 2):
        assert sum(slots_of(step, set(range(1, 6)).difference(dead)).values()) == SLOTS


def test_what_is_owed_gives_nobody_more_slots_than_there_are() -> None:
    """Two that were given too much leave the third more than a small group has; what is left is owed on."""
    step, before = (Member(1), Member(2), Member(3, 98)), frozenset({9})
    carry = {(before, 1): Fraction(-9, 10), (before, 2): Fraction(-9, 10), (before, 3): Fraction(18, 10)}
    assert _quotas(1, step, before, carry) == {1: 0, 2: 0, 3: 1}
    assert sum(carry.values()) == 0
    assert carry[before, 3] == Fraction(178, 100)


def test_applications_share_the_pools_of_like_steps() -> None:
    """A step with one member is its VID; the same balanced step needs one pool for each stickiness."""
    steps = (step_of(3, 1), (Member(4),))
    applications = [
        Application("a", steps),
        Application("b", steps[::-1]),
        Application("c", steps, sticky=Sticky.SOURCE),
    ]
    assert pools(applications) == (Pool(steps[0], Sticky.FLOW), Pool(steps[0], Sticky.SOURCE))
    assert [target(step, Sticky.FLOW) for step in steps] == [Pool(steps[0], Sticky.FLOW), 4]
    assert (str(pools(applications)[0]), pools(applications)[0].vids) == ("1*3+2", (1, 2))


def _moved(one: Step, other: Step) -> int:
    return sum(a[0] != b[0] for a, b in zip(orders(one), orders(other), strict=True))


def _least(one: Step, other: Step) -> int:
    vids = {member.vid for member in (*one, *other)}
    before, after = slots_of(one, vids), slots_of(other, vids)
    return sum(max(0, after[vid] - before.get(vid, 0)) for vid in after)
