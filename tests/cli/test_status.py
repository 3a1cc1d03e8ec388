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

import jsonschema
import pytest

from linkbalancer.cli.client import RefusedError, ask
from linkbalancer.cli.main import main
from linkbalancer.cli.screen import Screen
from linkbalancer.cli.status import _group, configure, draw, headline, sections
from tests.engine.statuses import application, drained, group, link, metrics, status

ROOT = Path(__file__).parents[2]


STATUS: dict[str, Any] = status(
    health="broken",
    findings=[
        "application dead is on VID 10, which does not work: it stays",
        "link l2 has been closed for 5 s: silent",
    ],
    links={
        "l1": link(),
        "l2": link(open=False, reason="silent for 600 ms", rtt_ms=None),
        "l3": link(fault="miswired"),
        "l4": link(drained="by ann: new cable"),
        "l5": link(peer_fault="drained by bob"),
    },
    groups={
        "1": group(),
        "2": group(state="fault", master="192.0.2.2", next_hop="192.0.2.251 at 02:00:00:00:01:02 on eth0"),
        "3": group(state="fault", drained="drained by ann", master="192.0.2.2"),
        "10": group(works=False, state="backup", master=None),
    },
    applications={
        "first": application(1),
        "second": application(2, next=None),
        "dead": application(10),
        "lost": application(None),
    },
)


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


def test_a_vid_that_refuses_ipv6_says_so() -> None:
    """Beside the reason of its state; where both families go the same way there is nothing to say."""
    for half, said in (({"kind": "unreachable"}, True), ({"kind": "link"}, False), (None, False)):
        cells = _group(("1", group(hop6=half))).cells
        assert ("IPv6 is refused: no far end" in str(cells[-1])) is said
    cells = _group(("1", group(hop6={"kind": "unreachable"}, why6="fe80::2 does not answer over IPv6"))).cells
    assert "IPv6 is refused: fe80::2 does not answer over IPv6" in str(cells[-1])


def test_json(daemon: Daemon, tmp_path: Path, capsys: pytest.CaptureFixture[str]) -> None:
    """`--json` is the daemon's answer, whole."""
    assert main(["status", "--run-dir", str(tmp_path), "--json"]) == 0
    assert json.loads(capsys.readouterr().out) == STATUS
    assert json.loads(daemon.asked) == {"api": 1, "verb": "status"}


def test_text(daemon: Daemon, tmp_path: Path, capsys: pytest.CaptureFixture[str]) -> None:
    """Without a terminal: the headline, the findings, then the tables in columns, everything, in no colour."""
    assert main(["status", "--run-dir", str(tmp_path)]) == 0
    text = capsys.readouterr().out
    assert text.startswith("b1 (controller): broken, settled for 1 min 30 s\n  application dead is on VID 10")
    assert "  10   backup, dead  1 min 05 s  none" in text
    assert "\x1b" not in text
    assert json.loads(daemon.asked) == {"api": 1, "verb": "status"}


def test_the_schema_is_printed(capsys: pytest.CaptureFixture[str]) -> None:
    """`--schema` asks nobody; what these tests use is of that shape."""
    assert main(["status", "--schema"]) == 0
    schema = json.loads(capsys.readouterr().out)
    jsonschema.Draft202012Validator.check_schema(schema)
    jsonschema.validate(STATUS, schema)
    jsonschema.validate(status(links={"l1": link(metrics=metrics(peer=metrics()["here"]))}), schema)
    jsonschema.validate(status(drained=[drained("link", "l1")], configuration={"entry": 12, "lines": []}), schema)
    with pytest.raises(jsonschema.ValidationError):
        jsonschema.validate({**STATUS, "health": "fine"}, schema)


def test_the_worst_comes_first() -> None:
    """What is broken stands above what is second best, and that above what is as wished."""
    links, vids, applications = ([(row.cells[0], row.badness) for row in one.rows] for one in sections(STATUS))
    assert links == [("l2", 2), ("l3", 2), ("l4", 1), ("l5", 1), ("l1", 0)]
    assert vids == [("10", 2), ("2", 1), ("3", 1), ("1", 0)]
    assert applications == [("dead", 2), ("lost", 2), ("second", 1), ("first", 0)]


def test_cells_say_what_since_when_why_and_what_next() -> None:
    """Each line answers the operator's four questions."""
    links, vids, applications = sections(STATUS)
    assert links.rows[0].cells[1:4] == ("closed", "5 s", "-")
    assert links.rows[1].cells == ("l3", "fault", "5 s", "1.5 ms", "VID 1 to another gateway", "miswired")
    assert (links.rows[2].cells[1], links.rows[2].cells[5]) == ("open, drained", "by ann: new cable")
    assert links.rows[3].cells[5] == "far end: drained by bob"
    assert vids.rows[1].cells == ("2", "fault", "1 min 05 s", "192.0.2.2", "LAN", "web to VID 2", "claimed")
    assert [vids.rows[2].cells[1], vids.rows[3].cells[3:5]] == ["drained", ("here", "l1")]
    assert applications.rows[2].cells == ("second", "VID 2", "10 ms", "nothing", "its first choice works")
    assert applications.rows[1].cells[1] == "nowhere"


def test_a_priority_that_was_adjusted_says_by_whom() -> None:
    """And to what, where trackers have moved it on; by a controller that has not told its name, or no weight."""
    groups = {
        "1": group(priority=120, adjusted={"by": "b1", "priority": 120, "weight": 37.5}),
        "2": group(priority=100, adjusted={"by": None, "priority": 120, "weight": None}),
        "3": group(adjusted=None),
    }
    adjusted = status(groups=groups)
    jsonschema.validate(adjusted, json.loads((ROOT / "linkbalancer/cli/status.schema.json").read_text()))
    _links, vids, *_rest = sections(adjusted)
    assert [row.cells[6] for row in vids.rows] == [
        "priority 120 (adjusted by b1, weight 37.5); claimed",
        "priority 100 (adjusted to 120 by the controller); claimed",
        "claimed",
    ]


def test_a_closed_link_that_answers_says_when_it_opens() -> None:
    """After flaps it may wait for long; nobody has to guess."""
    waiting = link(open=False, reason="not proven yet", opens_in_ms=4200)
    links, *_ = sections({**STATUS, "links": {"l1": waiting}})
    assert links.rows[0].cells[5] == "not proven yet; answers, opens in 4.2 s if it goes on"


def test_not_settled() -> None:
    """The headline says when things still move, and which configuration is in force."""
    changed = {**STATUS, "settled": False, "configuration": {"entry": 12}}
    assert headline(changed) == "b1 (controller): broken, not settled yet, configuration #12"
    odd = {**STATUS, "applications": {"odd": {**application(None), "vids": []}}}
    assert "odd" in draw(odd, Screen())


def many() -> dict[str, Any]:
    """Return a large gateway's status: 40 links, 64 VIDs, 200 applications, some of each not as wished."""
    return status(
        health="broken",
        findings=[
            f"finding {number}: something is not as it should be, and this is said at length" for number in range(30)
        ],
        links={f"link{number}": link(open=number % 10 > 0) for number in range(40)},
        groups={str(number): group(works=number % 16 > 0) for number in range(1, 65)},
        applications={f"application{number}": application(number % 64 + 1) for number in range(200)},
    )


@pytest.mark.parametrize(("width", "height"), [(80, 24), (200, 60), (40, 12)])
def test_a_screen_is_not_left(width: int, height: int) -> None:
    """However large the gateway, a screen shows the worst of everything, and how much it does not show."""
    lines = draw(many(), Screen(width, height)).splitlines()
    assert max(map(len, lines)) <= width
    assert len(lines) <= max(height - 1, 22)
    text = "\n".join(lines)
    assert all(word in text for word in ("broken", "finding 0", "link0", "applic", "more"))


def test_a_small_gateway_fits_whole() -> None:
    """The example shows every row on 80 columns and 24 lines, each in the colour of its badness."""
    text = draw(STATUS, Screen(80, 24, colours=True))
    assert len(text.splitlines()) <= 23
    assert "more" not in text
    assert "\x1b[1;31mb1 (controller): broken" in text
    assert "\x1b[33m  l4 " in text
    assert draw(status(), Screen(80, 24, colours=True)).startswith("\x1b[1;32mb1 (controller): good")


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
    """The commands that ask a daemon import neither validation nor netlink, nor a library that draws."""
    names = ("main", "status", "drain", "resume", "client")
    modules = ", ".join(f"linkbalancer.cli.{name}" for name in names)
    code = f"import sys, {modules}; print(*sys.modules)"
    loaded = subprocess.run(
        [sys.executable, "-c", code], cwd=ROOT, capture_output=True, text=True, check=True
    ).stdout.split()
    assert {"asyncio", "pydantic", "pyroute2", "structlog", "yaml", "rich", "shutil", "dataclasses"}.isdisjoint(loaded)
    ours = {name for name in loaded if name.startswith("linkbalancer.") and name.count(".") == 2}
    assert ours == {
        f"linkbalancer.cli.{name}"
        for name in (
            *names,
            "counts",
            "levels",
            "load",
            "naming",
            "output",
            "refused",
            "screen",
            "tracked",
            "translated",
        )
    }


@pytest.mark.parametrize(("value", "place"), [("/run/b1", "/run/b1"), ("", "/run/linkbalancer")])
def test_the_environment_may_name_the_run_directory(monkeypatch: pytest.MonkeyPatch, value: str, place: str) -> None:
    """LINKBALANCER_RUN_DIR is where the daemon is looked for, unless --run-dir says otherwise; empty is not given."""
    monkeypatch.setenv("LINKBALANCER_RUN_DIR", value)
    parser = ArgumentParser()
    configure(parser)

    assert parser.parse_args([]).run_dir == Path(place)
    assert parser.parse_args(["--run-dir", "/run/b2"]).run_dir == Path("/run/b2")
