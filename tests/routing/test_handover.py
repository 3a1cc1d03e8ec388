"""Tests of how a handover is written."""

import pytest

from linkbalancer.clock import MILLISECOND, SECOND
from linkbalancer.routing.handover import MOVE, Form, Handover, Manner, Mode


@pytest.mark.parametrize(
    ("one", "words"),
    [
        (MOVE, "move"),
        (Handover(Mode.KEEP), "keep"),
        (Handover(Mode.RESET), "reset"),
        (Handover(Mode.DRAIN, 60 * SECOND), "drain:60s"),
        (Handover(Mode.DRAIN, 1500 * MILLISECOND), "drain:1500ms"),
    ],
)
def test_a_handover_is_written_as_in_a_rule_file(one: Handover, words: str) -> None:
    """Only a drain has a time."""
    assert str(one) == words


KEEP, RESET, DRAIN = Handover(Mode.KEEP), Handover(Mode.RESET), Handover(Mode.DRAIN, 60 * SECOND)


@pytest.mark.parametrize(
    ("manner", "leaving_dead", "leaving_working", "more"),
    [
        (Manner(), Form.MOVE, Form.MOVE, set()),
        (Manner(KEEP, KEEP), Form.KEEP, Form.KEEP, set()),
        (Manner(DRAIN, DRAIN), Form.KEEP, Form.KEEP, {Form.MOVE}),
        (Manner(RESET, RESET), Form.RESET, Form.RESET, set()),
        (Manner(RESET, MOVE), Form.RESET, Form.MOVE, set()),
        (Manner(MOVE, RESET), Form.MOVE, Form.RESET, set()),
        (Manner(RESET, KEEP), Form.HOLD, Form.HOLD, set()),
        (Manner(RESET, DRAIN), Form.HOLD, Form.HOLD, {Form.MOVE}),
        (Manner(KEEP, MOVE), Form.MOVE, Form.MOVE, set()),
    ],
)
def test_a_manner_has_a_form_for_each_change(
    manner: Manner, leaving_dead: Form, leaving_working: Form, more: set[Form]
) -> None:
    """By whether the VID that is left works; a drain ends in moving. Nobody stays where nothing works."""
    assert manner.form(leaves_working=False) is leaving_dead
    assert manner.form(leaves_working=True) is manner.resting is leaving_working
    assert manner.forms == {leaving_dead, leaving_working} | more
    assert manner.stay == (60 * SECOND if more else None)


@pytest.mark.parametrize(
    ("manner", "alike"),
    [
        (Manner(), True),
        (Manner(KEEP, MOVE), True),
        (Manner(DRAIN, DRAIN), True),
        (Manner(RESET, RESET), True),
        (Manner(RESET, KEEP), True),
        (Manner(RESET, MOVE), False),
        (Manner(MOVE, RESET), False),
        (Manner(RESET, DRAIN), False),
    ],
)
def test_a_vid_may_die_in_any_form(manner: Manner, *, alike: bool) -> None:
    """A drain that is over is a form too: flows of a VID that dies then follow, and are not told to end."""
    assert manner.ends_alike is alike
