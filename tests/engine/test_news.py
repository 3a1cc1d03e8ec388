"""News: what is told of a record, to people, to programs, and in Keepalived's words."""

from typing import Any

import pytest

from linkbalancer.config.topics import Topic
from linkbalancer.engine.news import News, document

RECORD: dict[str, Any] = {
    "teller": "agent",
    "session": 7,
    "number": 12,
    "at": 99,
    "kind": "vid",
    "subject": "VID 1",
    "text": "master: claimed",
    "fields": {"vid": 1, "state": "master", "priority": 150},
}


def news(**changes: object) -> News:
    """Return what a record says."""
    found = News.of({**RECORD, **changes})
    assert found is not None
    return found


def test_a_record_becomes_news_and_back() -> None:
    """Nothing is lost on the way to a file and back, how many it stands for included."""
    one = news().over(news(number=11).over(news(number=10)))

    assert one.merged == 2
    assert News.of(one.to_json()) == one
    assert one.name == "agent-7-12"
    assert one.topic is Topic.GROUP


def test_what_nobody_can_ask_for_is_no_news() -> None:
    """A table of the kernel, say."""
    assert News.of({**RECORD, "kind": "next-hop"}) is None


def test_facts_are_texts_and_numbers() -> None:
    """Whatever else a datagram holds is left out."""
    assert dict(news(fields={"a": 1, "b": "c", "d": [1], "e": None}).fields) == {"a": 1, "b": "c"}


@pytest.mark.parametrize(
    ("changes", "words"),
    [
        ({}, ("INSTANCE", "1", "MASTER", 150)),
        ({"subject": "VID 1/ipv6", "fields": {}}, ("INSTANCE", "1/ipv6", "MASTER", 0)),
        ({"text": "backup: a better one", "fields": {}}, ("INSTANCE", "1", "BACKUP", 0)),
        ({"text": "fault: no carrier", "fields": {}}, ("INSTANCE", "1", "FAULT", 0)),
        ({"text": "held: ...", "fields": {}}, ("INSTANCE", "1", "FAULT", 0)),
        ({"fields": {"state": "stop"}}, ("INSTANCE", "1", "STOP", 0)),
        ({"fields": {"state": "deleted"}}, ("INSTANCE", "1", "DELETED", 0)),
        ({"fields": {"state": "new-one"}}, ("INSTANCE", "1", "NEW-ONE", 0)),
        ({"fields": {"priority": "many"}}, ("INSTANCE", "1", "MASTER", 0)),
        ({"kind": "sync-group", "subject": "edge", "fields": {"state": "backup"}}, ("GROUP", "edge", "BACKUP", 0)),
        ({"kind": "rival"}, ("INSTANCE", "1", "MASTER_RX_LOWER_PRI", 150)),
        ({"kind": "priority"}, ("INSTANCE", "1", "MASTER_PRIORITY", 150)),
        ({"kind": "link-closed", "subject": "l1", "fields": {}}, ("LINK", "l1", "CLOSED", 0)),
        ({"kind": "link-opened", "subject": "l1", "fields": {}}, ("LINK", "l1", "OPENED", 0)),
        ({"kind": "verdict", "text": "works: Master here", "fields": {}}, ("VID", "1", "WORKS", 0)),
        ({"kind": "verdict", "text": "does not work: nobody", "fields": {}}, ("VID", "1", "BROKEN", 0)),
        ({"kind": "application", "subject": "web", "fields": {"vid": 2}}, ("APPLICATION", "web", "VID-2", 0)),
        ({"kind": "application", "subject": "web", "fields": {}}, ("APPLICATION", "web", "NOWHERE", 0)),
        (
            {"kind": "tracker", "subject": "up", "text": "tracker up fails: x", "fields": {}},
            ("TRACKER", "up", "FAILS", 0),
        ),
        (
            {"kind": "tracker", "subject": "up", "text": "tracker up is good", "fields": {}},
            ("TRACKER", "up", "GOOD", 0),
        ),
        ({"kind": "alarm", "subject": "l1", "fields": {}}, ("ALARM", "l1", "ALARM", 0)),
        (
            {"kind": "service", "subject": "service", "text": "reload: refused after 3 ms", "fields": {}},
            ("CONFIGURATION", "service", "SERVICE", 0),
        ),
    ],
)
def test_in_keepalived_s_words(changes: dict[str, object], words: tuple[str, str, str, int]) -> None:
    """Type, name, state and priority; where it has no words, ours in its form."""
    assert news(**changes).of_keepalived() == words


@pytest.mark.parametrize(
    ("changes", "grave"),
    [
        ({}, False),
        ({"fields": {"state": "fault"}}, True),
        ({"kind": "link-closed", "subject": "l1"}, True),
        ({"kind": "link-opened", "subject": "l1"}, False),
        ({"kind": "verdict", "text": "does not work: nobody"}, True),
        ({"kind": "alarm", "subject": "l1"}, True),
        ({"kind": "rival"}, True),
    ],
)
def test_whether_somebody_should_look(changes: dict[str, object], *, grave: bool) -> None:
    """What is broken, or was."""
    assert news(**changes).grave is grave


def test_what_a_program_is_told() -> None:
    """Every key, whatever it is about."""
    assert document(
        news(kind="link-closed", subject="l1", text="no carrier", fields={"link": "l1"}), "b1", "chat", "now"
    ) == {
        "schema": 1,
        "id": "agent-7-12",
        "node": "b1",
        "notification": "chat",
        "time": "now",
        "topic": "link",
        "kind": "link-closed",
        "subject": "l1",
        "group": None,
        "state": "closed",
        "priority": 0,
        "text": "link l1 closed: no carrier",
        "grave": True,
        "merged": 0,
        "fields": {"link": "l1"},
    }


def test_what_was_merged_is_said() -> None:
    """In the sentence too: a person has no other way to know."""
    assert news().over(news()).sentence == "VID 1 master here: claimed (1 earlier changes not told)"
