"""The preflight of a running daemon: looked at after every start and now and then, by a child, so that nobody waits.

Each finding is a warning in the log once; all of them are in the status, and the answer to the verb `doctor`.
"""

import json
import os
from contextlib import suppress
from functools import partial
from pathlib import Path
from typing import Any

from linkbalancer.clock import SECOND, Duration, Instant
from linkbalancer.config.model import Config
from linkbalancer.daemon.errand import Errand
from linkbalancer.daemon.logs import Log
from linkbalancer.daemon.loop import Loop
from linkbalancer.daemon.preflight import examine
from linkbalancer.daemon.questions import Questions
from linkbalancer.daemon.requests import Request

REPORT = "preflight.json"
"""The child's report in the run directory."""

WAIT: Duration = 1 * SECOND
"""How often it is tried whether the agent is there: before it has prepared the kernel, everything is missing."""

AGAIN: Duration = 600 * SECOND
"""How often the host is looked at again."""

PATIENCE: Duration = 90 * SECOND
"""How long the child may take: some programs that it asks may hang for their own patience each."""

WAITING_MAX = 64
"""Requests that wait for the first report; one more is told to ask again."""

TOLD_MAX = 1000
"""Findings remembered as told; more are told again."""


class Examination:
    """Looks at the host once the agent is there, and keeps what was found."""

    def __init__(self, loop: Loop, config: Config, run_dir: Path, agent: Questions, log: Log) -> None:
        self._loop, self._config, self._path, self._agent, self._log = loop, config, run_dir / REPORT, agent, log
        self._errand = Errand(loop, self._ended, PATIENCE)
        self._report: dict[str, Any] | None = None
        self._told: set[str] = set()
        self._waiting: list[Request] = []
        self._periodic = loop.every(WAIT, self._try)
        self._path.unlink(missing_ok=True)

    @property
    def findings(self) -> list[dict[str, Any]] | None:
        """What was found at the last look; None before the first."""
        return None if self._report is None else list(self._report["findings"])

    def look(self, config: Config | None = None) -> None:
        """Look soon: at the host as another configuration needs it, where one is given."""
        self._config = config or self._config
        self._periodic.interval, self._periodic.at = WAIT, self._loop.clock()

    def take(self, _now: Instant, request: Request) -> None:
        """Answer the verb `doctor`: the last report, or the first as soon as there is one."""
        if self._report is not None:
            request.answer(self._report)
        elif len(self._waiting) < WAITING_MAX:
            self._waiting.append(request)
        else:
            request.refuse("busy", "the host is being looked at for the first time", "ask again in some seconds")

    def close(self) -> None:
        """End the child."""
        self._errand.close()

    def _try(self, _now: Instant) -> None:
        if not self._errand.under_way:
            self._agent.ask("status", self._heard)

    def _heard(self, status: dict[str, Any] | None, _why: str) -> None:
        if status is None or self._errand.under_way:
            return
        self._periodic.interval = AGAIN
        self._periodic.at = self._loop.clock() + AGAIN
        try:
            self._errand.start(partial(_work, self._config, self._path))
        except OSError as error:
            self._complain(f"cannot fork: {error.strerror}")

    def _ended(self, _now: Instant, why: str | None) -> None:
        report = None
        if why is None:
            try:
                report = json.loads(self._path.read_bytes())
            except (OSError, ValueError) as error:
                why = str(error)
        if report is None:
            self._complain(str(why))
            return
        self._report = report
        for finding in report["findings"]:
            self._tell(finding)
        for request in self._waiting:
            request.answer(report)
        self._waiting.clear()

    def _tell(self, finding: dict[str, Any]) -> None:
        key = f"{finding['kind']} {finding['subject']}"
        if finding["severity"] != "note" and key not in self._told:
            if len(self._told) >= TOLD_MAX:
                self._told.clear()
            self._told.add(key)
            words = {name: finding[name] for name in ("kind", "subject", "breaks", "seen", "mend")}
            self._log.warning("preflight", **words)

    def _complain(self, why: str) -> None:
        if why not in self._told:
            self._told.add(why)
            self._log.warning("preflight not done", why=why)
        for request in self._waiting:
            request.refuse("unavailable", f"the host could not be looked at: {why}", "run `linkbalancer doctor` there")
        self._waiting.clear()


def _work(config: Config, path: Path) -> None:
    """Be the child."""
    with suppress(OSError):  # a sandbox may forbid it
        os.nice(10)
    report = json.dumps(examine(config, running=True).to_json())
    temporary = path.with_suffix(".new")
    temporary.write_text(report)
    temporary.replace(path)
