"""The api's process: answers whoever may ask, so that the agent talks to nobody but its own daemon.

Two sockets, told apart by who may open them (docs/api.md): `query.sock` only answers, `control.sock` also does. A verb
is a function that takes a request and answers it, now or later; what the agent must know or do, it is asked for.
"""

import gc
import os
from collections.abc import Callable
from dataclasses import dataclass
from functools import partial
from pathlib import Path
from typing import Any, TypeAlias

from linkbalancer.clock import Instant
from linkbalancer.config.load import Loaded
from linkbalancer.daemon import logs
from linkbalancer.daemon.lifeline import Hangup, Lifeline
from linkbalancer.daemon.loop import Loop
from linkbalancer.daemon.questions import Questions
from linkbalancer.daemon.requests import Request, RequestServer
from linkbalancer.daemon.zygote import BEAT

QUERY = "query.sock"
CONTROL = "control.sock"

READERS = "linkbalancer-read"
OPERATORS = "linkbalancer-operate"
"""The groups that may ask, and that may do (systemd/sysusers.conf)."""

Take: TypeAlias = Callable[[Instant, Request], None]


@dataclass(frozen=True, slots=True)
class Verb:
    """What can be asked for: how it is answered, and whether it changes something (for `control.sock` alone)."""

    take: Take
    changes: bool = False


def run(loaded: Loaded, lifeline: Lifeline, *, run_dir: Path, state_dir: Path) -> int:
    """Be the api's process until told to end; return the exit status."""
    log = logs.start(process="api")
    try:
        process = ApiProcess(loaded, lifeline, log, run_dir=run_dir, state_dir=state_dir)
    except OSError as error:
        log.critical("cannot start", why=str(error))
        return 1
    return process.run()


class ApiProcess:
    """The sockets, and the verbs by name."""

    def __init__(
        self,
        loaded: Loaded,
        lifeline: Lifeline,
        log: logs.Log,
        *,
        run_dir: Path,
        state_dir: Path,
    ) -> None:
        """Listen; raises OSError."""
        self._loaded, self._lifeline, self._log = loaded, lifeline, log
        self._run_dir, self._state_dir = run_dir, state_dir
        self._loop = Loop()
        self._agent = Questions(self._loop, run_dir / "agent.sock")
        self._verbs: dict[str, Verb] = {"status": Verb(self._status)}
        self._query = RequestServer(self._loop, run_dir / QUERY, partial(self._take, operator=False), READERS)
        self._control = RequestServer(self._loop, run_dir / CONTROL, partial(self._take, operator=True), OPERATORS)

    def run(self) -> int:
        """Turn until told to end."""
        self._loop.add(self._lifeline, self._hear)
        self._loop.every(BEAT, lambda _now: self._beat())
        gc.freeze()
        self._lifeline.say("ready")
        self._loop.run()
        self._query.close()
        self._control.close()
        return 0

    def _beat(self) -> None:
        self._lifeline.say("beat")

    def _hear(self, _now: Instant) -> None:
        spoken = self._lifeline.hear()
        if isinstance(spoken, Hangup):
            os._exit(0)
        if spoken is not None:  # leave, end or renew: nothing is lost by ending at once
            self._loop.stop()

    def _take(self, now: Instant, request: Request, *, operator: bool) -> None:
        verb = self._verbs.get(request.verb)
        if verb is None:
            known = ", ".join(sorted(self._verbs))
            request.refuse("usage", f"there is no verb {request.verb!r}", f"use one of: {known}")
        elif verb.changes and not operator:
            request.refuse("rights", f"{request.verb} changes something", f"ask over {CONTROL}")
        else:
            verb.take(now, request)

    def _status(self, _now: Instant, request: Request) -> None:
        def heard(status: dict[str, Any] | None, why: str) -> None:
            if status is None:
                request.refuse(
                    "unavailable", f"the agent does not answer: {why}", "ask again; if it lasts, see the log"
                )
            else:
                request.answer(status)

        self._agent.ask("status", heard)
