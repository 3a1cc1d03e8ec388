"""Tests of what is recorded of plug-ins of which nothing can be had."""

from linkbalancer.engine.troubles import QUIET, Troubles
from linkbalancer.links import GroupId
from linkbalancer.weights.question import Reply
from linkbalancer.weights.view import Answer


def reply(vid: int, trouble: str = "", name: str = "queue") -> Reply:
    """Return an answer about a VID."""
    return Reply("l1", GroupId(vid), name, Answer(trouble=trouble) if trouble else Answer(1.0))


def said(troubles: Troubles, now: int, *replies: Reply) -> list[str]:
    """Return what is recorded."""
    return [f"{one.kind} {one.subject}: {one.text}" for one in troubles.take(now, replies)]


def test_a_trouble_is_said_when_it_begins_and_when_it_is_over() -> None:
    """Once for all VIDs: it is over with the last of them."""
    troubles = Troubles()
    words = "plugin plug-in queue: late; what it weighs is unknown until it answers"
    assert said(troubles, 0, reply(1)) == []
    assert said(troubles, 1, reply(1, "late"), reply(2, "late")) == [words]
    assert said(troubles, 2, reply(2, "late"), reply(1)) == []
    assert said(troubles, 3, reply(2)) == ["plugin plug-in queue: answers again"]
    assert said(troubles, 4, reply(2)) == []


def test_one_that_fails_again_and_again_is_no_flood() -> None:
    """It begins once a minute; another one has a minute of its own."""
    troubles = Troubles()
    found = [len(said(troubles, now, reply(1, "late" if now % 2 else ""))) for now in range(1, 100)]
    assert sum(found) == 2
    assert len(said(troubles, 100, reply(1, "late"), reply(1, "dead", "other"))) == 1
    assert len(said(troubles, QUIET, reply(1, "late"))) == 0
    assert len(said(troubles, QUIET + 1, reply(1, "late"))) == 1
