"""`linkbalancer drain` and `resume`, against a daemon that answers by the book."""

import io
import json
import socket
import threading
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import pytest

from linkbalancer.cli import drain
from linkbalancer.cli.main import main
from tests.engine.statuses import drained, status

PREVIEW = {"kind": "link", "name": "l1", "lines": ["VID 1 moves"], "moving": ["1"], "alone": []}
DONE = {
    "drained": drained("link", "l1"),
    "moved": [{"vid": 1, "to": "192.0.2.2"}],
    "unserved": [3],
    "following": [2],
    "took_ms": 345,
}


class Daemon:
    """Answers each verb by a table, over both sockets, until it is closed."""

    def __init__(self, directory: Path) -> None:
        """Listen."""
        self.asked: list[dict[str, Any]] = []
        self.answers: dict[str, Any] = {"status": status(), "drain": DONE, "preview": PREVIEW}
        self._listeners = [self._listen(directory / name) for name in ("query.sock", "control.sock")]

    def _listen(self, path: Path) -> socket.socket:
        listener = socket.socket(socket.AF_UNIX)
        listener.bind(str(path))
        listener.listen()
        threading.Thread(target=self._serve, args=(listener,), daemon=True).start()
        return listener

    def _serve(self, listener: socket.socket) -> None:
        while True:
            try:
                caller, _address = listener.accept()
            except OSError:
                return
            with caller, caller.makefile("rb") as file:
                request = json.loads(file.readline())
                self.asked.append(request)
                answer = self.answers["preview" if request.get("preview") else request["verb"]]
                key = "error" if isinstance(answer, dict) and "what" in answer else "answer"
                caller.sendall(json.dumps({"api": 1, "ok": key == "answer", key: answer}).encode() + b"\n")

    def close(self) -> None:
        """End."""
        for listener in self._listeners:
            listener.shutdown(socket.SHUT_RDWR)
            listener.close()


@pytest.fixture
def daemon(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Iterator[Daemon]:
    """Return such a daemon, found by the environment."""
    running = Daemon(tmp_path)
    monkeypatch.setenv("LINKBALANCER_RUN_DIR", str(tmp_path))
    monkeypatch.setattr("sys.stdin", io.StringIO(""))
    yield running
    running.close()


def test_a_drain_says_what_will_move_and_what_has(daemon: Daemon, capsys: pytest.CaptureFixture[str]) -> None:
    """First what would happen, then what has; several words name one thing."""
    assert main(["drain", "link", "l1", "--reason", "new cable"]) == 0
    assert capsys.readouterr().out.splitlines() == [
        "VID 1 moves",
        "VID 1 is on 192.0.2.2 now",
        "VID 3: no other gateway has taken it",
        "VID 2: the far end of this link still has it",
        "link l1 is drained, after 0.34 s",
    ]
    assert [request["what"] for request in daemon.asked] == ["link l1", "link l1"]
    assert (daemon.asked[1]["reason"], daemon.asked[1]["force"]) == ("new cable", False)


def test_json_is_one_document(daemon: Daemon, capsys: pytest.CaptureFixture[str]) -> None:
    """Nothing is asked, and the answer is the daemon's."""
    assert main(["drain", "l1", "--json"]) == 0
    assert json.loads(capsys.readouterr().out) == DONE
    assert len(daemon.asked) == 2


@pytest.mark.parametrize(("word", "status_"), [("y\n", 0), ("YES\n", 0), ("\n", 1), ("no\n", 1)])
def test_on_a_terminal_it_asks(daemon: Daemon, monkeypatch: pytest.MonkeyPatch, word: str, status_: int) -> None:
    """Anything but yes is no, and changes nothing."""
    terminal = io.StringIO(word)
    terminal.isatty = lambda: True  # type: ignore[method-assign]
    monkeypatch.setattr("sys.stdin", terminal)
    monkeypatch.setattr("sys.stdout.isatty", lambda: True)
    assert main(["drain", "l1"]) == status_
    assert len(daemon.asked) == (2 if status_ == 0 else 1)


def test_without_another_gateway_nothing_is_tried(daemon: Daemon, capsys: pytest.CaptureFixture[str]) -> None:
    """Unless it is forced."""
    daemon.answers["preview"] = {**PREVIEW, "alone": ["1"]}
    assert main(["drain", "l1"]) == 1
    assert "nobody else would take it: nothing was done" in capsys.readouterr().err
    assert main(["drain", "l1", "--force"]) == 0


def test_the_daemons_refusal_is_shown(daemon: Daemon, capsys: pytest.CaptureFixture[str]) -> None:
    """With its remedy, and the status that it deserves."""
    daemon.answers["drain"] = {"kind": "refused", "what": "no other gateway took VID 1", "remedy": "force it"}
    assert main(["drain", "l1"]) == 1
    daemon.answers["preview"] = {"kind": "usage", "what": "there is no link 'l1'"}
    assert main(["drain", "l1"]) == 2
    assert capsys.readouterr().err.splitlines() == [
        "linkbalancer: no other gateway took VID 1; force it",
        "linkbalancer: there is no link 'l1'",
    ]


def test_what_is_drained_is_listed(daemon: Daemon, capsys: pytest.CaptureFixture[str]) -> None:
    """A line each; nothing is said to be nothing."""
    assert main(["drain"]) == 0
    daemon.answers["status"] = status(
        drained=[drained("link", "l1", reason="new cable"), drained("vid", "9", known=False)]
    )
    assert main(["drain"]) == 0
    assert capsys.readouterr().out.splitlines() == [
        "nothing is drained",
        "link l1: by root since 2026-01-02 03:04:05 UTC: new cable",
        "VID 9 (this gateway has no such thing now): by root since 2026-01-02 03:04:05 UTC",
    ]


def test_resume_takes_the_one_thing_that_is_drained(daemon: Daemon, capsys: pytest.CaptureFixture[str]) -> None:
    """What may be left out where it is clear."""
    one, two = drained("link", "l1"), drained("vid", "2")
    assert main(["resume"]) == 0
    daemon.answers |= {"status": status(drained=[one]), "resume": {"resumed": [one], "drained": []}}
    assert main(["resume"]) == 0
    assert daemon.asked[-1]["what"] == "link l1"
    daemon.answers["status"] = status(drained=[one, two])
    assert main(["resume"]) == 2
    assert main(["resume", "vid", "2"]) == 0
    assert daemon.asked[-1]["what"] == "vid 2"
    daemon.answers["resume"] = {"resumed": [], "drained": []}
    assert main(["resume", "--all"]) == 0
    assert daemon.asked[-1]["all"] is True
    daemon.answers["resume"] = {"kind": "busy", "what": "a drain is under way"}
    assert main(["resume", "--all"]) == 1
    told = capsys.readouterr()
    assert told.out.splitlines()[0] == "link l1 serves again; its VIDs come back by election"
    assert told.out.splitlines()[-1] == "nothing was drained"
    assert "say what, or --all" in told.err


def test_nobody_is_asked_without_a_terminal() -> None:
    """A script that says drain means it."""
    assert drain.agreed("really?")
