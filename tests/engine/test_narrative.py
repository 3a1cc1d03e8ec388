"""Tests of how a chain is told: what began it, what came of it, and each step in a sentence."""

from typing import Any

import pytest

from linkbalancer.engine.narrative import consequences, headline, measured, sentence


def row(kind: str, subject: str, text: str, **fields: Any) -> dict[str, Any]:
    """Return a record as the history holds it."""
    return {"id": 1, "cause": None, "kind": kind, "subject": subject, "text": text, "fields": fields}


CLOSED = row("link-closed", "l1", "no carrier", link="l1")


@pytest.mark.parametrize(
    ("record", "told"),
    [
        (CLOSED, "link l1 closed: no carrier"),
        (row("link-opened", "l1", "proven"), "link l1 opened: proven"),
        (row("alarm", "l1", "miswired"), "alarm: l1: miswired"),
        (row("weight", "link l1", "VID 1: weight 80 -> priority 134"), "link l1: VID 1: weight 80 -> priority 134"),
        (row("vid", "VID 1", "master: claimed"), "VID 1 master here: claimed"),
        (row("heard", "VID 1", "192.0.2.2 resigned"), "VID 1: 192.0.2.2 resigned"),
        (row("verdict", "VID 1", "works: Master here"), "VID 1 works: Master here"),
        (row("next-hop", "VID 1", "10.1.0.2 over eth1"), "VID 1 goes by 10.1.0.2 over eth1"),
        (row("next-hop", "VID 1", "unreachable"), "VID 1 goes nowhere: unreachable"),
        (row("kernel", "VID 1", "192.0.2.251/24 installed"), "192.0.2.251/24 installed"),
        (row("application", "web", "to VID 2: because"), "web goes to VID 2: because"),
        (row("process", "agent", "ended by signal 9"), "agent ended by signal 9"),
        (row("drained", "link l1", "by root: splice"), "link l1 drained by root: splice"),
        (row("resumed", "link l1", "was drained by root"), "link l1 serves again: it was drained by root"),
        (row("resumed", "VID 1", "goes on as Master"), "VID 1 goes on as Master"),
        (row("service", "service", "ready"), "service: ready"),
        (row("config", "", "configuration 7 confirmed by anna"), "configuration 7 confirmed by anna"),
        (row("device", "eth0", "eth0 has no carrier"), "eth0 has no carrier"),
        (row("put-back", "", "put back: a rule"), "put back: a rule"),
    ],
)
def test_a_sentence_for_each_kind(record: dict[str, Any], told: str) -> None:
    """A person reads it without knowing the fields."""
    assert told == sentence(record)


def test_the_figures_of_a_record() -> None:
    """What was measured, in units that fit."""
    closed = row("link-closed", "l1", "silent", last_proof_ms=612, misses=5, detect_ms=600)

    assert measured(closed) == "last round trip proven 612 ms before, 5 queries unanswered, detect time 600 ms"
    assert measured(row("link-closed", "l1", "stopped here", misses=0)) == ""
    assert measured(row("next-hop", "VID 1", "x", took_us=180)) == "the kernel took 180 us"
    assert measured(row("vid", "VID 1", "master: claimed")) == ""


def test_what_a_neighbour_said_of_several_vids_is_one_headline() -> None:
    """With all of the VIDs."""
    told = [row("heard", f"VID {vid}", "192.0.2.2 resigned", vid=vid) for vid in (3, 1)]

    assert headline([*told, row("vid", "VID 1", "master: x", vid=1)]) == "VID 1, 3: 192.0.2.2 resigned"
    assert headline([CLOSED, *told]) == "link l1 closed: no carrier"


def test_the_end_of_each_vid_counts() -> None:
    """Where it went, is mastered, or that it works no more; what nobody masters is as it is here."""
    chain = [
        CLOSED,
        row("vid", "VID 1", "stopped: link closed", vid=1),
        row("vid", "VID 2", "stopped: link closed", vid=2),
        row("vid", "VID 3", "stopped: link closed", vid=3),
        row("vid", "VID 4", "backup: resigned", vid=4),
        row("heard", "VID 6", "192.0.2.2 is Master (priority 30)", vid=6, source="192.0.2.2"),
        row("vid", "VID 6", "backup: 192.0.2.2 advertises priority 30", vid=6),
        row("heard", "VID 1", "192.0.2.2 is Master (priority 30)", vid=1, source="192.0.2.2"),
        row("heard", "VID 1", "192.0.2.2 resigned", vid=1, source="192.0.2.2"),
        row("heard", "VID 5", "192.0.2.2 resigned", vid=5, source="192.0.2.2"),
        row("vid", "VID 2", "master: claimed", vid=2),
        row("verdict", "VID 2", "works: Master here", vid=2),
        row("verdict", "VID 3", "does not work: no Master is heard", vid=3),
        row("vid", "VID 3", "master: nobody else", vid=3),
        row("next-hop", "VID 3", "unreachable", vid=3),
        row("resumed", "l2", "was drained by anna"),
    ]

    assert consequences(chain) == [
        "VID 1, 6 to 192.0.2.2",
        "VID 2 mastered here",
        "VID 3 works no more",
        "VID 4 backup here",
    ]


def test_a_vid_that_works_again() -> None:
    """A verdict alone tells where nothing else does."""
    verdicts = [row("verdict", "VID 1", text, vid=1) for text in ("does not work: x", "works: y")]

    assert consequences([CLOSED, *verdicts]) == ["VID 1 works again"]


def test_a_master_that_is_heard_first_is_where_the_vid_is() -> None:
    """Unless nothing came of it: then the headline says it all."""
    began = row("heard", "VID 1", "192.0.2.2 is Master (priority 200)", vid=1, source="192.0.2.2")

    assert consequences([began, row("vid", "VID 1", "backup: x", vid=1)]) == ["VID 1 to 192.0.2.2"]
    assert consequences([began]) == []


def test_how_what_people_asked_for_has_ended() -> None:
    """A refusal by the supervisor's words; what came into force by the configuration."""
    asked = row("service", "service", "reload (apply by anna) is asked for")
    reloading = row("service", "service", "reloading")
    refused = row("service", "service", "reload (apply by anna): refused after 3 ms; no such VID")
    applied = row("service", "service", "reload (apply by anna): applied after 500 ms")
    force = row("config", "", "configuration 7 came into force (apply by anna)")

    assert consequences([asked, reloading]) == []
    assert consequences([asked, refused]) == ["reload (apply by anna): refused after 3 ms; no such VID"]
    assert consequences([asked, applied, force]) == ["configuration 7 came into force (apply by anna)"]


def test_links_applications_flows_and_what_was_put_back() -> None:
    """Grouped by what became of them; long lists are counted."""
    chain = [
        CLOSED,
        row("link-opened", "l2", "proven"),
        *(row("application", f"app{number}", "to VID 2", vid=2) for number in range(8)),
        row("application", "mail", "to nowhere"),
        row("flows", "app1", "12 flows", flows=12),
        row("put-back", "", "a rule"),
        row("put-back", "", "a route"),
    ]

    assert consequences(chain) == [
        "link l2 opened",
        "app0, app1, app2, app3, app4, app5 and 2 more to VID 2",
        "mail nowhere",
        "12 flows moved",
        "2 put back",
    ]
    assert consequences([CLOSED, row("flows", "app1", "1 flow", flows=1)]) == ["1 flow moved"]
