"""The api's two sockets, answering as a test wants. By hand: `python -m tests.cli.fakeapi DIRECTORY [APPLICATIONS]`."""

import contextlib
import json
import os
import random
import socketserver
import sys
import threading
import time
from pathlib import Path
from typing import Any

from tests.engine.statuses import application, group, link, metrics


class FakeApi:
    """Answers requests: `answers` has an answer by verb, or a refusal, an object with `kind`."""

    def __init__(self, directory: Path, answers: dict[str, dict[str, Any]]) -> None:
        """Listen in a run directory."""
        directory.mkdir(exist_ok=True)
        self.answers = answers
        self.asked: list[tuple[str, dict[str, Any]]] = []
        self._servers = [self._serve(directory / name) for name in ("query.sock", "control.sock")]
        self._paths = [directory / name for name in ("query.sock", "control.sock")]

    def _serve(self, path: Path) -> socketserver.ThreadingUnixStreamServer:
        outer = self

        class Handler(socketserver.StreamRequestHandler):
            """One connection."""

            def handle(self) -> None:
                """Answer each line."""
                with contextlib.suppress(ConnectionError):  # who asked may be gone
                    for line in self.rfile:
                        self.wfile.write(outer.reply(path.stem, json.loads(line)))

        server = socketserver.ThreadingUnixStreamServer(str(path), Handler)
        server.daemon_threads = True
        threading.Thread(target=server.serve_forever, args=(0.02,), daemon=True).start()
        return server

    def reply(self, socket: str, request: dict[str, Any]) -> bytes:
        """Return the answer to a request."""
        self.asked.append((socket, request))
        answer = self.answers.get(request["verb"])
        if answer is None:
            answer = {"kind": "usage", "what": f"there is no verb {request['verb']!r}", "remedy": "use another"}
        reply = {"ok": False, "error": answer} if "kind" in answer else {"ok": True, "answer": answer}
        return json.dumps({"api": 1, **reply}).encode() + b"\n"

    def close(self) -> None:
        """End."""
        for server, path in zip(self._servers, self._paths, strict=True):
            server.shutdown()
            server.server_close()
            path.unlink()


def status(applications: int = 4) -> dict[str, Any]:
    """Return a gateway's status as this release has it, with one link closed and one VID that does not work."""
    peer = {"state": "master", "priority": 150}
    names = ["web", "voip", "backup", "mail", *(f"app-{number:03}" for number in range(applications))][:applications]
    return {
        "schema": 1,
        "node": "b1",
        "role": "controller",
        "settled": True,
        "settled_for_ms": 90_000,
        "health": "degraded",
        "findings": ["link l2 has been closed for 5 s: silent for 600 ms", "web is on its second choice"],
        "links": {
            "l1": link(loss=0.0, jitter_ms=0.1, metrics=metrics()),
            "l2": link(open=False, reason="silent for 600 ms", rtt_ms=None, loss=None),
        },
        "groups": {
            "1": group(peer=peer),
            "2": group(state="backup", master="192.168.1.2", peer=None),
            "3": group(works=False, state="backup", master=None, peer=None),
        },
        "applications": {
            name: application(1 if index % 3 else 2, next=2 if index % 3 else None) for index, name in enumerate(names)
        },
        "processes": {"agent": os.getpid()},
        "counters": {},
    }


HISTORY: dict[str, Any] = {
    "schema": 1,
    "more": False,
    "chains": [
        {"id": 1, "at_us": 1_763_770_000_000_000, "headline": "started", "consequences": []},
        {
            "id": 7,
            "at_us": 1_763_771_000_000_000,
            "headline": "link l2 closed: silent for 600 ms",
            "consequences": ["VID 2 to b2", "web to VID 1"],
        },
    ],
}


def main() -> None:
    """Serve a status that lives, until interrupted."""
    count = int(sys.argv[2]) if len(sys.argv) > 2 else 4
    now = status(count)
    api = FakeApi(Path(sys.argv[1]), {"status": now, "history": HISTORY, "drain": {"lines": ["VID 1 moves to b2"]}})
    chance = random.Random(1)
    started = time.monotonic()
    while True:
        time.sleep(0.5)
        now["links"]["l1"]["rtt_ms"] = round(chance.uniform(0.5, 4), 3)
        now["links"]["l1"]["loss"] = max(0, round(chance.uniform(-0.2, 0.1), 3))
        for one in (*now["links"].values(), *now["groups"].values(), *now["applications"].values()):
            one["since_ms"] = int((time.monotonic() - started) * 1000)
        api.answers["status"] = now


if __name__ == "__main__":
    main()
