"""What the api asks the supervisor for: ids, outcomes, those who wait, and a supervisor that does not listen."""

import json
import os
from collections.abc import Iterator, Mapping
from typing import Any

import pytest

from linkbalancer.daemon.changes import KEPT, Changes
from linkbalancer.daemon.lifeline import Hangup, Lifeline, Spoken, enclose, enclosed
from linkbalancer.daemon.requests import Request


@pytest.fixture
def line() -> Iterator["Line"]:
    """Return a line, closed at the end."""
    made = Line()
    yield made
    made.supervisor.close()
    made.api.close()


class Line:
    """A supervisor with an api's changes at the other end."""

    def __init__(self) -> None:
        """Connect."""
        self.supervisor, theirs = Lifeline.pair()
        self.told: list[Mapping[str, Any]] = []
        self.api = Lifeline(theirs)
        self.changes = Changes(self.api, self.told.append)

    def ask(self, verb: str, **arguments: object) -> list[dict[str, Any]]:
        """Ask for something; return where the reply will be."""
        replies: list[dict[str, Any]] = []
        request = Request(verb, arguments, "anna", lambda _request, data: replies.append(json.loads(data)))
        getattr(self.changes, verb)(0, request)
        return replies

    def heard(self) -> tuple[str, dict[str, Any]]:
        """Return what the supervisor hears."""
        spoken = self.supervisor.hear()
        assert isinstance(spoken, Spoken)
        assert spoken.descriptor is not None
        words = json.loads(enclosed(spoken.descriptor))
        os.close(spoken.descriptor)
        return spoken.word, words

    def conclude(self, asked: str, result: str = "applied") -> dict[str, Any]:
        """Have the supervisor tell an outcome."""
        outcome = {"id": asked, "result": result, "lines": [], "notice": {}, "took_ms": 1}
        assert self.changes.hear(Spoken("outcome", (), enclose(json.dumps(outcome).encode())))
        return outcome


def test_a_reload_is_answered_by_its_outcome(line: Line) -> None:
    """Who asks is named to the supervisor; the outcome is the answer, and is found by the id afterwards."""
    replies = line.ask("reload", id="r1")
    word, words = line.heard()
    assert word == "reload"
    assert words == {
        "id": "r1", "who": "anna", "source": "files", "entry": None, "how": "reload", "confirm_s": None, "again": False
    }  # fmt: skip
    assert replies == []
    assert line.ask("outcome", id="r1")[0]["answer"] == {"outcome": None}
    outcome = line.conclude("r1")
    assert replies[0]["answer"] == outcome
    assert line.ask("outcome", id="r1")[0]["answer"] == {"outcome": outcome}
    assert line.told == [outcome]


def test_an_upgrade_has_an_id_of_its_own(line: Line) -> None:
    """Where the caller names none."""
    replies = line.ask("upgrade")
    word, words = line.heard()
    assert (word, words["how"], len(words["id"])) == ("upgrade", "upgrade", 32)
    line.conclude(words["id"], "refused")
    assert replies[0]["answer"]["result"] == "refused"


def test_an_id_that_is_none_is_refused(line: Line) -> None:
    """It becomes a key and a line of the log."""
    for wrong in (7, "", "a b", "x" * 65, "a\n"):
        assert line.ask("reload", id=wrong)[0]["error"]["kind"] == "usage"
    assert line.supervisor.hear() is None


def test_a_supervisor_that_is_gone(line: Line) -> None:
    """The caller is told at once."""
    line.supervisor.close()
    assert line.ask("reload")[0]["answer"]["result"] == "failed"


def test_other_words_are_not_about_this(line: Line) -> None:
    """They are somebody else's."""
    assert not line.changes.hear(Spoken("end"))
    assert not line.changes.hear(Spoken("outcome"))
    assert not isinstance(line.supervisor.hear(), Hangup)


def test_old_outcomes_are_forgotten(line: Line) -> None:
    """The last ones are kept."""
    for number in range(KEPT + 1):
        line.conclude(f"r{number}")
    assert line.ask("outcome", id="r0")[0]["answer"]["outcome"] is None
    assert line.ask("outcome", id="r1")[0]["answer"]["outcome"] is not None
