"""What the gateways' statuses amount to for a topology."""

import json
import socket
import threading
from pathlib import Path
from typing import Any

import pytest

from linkbalancer.clock import MILLISECOND
from linkbalancer.lab.directory import read_directory
from linkbalancer.lab.status import Damage, ask, disagreement, masters, opened_at, transitions
from tests.lab.example import EXAMPLE

TOPOLOGY = read_directory(EXAMPLE).topology


def statuses() -> dict[str, dict[str, Any] | None]:
    """Everybody settled, VID 1 and 3 on link 1, VID 2 on link 2."""

    def one(node: str) -> dict[str, Any]:
        mine = {"1", "3"} if node[1] == "1" else {"2"}
        return {
            "settled": True,
            "links": {f"l{node[1]}": {"open": True}},
            "groups": {
                vid: {"state": "master" if vid in mine else "backup", "transitions": 1} for vid in ("1", "2", "3")
            },
        }

    return {node: one(node) for node in TOPOLOGY.gateways}


def test_masters_are_named_by_side() -> None:
    """Who says that he is Master, None where nobody does, and all of them where several do."""
    found = statuses()
    for node, vid, state in (("b2", "1", "master"), ("f1", "3", "fault")):
        status = found[node]
        assert status is not None
        status["groups"][vid]["state"] = state

    assert masters(TOPOLOGY, found) == {
        "near": {"1": "b1+b2", "2": "b2", "3": "b1"},
        "far": {"1": "f1", "2": "f2", "3": None},
    }


def test_a_settled_topology_agrees() -> None:
    """Nothing keeps it from being settled."""
    assert disagreement(TOPOLOGY, statuses(), Damage()) is None


def spoiled(node: str, *path: str, value: Any) -> dict[str, dict[str, Any] | None]:
    """The statuses with one value changed."""
    found = statuses()
    place: Any = found[node]
    for key in path[:-1]:
        place = place[key]
    place[path[-1]] = value
    return found


@pytest.mark.parametrize(
    ("found", "words"),
    [
        ({**statuses(), "b2": None}, "b2 does not answer"),
        (spoiled("f1", "settled", value=False), "f1 is not settled"),
        (spoiled("b1", "links", "l1", "open", value=False), "b1 has link l1 not open"),
        (spoiled("b1", "groups", "1", "state", value="backup"), "VID 1 has no Master on the near side"),
        (spoiled("b2", "groups", "1", "state", value="master"), r"VID 1 has several Masters \(b1\+b2\)"),
    ],
)
def test_what_keeps_it_from_being_settled_is_said(found: dict[str, Any], words: str) -> None:
    """The first thing that is missing."""
    with pytest.raises(AssertionError, match=words):
        assert disagreement(TOPOLOGY, found, Damage()) is None, disagreement(TOPOLOGY, found, Damage())


def test_masters_on_different_links_are_no_agreement() -> None:
    """The near side on one link and the far side on another is what this program is there to prevent."""
    found = spoiled("f1", "groups", "1", "state", value="backup")
    status = found["f2"]
    assert status is not None
    status["groups"]["1"]["state"] = "master"

    assert disagreement(TOPOLOGY, found, Damage()) == "VID 1 is on l1 near and on l2 far"


def test_damage_is_taken_into_account() -> None:
    """A broken link may be closed, must not be used, and a VID without a link needs no Master; the dead say nothing."""
    cut = Damage(frozenset({"l1"}))
    found = statuses()
    for node in ("b1", "f1"):
        status = found[node]
        assert status is not None
        status["links"]["l1"]["open"] = False
    assert disagreement(TOPOLOGY, found, cut) == "VID 1 is on l1, which is broken"

    for node in TOPOLOGY.gateways:
        status = found[node]
        assert status is not None
        for vid in ("1", "2", "3"):
            status["groups"][vid]["state"] = "master" if node[1] == "2" and vid != "3" else "backup"
    assert disagreement(TOPOLOGY, found, cut) is None
    assert disagreement(TOPOLOGY, {**found, "b1": None}, Damage(frozenset({"l1"}), frozenset({"b1"}))) is None


def test_a_gateway_must_know_where_applications_go() -> None:
    """One whose VIDs have no link left goes nowhere, and one whose gateway is cut off may not know."""
    app: dict[str, Any] = {"vid": None, "vids": [[{"vid": 3, "weight": 1}]]}
    found = spoiled("f2", "applications", value={"web": {"vid": 2, "vids": [[{"vid": 2, "weight": 1}]]}, "video": app})

    assert disagreement(TOPOLOGY, found, Damage()) == "f2 has not steered video"
    assert disagreement(TOPOLOGY, found, Damage(frozenset({"l1"}))) != "f2 has not steered video"
    assert disagreement(TOPOLOGY, found, Damage(frozenset({"l2"}))) != "f2 has not steered video"
    app["vid"] = 3
    assert disagreement(TOPOLOGY, found, Damage()) is None


def test_transitions_are_counted_by_gateway_and_vid() -> None:
    """Gateways that did not answer are left out."""
    found = {**statuses(), "b1": None}

    assert transitions(found)["f2", "1"] == 1
    assert ("b1", "1") not in transitions(found)


def _serve(path: Path, answer: bytes) -> list[bytes]:
    """Answer one caller on a socket, and return the list that his request is put in."""
    asked: list[bytes] = []
    listener = socket.socket(socket.AF_UNIX)
    listener.bind(str(path))
    listener.listen()

    def serve() -> None:
        with listener, listener.accept()[0] as caller:
            asked.append(caller.recv(64))
            caller.sendall(answer)

    threading.Thread(target=serve).start()
    return asked


def test_a_daemon_is_asked_over_its_socket(tmp_path: Path) -> None:
    """One line asked, one JSON answer read to its end."""
    answer = {"schema": 1, "groups": {}, "padding": "x" * 100_000}
    asked = _serve(tmp_path / "agent.sock", json.dumps({"api": 1, "ok": True, "answer": answer}).encode() + b"\n")

    assert ask(tmp_path) == answer
    assert [json.loads(line) for line in asked] == [{"verb": "status"}]


@pytest.mark.parametrize("answer", [b"", b"nonsense", b"[1]", b'{"error": "busy"}'])
def test_anything_else_is_no_answer(tmp_path: Path, answer: bytes) -> None:
    """A daemon that says something else, or nothing, or is not there, has not answered."""
    assert ask(tmp_path) is None
    _serve(tmp_path / "agent.sock", answer)
    assert ask(tmp_path) is None


def test_a_link_is_open_since_both_ends_have_it_open() -> None:
    """The later of its ends; an end that cannot be asked has nothing open."""
    found = statuses()
    for node, since in (("b1", 900), ("f1", 700), ("b2", 500), ("f2", 800)):
        status = found[node]
        assert status is not None
        status["links"][f"l{node[1]}"]["since_ms"] = since
    now = 1000 * MILLISECOND
    assert opened_at(TOPOLOGY, found, now) == {"l1": 300 * MILLISECOND, "l2": 500 * MILLISECOND}
    assert opened_at(TOPOLOGY, found | {"f1": None}, now) == {"l2": 500 * MILLISECOND}
    assert opened_at(TOPOLOGY, found | {"f1": None, "b2": None}, now) == {}
