"""`linkbalancer reload` and `upgrade` against an api that answers, refuses, hangs up, and comes back."""

import json
import os
import signal
import threading
from collections.abc import Callable, Iterator
from pathlib import Path
from socketserver import StreamRequestHandler, ThreadingMixIn, UnixStreamServer
from typing import Any

import pytest

from linkbalancer.cli import outcome
from linkbalancer.cli.client import RefusedError
from linkbalancer.cli.main import main

Reply = Callable[[dict[str, Any]], dict[str, Any] | None]

APPLIED = {"id": "x", "result": "applied", "lines": ["version 1 -> 2"], "notice": {}, "took_ms": 1500}


class Handler(StreamRequestHandler):
    """One caller."""

    server: "Api"

    def handle(self) -> None:
        """Answer one request."""
        request = json.loads(self.rfile.readline())
        self.server.asked.append(request)
        answer = self.server.reply(request)
        if answer is not None:
            self.wfile.write(json.dumps(answer).encode() + b"\n")


class Api(ThreadingMixIn, UnixStreamServer):
    """A socket that answers by a function; None hangs up."""

    daemon_threads = True

    def __init__(self, path: Path, reply: Reply) -> None:
        """Listen, and answer in a thread."""
        self.asked: list[dict[str, Any]] = []
        self.reply = reply
        super().__init__(str(path), Handler)
        self._thread = threading.Thread(target=self.serve_forever, kwargs={"poll_interval": 0.01})
        self._thread.start()

    def end(self) -> None:
        """Hang up."""
        self.shutdown()
        self.server_close()
        self._thread.join()


@pytest.fixture
def serve(tmp_path: Path) -> Iterator[Callable[[Reply], list[Api]]]:
    """Return what starts both sockets of an api."""
    started: list[Api] = []

    def start(reply: Reply) -> list[Api]:
        started.extend(Api(tmp_path / name, reply) for name in ("query.sock", "control.sock"))
        return started

    yield start
    for api in started:
        api.end()


def good(answer: object) -> dict[str, Any]:
    """Return a reply."""
    return {"api": 1, "ok": True, "answer": answer}


@pytest.mark.parametrize(("result", "status"), [("applied", 0), ("unchanged", 0), ("refused", 1), ("failed", 1)])
def test_the_outcome_is_the_answer(
    tmp_path: Path,
    serve: Callable[[Reply], list[Api]],
    capsys: pytest.CaptureFixture[str],
    result: str,
    status: int,
) -> None:
    """Its lines are told, and the exit status says whether it is good."""

    def reply(request: dict[str, Any]) -> dict[str, Any]:
        return good({"outcome": None} if request["verb"] == "outcome" else {**APPLIED, "result": result})

    serve(reply)
    assert main(["reload", "--run-dir", str(tmp_path)]) == status
    output, errors = capsys.readouterr()
    assert (output or errors.removeprefix("linkbalancer: ")).startswith(f"reload {result}")
    assert "  version 1 -> 2\n" in output + errors


def test_a_lost_connection_is_asked_after(
    tmp_path: Path, serve: Callable[[Reply], list[Api]], capsys: pytest.CaptureFixture[str]
) -> None:
    """The upgrade ends the api that was asked; the next one knows the outcome of the same id."""
    calls: list[str] = []

    def reply(request: dict[str, Any]) -> dict[str, Any] | None:
        if request["verb"] == "upgrade":
            return None
        calls.append(request["id"])
        return good({"outcome": APPLIED if len(calls) > 3 else None})

    servers = serve(reply)
    assert main(["upgrade", "--run-dir", str(tmp_path), "--json"]) == 0
    assert json.loads(capsys.readouterr().out) == APPLIED
    assert set(calls) == {servers[1].asked[0]["id"]}


def test_an_outcome_that_never_comes(tmp_path: Path, serve: Callable[[Reply], list[Api]]) -> None:
    """After the patience is over that is said."""
    serve(lambda request: None if request["verb"] == "upgrade" else good({"outcome": None}))
    with pytest.raises(RefusedError, match=r"no outcome of the upgrade within 0 s"):
        outcome.carry_out(tmp_path, "upgrade", 0.2)


def test_a_refusal_is_told(
    tmp_path: Path, serve: Callable[[Reply], list[Api]], capsys: pytest.CaptureFixture[str]
) -> None:
    """In the daemon's words."""
    error = {"kind": "rights", "what": "not yours", "remedy": "ask root"}
    serve(lambda request: good({}) if request["verb"] == "outcome" else {"api": 1, "ok": False, "error": error})
    assert main(["upgrade", "--run-dir", str(tmp_path)]) == 2
    assert capsys.readouterr().err == "linkbalancer: not yours; ask root\n"


@pytest.mark.parametrize("command", ["reload", "upgrade"])
def test_no_daemon(
    tmp_path: Path, capsys: pytest.CaptureFixture[str], monkeypatch: pytest.MonkeyPatch, command: str
) -> None:
    """One sentence, at once."""
    monkeypatch.delenv("MAINPID", raising=False)
    assert main([command, "--run-dir", str(tmp_path)]) == 1
    assert "nobody listens there" in capsys.readouterr().err


def test_a_reload_without_an_api_is_a_signal(
    tmp_path: Path, capsys: pytest.CaptureFixture[str], monkeypatch: pytest.MonkeyPatch
) -> None:
    """Systemd says whom to signal."""
    hangups: list[int] = []
    before = signal.signal(signal.SIGHUP, lambda number, _frame: hangups.append(number))
    monkeypatch.setenv("MAINPID", str(os.getpid()))
    try:
        assert main(["reload", "--run-dir", str(tmp_path)]) == 0
    finally:
        signal.signal(signal.SIGHUP, before)
    assert hangups == [signal.SIGHUP]
    assert "asked by SIGHUP" in capsys.readouterr().err
