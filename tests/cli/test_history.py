"""`linkbalancer history`: the list, one story, and what cannot be asked."""

import json
import time
from argparse import ArgumentParser, ArgumentTypeError, Namespace
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import pytest

from linkbalancer.cli import history
from linkbalancer.cli.client import RefusedError
from linkbalancer.cli.main import main

AT = 1_700_000_000


@pytest.fixture(autouse=True)
def _in_utc() -> Iterator[None]:
    with pytest.MonkeyPatch.context() as patch:
        patch.setenv("TZ", "UTC")
        time.tzset()
        yield
    time.tzset()


def chain(number: int = 29, **other: Any) -> dict[str, Any]:
    """Return a chain as the daemon sums it up."""
    return {
        "id": number,
        "at_us": AT * 10**6 + 412_000,
        "kind": "link-closed",
        "headline": "link l1 closed: no carrier",
        "consequences": ["VID 1, 2 to 192.0.2.2", "web to VID 2"],
        "took_ms": 412.4,
        "quiet_ms": 60_000,
        "records": 9,
        **other,
    }


def step(number: int, cause: int | None, after_ms: float, sentence: str, measured: str = "") -> dict[str, Any]:
    """Return one step of a story."""
    return {
        "id": number,
        "cause": cause,
        "after_ms": after_ms,
        "sentence": sentence,
        "measured": measured,
        "kind": "link-closed" if cause is None else "vid",
    }


STORY = {
    **chain(records=6),
    "steps": [
        step(29, None, 0, "link l1 closed: no carrier", "detect time 600 ms"),
        step(30, 29, 0, "VID 1 stopped here: link closed"),
        step(31, 29, 0, "VID 2 stopped here: link closed"),
        step(32, 30, 177.25, "VID 1: 192.0.2.2 is Master"),
        step(35, 34, 412.4, "web goes to VID 2"),
    ],
}


class Daemon:
    """Answers what the command asks."""

    def __init__(self, *answers: dict[str, Any] | RefusedError) -> None:
        """Have these answers, one after the other; the last one again and again."""
        self.answers, self.asked = list(answers), list[tuple[str, dict[str, Any]]]()

    def ask(self, _run_dir: Path, verb: str, **arguments: Any) -> dict[str, Any]:
        """Answer."""
        self.asked.append((verb, arguments))
        answer = self.answers.pop(0) if len(self.answers) > 1 else self.answers[0]
        if isinstance(answer, RefusedError):
            raise answer
        return answer


def test_the_list_has_a_line_each(monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]) -> None:
    """Newest last; elsewhere than on a terminal it is plain."""
    lonely = chain(31, headline="service ready", consequences=[], records=1)
    steps = chain(33, headline="VID 1: x resigned", consequences=[], records=3, took_ms=0.0)
    daemon = Daemon({"chains": [chain(), lonely, steps], "more": True})
    came = "VID 1, 2 to 192.0.2.2; web to VID 2"
    monkeypatch.setattr(history, "ask", daemon.ask)

    assert main(["history", "--vid", "1", "--app", "web", "--limit", "3"]) == 0
    assert capsys.readouterr().out.splitlines() == [
        "(there is more: --before 29, or --limit)",
        f"2023-11-14 22:13:20.412     29  link l1 closed: no carrier -> {came}; all over after 412.4 ms",
        "2023-11-14 22:13:20.412     31  service ready",
        "2023-11-14 22:13:20.412     33  VID 1: x resigned -> 2 more steps; all over at once",
    ]
    assert daemon.asked == [("history", {"vid": 1, "app": "web", "limit": 3})]


def test_nothing_happened(monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]) -> None:
    """Said, with what that may mean; `--json` says it as ever."""
    monkeypatch.setattr(history, "ask", Daemon({"chains": [], "more": False}).ask)

    assert main(["history"]) == 0
    assert capsys.readouterr().out == "nothing happened (that fits and is remembered)\n"
    assert main(["history", "--json"]) == 0
    assert json.loads(capsys.readouterr().out) == {"chains": [], "more": False}


def test_on_a_terminal_it_is_coloured(monkeypatch: pytest.MonkeyPatch) -> None:
    """What came of it stands below when both do not fit in one line."""
    monkeypatch.setenv("COLUMNS", "80")
    narrow = history.line(chain(), colour=True)
    monkeypatch.setenv("COLUMNS", "200")
    wide = history.line(chain(), colour=True)

    assert "\033[31mlink l1 closed: no carrier\033[0m\n" in narrow
    assert "\033[31mlink l1 closed: no carrier\033[0m -> VID 1, 2" in wide
    assert history.line(chain(consequences=[], records=1), colour=True).endswith("\033[0m")


def test_a_story_is_told_step_by_step(monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]) -> None:
    """Each below what it follows from; one whose cause is not there stands by itself; what was cut is counted."""
    monkeypatch.setattr(history, "ask", Daemon(STORY).ask)

    assert main(["history", "show", "#29"]) == 0
    assert capsys.readouterr().out.splitlines() == [
        "29: link l1 closed: no carrier",
        "began 2023-11-14 22:13:20.412",
        "",
        "       0 ms  link l1 closed: no carrier (detect time 600 ms)",
        "    at once  -> VID 1 stopped here: link closed",
        "  +177.2 ms    -> VID 1: 192.0.2.2 is Master",
        "    at once  -> VID 2 stopped here: link closed",
        "  +412.4 ms  -> web goes to VID 2",
        "             ... and 1 more",
        "",
        "VID 1, 2 to 192.0.2.2; web to VID 2; all over after 412.4 ms",
    ]
    assert "\033[31mlink l1 closed" in history.tell(STORY, colour=True)
    assert "nothing else came of it" in history.tell({**STORY, "consequences": []})
    assert main(["history", "show", "29", "--json"]) == 0
    assert json.loads(capsys.readouterr().out)["steps"][0]["id"] == 29


def test_a_refusal(monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]) -> None:
    """In one sentence, with the status that it deserves."""
    refused = RefusedError({"kind": "refused", "what": "there is no record of this id", "remedy": "take one"})
    monkeypatch.setattr(history, "ask", Daemon(refused).ask)

    assert main(["history", "show", "77"]) == 1
    assert capsys.readouterr().err == "linkbalancer: there is no record of this id; take one\n"


@pytest.mark.parametrize("words", [["show", "x"], ["--since", "yesterday"], ["--vid", "x"]])
def test_usage(words: list[str], capsys: pytest.CaptureFixture[str]) -> None:
    """Of an id, a time, a number."""
    with pytest.raises(SystemExit) as ended:
        main(["history", *words])
    assert ended.value.code == 2
    assert words[-1] in capsys.readouterr().err


@pytest.mark.parametrize(
    ("text", "seconds"),
    [
        ("1h", AT - 3600),
        ("90 s", AT - 90),
        ("1.5min", AT - 90),
        ("2d", AT - 2 * 86400),
        ("22:00", AT - 800),
        ("22:13:20", AT),
        ("23:00", AT + 2800 - 86400),
        ("2023-11-14 22:13:20", AT),
        ("2023-11-14T22:13", AT - 20),
        ("2023-11-14", AT - 80_000),
    ],
)
def test_times(text: str, seconds: int) -> None:
    """Ago, of the last day, or exact."""
    assert history.instant(text, AT) == seconds


@pytest.mark.parametrize("text", ["soon", "25:00", "1y", "2023-13-01", ""])
def test_what_is_no_time(text: str) -> None:
    """It is said how to write one."""
    with pytest.raises(ArgumentTypeError, match="write 1h, 30min"):
        history.instant(text)


def test_following_tells_each_once_and_when_it_is_over(
    monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]
) -> None:
    """One that is still going on waits, and so do those after it."""
    daemon = Daemon(
        {"chains": [chain(1), chain(2, quiet_ms=100), chain(3)], "more": False},
        {"chains": [chain(2), chain(3)], "more": False},
        {"chains": [chain(4, quiet_ms=0, took_ms=20_000.0)], "more": False},
        {"chains": [], "more": False},
        RefusedError({"kind": "unavailable", "what": "gone"}),
    )
    monkeypatch.setattr(history, "ask", daemon.ask)
    monkeypatch.setattr(history, "POLL_S", 0)

    assert main(["history", "--follow"]) == 1
    told = [line.split()[2] for line in capsys.readouterr().out.splitlines()]
    assert told == ["1", "2", "3", "4"]
    assert [arguments for _, arguments in daemon.asked] == [
        {"limit": 10},
        {"after": 1},
        {"after": 3},
        {"after": 4},
        {"after": 4},
    ]


def test_configurations_have_a_file_of_their_own(monkeypatch: pytest.MonkeyPatch) -> None:
    """`history config` hands over to it."""
    monkeypatch.setattr(history, "CONFIGURATIONS", "tests.cli.test_history")

    assert main(["history", "config"]) == 7


def configure(parser: ArgumentParser) -> None:
    """Stand in for the configurations' command."""
    parser.add_argument("--json", action="store_true")


def run(_args: Namespace) -> int:
    """Stand in for the configurations' command."""
    return 7
