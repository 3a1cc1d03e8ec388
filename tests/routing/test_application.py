"""Tests of applications and their steps."""

from linkbalancer.clock import SECOND
from linkbalancer.routing.application import (
    DEFINITION_LENGTH,
    Application,
    Member,
    options_in_words,
    steps_in_words,
)
from linkbalancer.routing.handover import Handover, Manner, Mode


def test_steps_are_written_as_in_a_rule_file() -> None:
    """Members show their weight only where it is more than one share."""
    steps = ((Member(1, 3), Member(2)), (Member(3),))

    assert steps_in_words(steps) == "[1*3+2 3]"


def test_an_application_knows_its_vids_in_order() -> None:
    """VIDs come step by step; a step of several members makes the application a balanced one."""
    balanced = Application("web", ((Member(2), Member(1)), (Member(3),)))
    plain = Application("web", ((Member(2),), (Member(3),)))

    assert balanced.vids == (2, 1, 3)
    assert balanced.balanced
    assert not plain.balanced


def test_a_definition_is_told_from_an_edited_one() -> None:
    """Four plain characters, others for another name, order, weight or balance; the same for the same."""
    texts = {
        (name, steps): Application(name, steps).definition
        for name in ("web", "rest")
        for steps in (
            ((Member(1),), (Member(2),)),
            ((Member(2),), (Member(1),)),
            ((Member(1), Member(2)),),
            ((Member(1, 3), Member(2)),),
        )
    }

    assert len(set(texts.values())) == len(texts)
    assert all(len(text) == DEFINITION_LENGTH and text.isascii() for text in texts.values())
    assert Application("web", ((Member(1),),)).definition == Application("web", ((Member(1),),)).definition


def test_a_failback_is_as_every_handover_unless_it_is_said() -> None:
    """`failback=` alone leaves failovers as they are by default."""
    keep, reset = Handover(Mode.KEEP), Handover(Mode.RESET)
    assert Application("web", (), keep).manner == Manner(keep, keep)
    assert Application("web", (), reset, keep).manner == Manner(reset, keep)
    assert Application("web", ()).manner == Manner()


def test_options_are_written_where_they_are_not_by_default() -> None:
    """So that a line without options says what it always said, and every option makes another definition."""
    plain = Application("web", ((Member(1),),))
    keep, drain = Handover(Mode.KEEP), Handover(Mode.DRAIN, 60 * SECOND)
    others = [
        Application("web", plain.steps, handover=keep),
        Application("web", plain.steps, failback=keep),
        Application("web", plain.steps, failback=drain),
        Application("web", plain.steps, good_for=30 * SECOND),
    ]

    assert (options_in_words(plain), plain.words) == ((), "[1]")
    assert [options_in_words(one) for one in others] == [
        ("handover=keep",),
        ("failback=keep",),
        ("failback=drain:60s",),
        ("good-for=30s",),
    ]
    assert (
        Application("web", plain.steps, keep, drain, 1).words
        == "[1] handover=keep failback=drain:60s good-for=0.000000001s"
    )
    assert len({one.definition for one in (plain, *others)}) == 5
