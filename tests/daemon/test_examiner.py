"""The child that looks at the host."""

import json
import os
import signal
import time
from typing import Any

import pytest

from linkbalancer.clock import MILLISECOND, SECOND
from linkbalancer.daemon import aide, examiner
from linkbalancer.daemon.examiner import Examiner
from linkbalancer.daemon.loop import Loop
from tests.daemon.waiting import alive, until
from tests.engine.preflight.hosts import WANTED


class Asker:
    """A parent with its loop, and what it heard."""

    def __init__(self, patience: int = 10 * SECOND) -> None:
        """Fork the child."""
        self.heard: list[tuple[dict[str, Any] | None, str]] = []
        self.loop = Loop()
        self.loop.every(5 * MILLISECOND, lambda _now: None)
        self.examiner = Examiner(self.loop, lambda report, why: self.heard.append((report, why)), patience)

    def answer(self) -> tuple[dict[str, Any] | None, str]:
        """Turn until there is an answer."""
        while not self.heard:
            self.loop.turn()
        return self.heard.pop()


class Report:
    """What a look may give."""

    def __init__(self, answer: dict[str, Any]) -> None:
        """Keep it."""
        self.answer = answer

    def to_json(self) -> dict[str, Any]:
        """Return it."""
        return self.answer


@pytest.fixture
def looks(monkeypatch: pytest.MonkeyPatch) -> list[Any]:
    """Have the child do this in place of looking at the host; it must be set before the fork."""
    looks: list[Any] = [None]

    def examine(config: object, *, running: bool) -> Report:
        report: Report = looks[0](config, running=running)
        return report

    monkeypatch.setattr(examiner, "examine", examine)
    return looks


def test_each_question_has_its_answer(looks: list[Any]) -> None:
    """By one child, which is gone when it is closed; a second question meanwhile is none."""
    looks[0] = lambda config, running: Report({"node": config.node, "running": running, "pid": os.getpid()})
    asker = Asker()
    pid = asker.examiner.pid
    for _time in range(3):
        asker.examiner.ask(WANTED.config)
        asker.examiner.ask(WANTED.config)
        assert asker.examiner.busy
        assert asker.answer() == ({"node": "b1", "running": True, "pid": pid}, "None")
    assert pid is not None
    assert os.getpgid(pid) == pid
    asker.examiner.close()
    assert not alive(pid)
    assert asker.heard == []


def test_a_fault_of_ours_is_told(looks: list[Any]) -> None:
    """The child goes on."""

    def stumble(_config: object, **_facts: object) -> Report:
        raise ValueError("strange host")

    looks[0] = stumble
    asker = Asker()
    pid = asker.examiner.pid
    for _time in range(2):
        asker.examiner.ask(WANTED.config)
        assert asker.answer() == (None, "ValueError: strange host")
    assert asker.examiner.pid == pid
    asker.examiner.close()


def test_a_child_that_hangs_is_killed_and_replaced(looks: list[Any]) -> None:
    """With whatever it started."""
    looks[0] = lambda _config, **_facts: time.sleep(60)
    asker = Asker(patience=50 * MILLISECOND)
    pid = asker.examiner.pid
    assert pid is not None
    asker.examiner.ask(WANTED.config)
    assert asker.answer() == (None, "not done within 50 ms: given up")
    assert (alive(pid), asker.examiner.pid) == (False, None)
    looks[0] = lambda _config, **_facts: Report({"well": "again"})
    asker.examiner.aide.patience = 10 * SECOND
    asker.examiner.ask(WANTED.config)
    assert asker.answer()[0] == {"well": "again"}
    asker.examiner.close()


def test_a_child_that_dies_is_replaced(looks: list[Any]) -> None:
    """Whether it dies while it works or before it is asked."""
    looks[0] = lambda _config, **_facts: os._exit(3)
    asker = Asker()
    asker.examiner.ask(WANTED.config)
    assert asker.answer() == (None, "the child has ended")
    looks[0] = lambda _config, **_facts: Report({})
    asker.examiner.ask(WANTED.config)
    assert asker.answer()[0] == {}
    pid = asker.examiner.pid
    assert pid is not None
    os.kill(pid, signal.SIGKILL)
    until(lambda: not alive(pid))
    asker.examiner.ask(WANTED.config)
    assert asker.answer()[0] is None
    asker.examiner.close()


def test_an_answer_has_a_limit(looks: list[Any], monkeypatch: pytest.MonkeyPatch) -> None:
    """Beyond it the child is given up."""
    monkeypatch.setattr(aide, "ANSWER_LIMIT", 100_000)
    looks[0] = lambda _config, **_facts: Report({"long": "x" * 1_000_000})
    asker = Asker()
    asker.examiner.ask(WANTED.config)
    assert asker.answer() == (None, "its answer is too long")
    asker.examiner.close()
    asker.loop.forget()


def test_a_configuration_survives_the_line() -> None:
    """What the child reads is what its parent has."""
    config = WANTED.config
    again = type(config).model_validate_json(config.model_dump_json(by_alias=True))

    assert again == config
    assert json.loads(config.model_dump_json(by_alias=True))["marks"]
