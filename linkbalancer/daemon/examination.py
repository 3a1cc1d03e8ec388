"""The preflight of a running daemon: looked at after every start and now and then, by a child, so that nobody waits.

Each finding is a warning in the log once; all of them are in the status, and the answer to the verb `doctor`.
"""

from collections.abc import Callable
from typing import Any

from linkbalancer.clock import SECOND, Duration, Instant
from linkbalancer.config.model import Config
from linkbalancer.daemon.examiner import Examiner
from linkbalancer.daemon.logs import Log
from linkbalancer.daemon.loop import Loop
from linkbalancer.daemon.questions import Questions
from linkbalancer.daemon.requests import Request
from linkbalancer.daemon.verbs import Verb

WAIT: Duration = 1 * SECOND
"""How often it is tried whether the agent is there: before it has prepared the kernel, everything is missing."""

AGAIN: Duration = 600 * SECOND
"""How often the host is looked at again."""

SOON: Duration = 60 * SECOND
"""How soon after errors, so that one that was mended does not stand in the status for long."""

WAITING_MAX = 64
"""Requests that wait for the first report; one more is told to ask again."""

TOLD_MAX = 1000
"""Findings remembered as told; more are told again."""


class Examination:
    """Looks at the host once the agent is there, and keeps what was found.

    Made before its process gives up any right: the child that looks keeps those of that moment. `lost` is called when
    it has died: its rights are gone with it, and only a new process has them. Raises OSError.
    """

    def __init__(self, loop: Loop, config: Config, agent: Questions, log: Log, *, lost: Callable[[], None]) -> None:
        self._loop, self._config, self._agent, self._log, self._lost = loop, config, agent, log, lost
        self._examiner = Examiner(loop, self._examined)
        self._report: dict[str, Any] | None = None
        self._told: set[str] = set()
        self._waiting: list[Request] = []
        self._periodic = loop.every(WAIT, self._try)

    @property
    def findings(self) -> list[dict[str, Any]] | None:
        """What was found at the last look; None before the first."""
        return None if self._report is None else list(self._report["findings"])

    def verbs(self) -> dict[str, Verb]:
        """Return the verb."""
        about = "Tells what on this host would break steering or failover, as seen at the last look."
        return {"doctor": Verb(take=self.take, about=about, arguments={})}

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
        self._examiner.close()

    def _try(self, _now: Instant) -> None:
        if not self._examiner.busy:
            self._agent.ask("status", self._heard)

    def _heard(self, status: dict[str, Any] | None, _why: str) -> None:
        if status is not None:
            self._periodic.interval = AGAIN
            self._periodic.at = self._loop.clock() + AGAIN
            self._examiner.ask(self._config)

    def _examined(self, report: dict[str, Any] | None, why: str) -> None:
        waiting, self._waiting = self._waiting, []
        if report is None:
            self._tell(why, "preflight not done", why=why)
            for request in waiting:
                what = f"the host could not be looked at: {why}"
                request.refuse("unavailable", what, "run `linkbalancer doctor` there")
            if self._report is not None and self._examiner.pid is None:
                self._lost()
            return
        self._report = report
        if any(finding["severity"] == "error" for finding in report["findings"]):
            self._periodic.at = self._loop.clock() + SOON
        for finding in report["findings"]:
            if finding["severity"] != "note":
                words = {name: finding[name] for name in ("kind", "subject", "breaks", "seen", "mend")}
                self._tell(f"{finding['kind']} {finding['subject']}", "preflight", **words)
        for one in report["unseen"]:
            self._tell(f"unseen {one['what']}", "preflight: not seen", what=one["what"], why=one["why"])
        for request in waiting:
            request.answer(report)

    def _tell(self, key: str, event: str, **words: str) -> None:
        """Write a line the first time."""
        if key not in self._told:
            if len(self._told) >= TOLD_MAX:
                self._told.clear()
            self._told.add(key)
            self._log.warning(event, **words)
