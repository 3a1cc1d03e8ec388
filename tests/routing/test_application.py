"""Tests of applications and their steps."""

from linkbalancer.routing.application import DEFINITION_LENGTH, Application, Member, steps_in_words


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
