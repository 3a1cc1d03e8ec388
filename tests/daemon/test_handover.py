"""What a supervisor leaves to the new program, and how that reads it; the whole is in test_supervisor."""

import fcntl
import os
from pathlib import Path

import pytest

from linkbalancer import __version__
from linkbalancer.daemon import handover
from linkbalancer.daemon.handover import HANDOVER, TRIAL, Handover
from linkbalancer.daemon.lifeline import enclose
from linkbalancer.engine.orders import Kind, Request, Run

RUN = Run(Request({"id": "u1", "who": "root"}, Kind.UPGRADE), [("u1", 5), ("u2", 7)], 1)
LEFT = Handover(texts=b'{"a": "b\\n"}\n\0', run=RUN, waiting=(Run(Request({"id": "r1"}), [("r1", 9)]),), pids=(2, 3))


def test_what_is_left_is_what_is_received() -> None:
    """Texts, requests with those who wait, children, version."""
    environment = {HANDOVER: str(enclose(LEFT.encode())), "OTHER": "x"}
    assert handover.receive(environment) == LEFT
    assert environment == {"OTHER": "x"}


def test_the_lock_goes_along(tmp_path: Path) -> None:
    """It is held on, and is no child's."""
    descriptor = os.open(tmp_path / "lock", os.O_RDWR | os.O_CREAT)
    fcntl.flock(descriptor, fcntl.LOCK_EX)
    fcntl.fcntl(descriptor, fcntl.F_SETFD, 0)
    left = Handover(texts=b"", lock=descriptor)
    received = handover.receive({HANDOVER: str(enclose(left.encode()))})
    assert received is not None
    assert received.lock == descriptor
    assert not os.get_inheritable(descriptor)
    os.close(descriptor)


@pytest.mark.parametrize("content", [b"", b"nonsense", b"[]\n", b'{"lock": 1}\n'])
def test_nonsense_is_an_ordinary_start(content: bytes) -> None:
    """Whatever the variable names, the program starts."""
    assert handover.receive({HANDOVER: str(enclose(content))}) is None


@pytest.mark.parametrize("value", ["", "x", "-1", "99999"])
def test_no_descriptor_is_an_ordinary_start(value: str) -> None:
    """A variable that names nothing is removed all the same."""
    environment = {HANDOVER: value, TRIAL: value}
    assert handover.receive(environment) is None
    assert handover.texts_to_try(environment) is None
    assert environment == {}


def test_lines() -> None:
    """They say which version became which."""
    assert LEFT.lines == (f"version {__version__}, as before: started again in place",)
    assert Handover(texts=b"", version="0.0.9").lines == (f"version 0.0.9 -> {__version__}",)


def test_a_traceback_is_told_in_one_line() -> None:
    """Of what a trial wrote nobody needs more than what it comes to."""
    output = enclose(b"warning: x\nTraceback (most recent call last):\n  File ...\nImportError: no pydantic\n")
    assert handover.end_trial(output) == ("warning: x", "the new program fails: ImportError: no pydantic")
