"""The api's verbs on the history."""

import json
from pathlib import Path
from typing import Any

import pytest

from linkbalancer.clock import MILLISECOND, SECOND
from linkbalancer.daemon.annals import Annals
from linkbalancer.daemon.archive import FILE, Archive
from linkbalancer.daemon.recording import Told
from linkbalancer.daemon.requests import Request

WALL = 1_700_000_000 * SECOND


def told(number: int, cause: int | None, after_ms: int, words: str, text: str, **fields: Any) -> Told:
    """Return a record of the agent; `words` are its kind and its subject."""
    kind, _, subject = words.partition(" ")
    return Told("agent", 1, number, after_ms * MILLISECOND, kind, subject, text, cause, {}, fields)


CHAIN = [
    told(1, None, 0, "link-closed l1", "no carrier", link="l1", misses=0, detect_ms=600),
    told(2, 1, 0, "vid VID 1", "stopped: link closed", vid=1),
    told(3, 2, 177, "heard VID 1", "192.0.2.2 is Master (priority 34)", vid=1, source="192.0.2.2"),
    told(4, None, 5000, "process api", "ended by signal 9; comes back at once"),
    told(5, 1, 412, "application web", "to VID 2 from VID 1: x", app="web", vid=2, from_vid=1),
    told(6, 5, 1400, "flows web", "12 flows of web are on VID 2 now", app="web", vid=2, flows=12),
]


@pytest.fixture
def annals(tmp_path: Path) -> Annals:
    """Return the verbs on a small history."""
    archive = Archive(tmp_path / FILE, "boot")
    archive.add(CHAIN, WALL)
    archive.close()
    return Annals(tmp_path)


def ask(annals: Annals, verb: str = "history", **arguments: Any) -> dict[str, Any]:
    """Return the answer, or the error."""
    replies: list[dict[str, Any]] = []
    request = Request(verb, arguments, "anna", lambda _request, data: replies.append(json.loads(data)))
    asked = annals.verbs()[verb]
    if (fault := asked.fault(request.arguments)) is not None:
        request.refuse("usage", *fault)
    else:
        asked.take(0, request)
    (reply,) = replies
    found: dict[str, Any] = reply["answer"] if reply["ok"] else reply["error"]
    return found


def test_a_list_has_a_chain_an_entry(annals: Annals) -> None:
    """Oldest first, with what came of it, and how long until the last change (counting flows is none)."""
    answer = ask(annals)

    assert [chain["id"] for chain in answer["chains"]] == [1, 4]
    chain = answer["chains"][0]
    assert chain["headline"] == "link l1 closed: no carrier"
    assert chain["consequences"] == ["VID 1 to 192.0.2.2", "web to VID 2", "12 flows moved"]
    assert (chain["took_ms"], chain["records"], chain["at"]) == (412.0, 5, "2023-11-14T22:13:20.000Z")
    assert (chain["vids"], chain["links"], chain["applications"]) == ([1, 2], ["l1"], ["web"])
    assert not answer["more"]


@pytest.mark.parametrize(
    ("filters", "ids"),
    [
        ({"app": "web"}, [1]),
        ({"vid": 1}, [1]),
        ({"vid": 7}, []),
        ({"link": "l1"}, [1]),
        ({"kind": "process"}, [4]),
        ({"since": 1_700_000_001}, [4]),
        ({"until": 1_700_000_001.5}, [1]),
        ({"limit": 1}, [4]),
        ({"before": 4}, [1]),
        ({"after": 1, "app": None}, [4]),
        ({"limit": 10**9}, [1, 4]),
    ],
)
def test_filters(annals: Annals, filters: dict[str, Any], ids: list[int]) -> None:
    """A chain fits when one of its records does; the newest are kept."""
    answer = ask(annals, **filters)

    assert [chain["id"] for chain in answer["chains"]] == ids
    assert answer["more"] == (filters.get("limit") == 1)


@pytest.mark.parametrize("number", [1, 3, 6])
def test_any_record_leads_to_its_whole_chain(annals: Annals, number: int) -> None:
    """Each step with its time since the beginning."""
    story = ask(annals, "history-show", id=number)

    assert (story["id"], story["asked"]) == (1, number)
    assert [(step["id"], step["cause"], step["after_ms"]) for step in story["steps"]] == [
        (1, None, 0.0),
        (2, 1, 0.0),
        (3, 2, 177.0),
        (5, 1, 412.0),
        (6, 5, 1400.0),
    ]
    assert story["steps"][0]["measured"] == "detect time 600 ms"


@pytest.mark.parametrize(
    ("verb", "arguments", "kind", "what"),
    [
        ("history", {"vid": "one"}, "usage", "vid must be of the kind number"),
        ("history", {"vid": True}, "usage", "vid must be of the kind number"),
        ("history", {"limit": 2**60}, "usage", "limit must be of the kind number"),
        ("history", {"since": float("nan")}, "usage", "since must be of the kind instant"),
        ("history", {"colour": "red"}, "usage", "there is no argument 'colour'"),
        ("history-show", {"id": "1"}, "usage", "id must be of the kind number"),
        ("history-show", {"id": 77}, "refused", "there is no record of this id"),
    ],
)
def test_what_cannot_be_asked(annals: Annals, verb: str, arguments: dict[str, Any], kind: str, what: str) -> None:
    """With a remedy."""
    error = ask(annals, verb, **arguments)

    assert (error["kind"], error["what"]) == (kind, what)
    assert error["remedy"]


def test_without_a_history(tmp_path: Path) -> None:
    """Before the first record, or when the file is none."""
    assert "there is no history at" in ask(Annals(tmp_path))["what"]
    (tmp_path / FILE).write_text("nothing of the kind " * 100)
    assert "the history cannot be read" in ask(Annals(tmp_path))["what"]


def test_a_question_takes_no_longer_than_it_may(tmp_path: Path) -> None:
    """The api has others to answer."""
    archive = Archive(tmp_path / FILE, "boot")
    archive.add([told(n, None, 0, "k s", "t") for n in range(1, 3000)], WALL)
    archive.close()
    error = ask(Annals(tmp_path, patience=-1), vid=7)

    assert (error["kind"], error["what"]) == ("busy", "this takes too long")
