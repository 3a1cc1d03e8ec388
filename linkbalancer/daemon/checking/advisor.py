"""Whoever answers for one plug-in: a process that is asked one thing at a time, and ended where that takes too long.

After such an end it rests, longer each time, and what it did not answer is asked again. What waits to be asked is
bounded by the links and VIDs that it weighs: a newer question about the same takes the older one's place.
"""

import json
import os
import signal
import socket
from collections.abc import Callable
from contextlib import suppress
from dataclasses import dataclass
from typing import Final, TypeAlias

from linkbalancer.clock import SECOND, Duration, Instant, in_words
from linkbalancer.daemon.checking import advice
from linkbalancer.daemon.loop import Loop
from linkbalancer.host.users import UserError
from linkbalancer.links import GroupId
from linkbalancer.weights.plugin import troubled
from linkbalancer.weights.question import Key, Question, Reply, answer_from_json
from linkbalancer.weights.view import Answer

LATE: Final[Duration] = SECOND
"""So long an answer is waited for, then its process is ended."""

REST_LEAST: Final[Duration] = SECOND
REST_MOST: Final[Duration] = 300 * SECOND
"""How long a plug-in is left alone after its process ended: first, and at most (doubling in between)."""

FORGIVEN: Final[Duration] = 600 * SECOND
"""After so long without an end the next one counts as the first."""

_LIMIT: Final = 4096
"""Bytes of an answer."""

Told: TypeAlias = Callable[[Instant, list[Reply]], None]


@dataclass(frozen=True, slots=True)
class _Process:
    """The one that is asked."""

    pid: int
    line: socket.socket


class Advisor:
    """One plug-in.

    Args:
        name: the plug-in's.
        loop: what turns.
        told: takes what it answers.
    """

    def __init__(self, name: str, loop: Loop, told: Told) -> None:
        self._name, self._loop, self._told = name, loop, told
        self._waiting: dict[Key, Question] = {}
        self._about: set[Key] = set()
        self._asked: Question | None = None
        self._process: _Process | None = None
        self._due: Instant | None = None
        self._rest = REST_LEAST
        self._ended_at: Instant | None = None

    @property
    def pid(self) -> int | None:
        """The process that is asked, None while there is none."""
        return None if self._process is None else self._process.pid

    def ask(self, now: Instant, question: Question) -> None:
        """Ask this as soon as may be."""
        self._about.add(question.key)
        self._waiting[question.key] = question
        self._go_on(now)

    def forget(self) -> None:
        """Ask nothing more of what was to be asked; an answer that is under way is nobody's."""
        self._waiting.clear()
        self._about.clear()

    def close(self) -> None:
        """End the process."""
        self.forget()
        self._bury()

    def deadline(self) -> Instant | None:
        """Return when an answer is late, or a rest over."""
        return self._due

    def expire(self, now: Instant) -> None:
        """End a process that does not answer, or go on after a rest."""
        self._due = None
        if self._asked is not None:
            self._fail(now, f"no answer within {in_words(LATE)}")
        else:
            self._go_on(now)

    def _go_on(self, now: Instant) -> None:
        """Ask the next thing, unless something is asked, or it rests."""
        if self._asked is not None or self._due is not None or not self._waiting:
            return
        if self._process is None and not self._start(now):
            return
        assert self._process is not None
        key = next(iter(self._waiting))
        self._asked, self._due = self._waiting.pop(key), now + LATE
        try:
            self._process.line.send(json.dumps(self._asked.to_json()).encode(), socket.MSG_NOSIGNAL)
        except OSError:
            self._fail(now, "its process has ended")

    def _start(self, now: Instant) -> bool:
        try:
            pid, line = advice.start(self._name)
        except (OSError, UserError) as error:
            self._fail(now, f"it cannot be run: {error}")
            return False
        self._process = _Process(pid, line)
        self._loop.add(line, self._read)
        return True

    def _read(self, now: Instant) -> None:
        assert self._process is not None
        try:
            data = self._process.line.recv(_LIMIT)
        except BlockingIOError:
            return
        except OSError:
            data = b""
        if not data:
            self._fail(now, "")
            return
        answer, asked = _read(data), self._asked
        if answer is None or asked is None:
            self._fail(now, "its process said what is no answer")
            return
        self._asked = self._due = None
        if asked.key in self._about:
            self._told(now, [_reply(asked.key, self._name, answer)])
        self._go_on(now)

    def _fail(self, now: Instant, why: str) -> None:
        """End the process, say that nothing is known, and rest."""
        asked, self._asked = self._asked, None
        ended = self._bury()
        if asked is not None and asked.key in self._about:
            self._waiting.setdefault(asked.key, asked)
        if self._ended_at is not None and now - self._ended_at > FORGIVEN:
            self._rest = REST_LEAST
        self._ended_at = now
        self._due, rest = now + self._rest, self._rest
        self._rest = min(2 * self._rest, REST_MOST)
        answer = troubled(why or f"its process {ended}", f"it is asked again in {in_words(rest)}")
        self._told(now, [_reply(key, self._name, answer) for key in sorted(self._about)])

    def _bury(self) -> str:
        """End the process and all of its session; return how it has ended."""
        process, self._process = self._process, None
        if process is None:
            return "was not there"
        self._loop.remove(process.line)
        process.line.close()
        with suppress(ProcessLookupError, PermissionError):
            os.killpg(process.pid, signal.SIGKILL)  # its id is its own until it is waited for
        with suppress(ProcessLookupError, PermissionError):
            os.kill(process.pid, signal.SIGKILL)
        _pid, status = os.waitpid(process.pid, 0)
        code = os.waitstatus_to_exitcode(status)
        return f"ended by signal {-code}" if code < 0 else f"ended with status {code}"


def _reply(key: Key, name: str, answer: Answer) -> Reply:
    link, group = key
    assert isinstance(group, GroupId)
    return Reply(link, group, name, answer)


def _read(data: bytes) -> Answer | None:
    """Return an answer, None for what is none: a stranger's code says it."""
    try:
        return answer_from_json(json.loads(data))
    except (AttributeError, LookupError, RecursionError, TypeError, ValueError):
        return None
