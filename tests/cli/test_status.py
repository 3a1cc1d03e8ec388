"""`linkbalancer status` against a socket that answers as a daemon does."""

import json
import socket
import subprocess
import sys
import threading
from argparse import ArgumentParser
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import pytest

from linkbalancer.cli.client import RefusedError, ask
from linkbalancer.cli.main import main
from linkbalancer.cli.status import configure, draw, headline, plain, sections

ROOT = Path(__file__).parents[2]


def link(*, is_open: bool, fault: str | None = None) -> dict[str, Any]:
    """Return a link's facts."""
    return {
        "device": "eth1",
        "open": is_open,
        "since_ms": 5000,
        "reason": "round trip proven" if is_open else "silent for 600 ms",
        "rtt_ms": 1.5,
        "peer_node": "f1",
        "fault": fault,
        "counters": {},
        "if_it_dies": "VID 1 moves",
    }


def group(*, works: bool, state: str = "master", master: str | None = "self") -> dict[str, Any]:
    """Return a VID's facts."""
    return {
        "mode": "member",
        "device": "eth0",
        "link": "l1",
        "state": state,
        "priority": 200,
        "tier": "high",
        "since_ms": 65_000,
        "reason": "claimed",
        "master": master,
        "works": works,
        "next_hop": "l1",
        "transitions": 1,
        "if_it_dies": "web would go on",
    }


def application(vid: int | None, following: int | None) -> dict[str, Any]:
    """Return an application's facts."""
    vids = [[{"vid": 1, "weight": 1}], [{"vid": 2, "weight": 1}]]
    return {"id": 2, "vid": vid, "vids": vids, "since_ms": 10, "reason": "works", "next": following}


STATUS: dict[str, Any] = {
    "schema": 1,
    "node": "b1",
    "role": "controller",
    "settled": True,
    "settled_for_ms": 90_000,
    "links": {"l1": link(is_open=True), "l2": link(is_open=False), "l3": link(is_open=True, fault="miswired")},
    "groups": {
        "1": group(works=True),
        "2": group(works=True, state="fault", master="192.0.2.2"),
        "10": group(works=False, state="backup", master=None),
    },
    "applications": {
        "first": application(1, 2),
        "second": application(2, None),
        "dead": application(10, 1),
        "lost": application(None, 1),
    },
    "counters": {},
}


class Daemon:
    """A socket at which one answer waits."""

    def __init__(self, directory: Path, answer: bytes) -> None:
        """Listen in a run directory."""
        self._listener = socket.socket(socket.AF_UNIX, socket.SOCK_STREAM)
        self._listener.bind(str(directory / "query.sock"))
        self._listener.listen()
        self._answer = answer
        self.asked = b""
        self._thread = threading.Thread(target=self._serve)
        self._thread.start()

    def _serve(self) -> None:
        caller, _address = self._listener.accept()
        with caller:
            self.asked = caller.recv(100)
            caller.sendall(self._answer)

    def close(self) -> None:
        """End."""
        self._thread.join()
        self._listener.close()


@pytest.fixture
def daemon(tmp_path: Path) -> Iterator[Daemon]:
    """Return a daemon with the status above."""
    running = Daemon(tmp_path, json.dumps({"api": 1, "ok": True, "answer": STATUS}).encode() + b"\n")
    yield running
    running.close()


def test_json(daemon: Daemon, tmp_path: Path, capsys: pytest.CaptureFixture[str]) -> None:
    """`--json` is the daemon's answer, whole."""
    assert main(["status", "--run-dir", str(tmp_path), "--json"]) == 0
    assert json.loads(capsys.readouterr().out) == STATUS
    assert json.loads(daemon.asked) == {"api": 1, "verb": "status"}


def test_text(daemon: Daemon, tmp_path: Path, capsys: pytest.CaptureFixture[str]) -> None:
    """Without a terminal: the headline, then three tables in columns."""
    assert main(["status", "--run-dir", str(tmp_path)]) == 0
    text = capsys.readouterr().out
    assert text.startswith("b1, controller: settled for 1 min 30 s\n\nLinks\n")
    assert "  10   backup, no Master, does not work" in text
    assert json.loads(daemon.asked) == {"api": 1, "verb": "status"}


def test_the_worst_comes_first() -> None:
    """What is broken stands above what is second best, and that above what is as wished."""
    links, vids, applications = sections(STATUS)
    assert [(row.cells[0], row.badness) for row in links.rows] == [("l2", 2), ("l3", 2), ("l1", 0)]
    assert [(row.cells[0], row.badness) for row in vids.rows] == [("10", 2), ("2", 1), ("1", 0)]
    assert [(row.cells[0], row.badness) for row in applications.rows] == [
        ("dead", 2),
        ("lost", 2),
        ("second", 1),
        ("first", 0),
    ]


def test_cells_say_what_since_when_why_and_what_next() -> None:
    """Each line answers the operator's four questions."""
    links, vids, applications = sections(STATUS)
    assert links.rows[1].cells == ("l3", "fault: miswired", "5 s", "round trip proven", "VID 1 moves")
    assert vids.rows[1].cells == (
        "2",
        "fault, Master is 192.0.2.2",
        "1 min 05 s",
        "claimed",
        "l1",
        "web would go on",
    )
    assert applications.rows[2].cells == ("second", "VID 2", "10 ms", "works", "nothing")
    assert applications.rows[1].cells[1] == "nowhere"


def test_not_settled() -> None:
    """The headline says when things still move; an application without VIDs breaks nothing."""
    status = {**STATUS, "settled": False, "applications": {"odd": {**application(None, None), "vids": []}}}
    assert headline(status) == "b1, controller: not settled yet"
    assert "odd" in plain(status)


def test_terminal(capsys: pytest.CaptureFixture[str]) -> None:
    """On a terminal the same tables are drawn."""
    draw(STATUS)
    drawn = capsys.readouterr().out
    assert all(word in drawn for word in ("Links", "VIDs", "Applications", "l2", "dead"))


def test_no_daemon(tmp_path: Path, capsys: pytest.CaptureFixture[str]) -> None:
    """Nobody there: one sentence, status 1; the same for a socket that nobody listens to."""
    assert main(["status", "--run-dir", str(tmp_path)]) == 1
    dead = socket.socket(socket.AF_UNIX)
    dead.bind(str(tmp_path / "query.sock"))
    dead.close()
    assert main(["status", "--run-dir", str(tmp_path)]) == 1
    lines = capsys.readouterr().err.splitlines()
    assert lines == [lines[0]] * 2
    assert lines[0].startswith(f"linkbalancer: no daemon answers on {tmp_path / 'query.sock'} (nobody listens there)")


@pytest.mark.parametrize("answer", [b"", b"[]", b'{"error": "x"}', b"nonsense"])
def test_an_answer_that_is_no_status(tmp_path: Path, answer: bytes) -> None:
    """Something else at that socket is an error, not a crash."""
    running = Daemon(tmp_path, answer)
    with pytest.raises(RefusedError, match=r"no daemon answers"):
        ask(tmp_path, "status")
    running.close()


def test_start_up_is_light() -> None:
    """The command imports neither validation nor netlink, and rich for a terminal only."""
    code = "import sys, linkbalancer.cli.status; print(*sys.modules)"
    modules = subprocess.run(
        [sys.executable, "-c", code], cwd=ROOT, capture_output=True, text=True, check=True
    ).stdout.split()
    assert {"asyncio", "pydantic", "pyroute2", "structlog", "yaml", "rich"}.isdisjoint(modules)


@pytest.mark.parametrize(("value", "place"), [("/run/b1", "/run/b1"), ("", "/run/linkbalancer")])
def test_the_environment_may_name_the_run_directory(monkeypatch: pytest.MonkeyPatch, value: str, place: str) -> None:
    """LINKBALANCER_RUN_DIR is where the daemon is looked for, unless --run-dir says otherwise; empty is not given."""
    monkeypatch.setenv("LINKBALANCER_RUN_DIR", value)
    parser = ArgumentParser()
    configure(parser)

    assert parser.parse_args([]).run_dir == Path(place)
    assert parser.parse_args(["--run-dir", "/run/b2"]).run_dir == Path("/run/b2")
