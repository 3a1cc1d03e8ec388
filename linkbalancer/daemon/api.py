"""The api's process: answers whoever may ask, so that the agent talks to nobody but its own daemon.

Two sockets, told apart by who may open them (docs/api.md): `query.sock` only answers, `control.sock` also does. A verb
is a function that takes a request and answers it, now or later; what the agent must know or do, it is asked for.
"""

import gc
import os
import time
from collections.abc import Mapping, Sequence
from contextlib import suppress
from functools import partial
from pathlib import Path
from typing import Any

from linkbalancer.clock import SECOND, Instant
from linkbalancer.config.load import Loaded
from linkbalancer.daemon import capabilities, logs, namefile
from linkbalancer.daemon.admission import admit
from linkbalancer.daemon.annals import Annals
from linkbalancer.daemon.changes import Changes
from linkbalancer.daemon.configurations import Configurations
from linkbalancer.daemon.counting import Counting
from linkbalancer.daemon.deeds import Deeds
from linkbalancer.daemon.drainfile import DrainFile
from linkbalancer.daemon.draining import Draining
from linkbalancer.daemon.examination import Examination
from linkbalancer.daemon.keeper import Keeper, Ways
from linkbalancer.daemon.lifeline import Hangup, Lifeline
from linkbalancer.daemon.loop import Loop
from linkbalancer.daemon.metrics import expose
from linkbalancer.daemon.notices import Notices
from linkbalancer.daemon.overview import Overview
from linkbalancer.daemon.questions import Questions
from linkbalancer.daemon.recording import Recording
from linkbalancer.daemon.requests import Request
from linkbalancer.daemon.scope import FOLDER
from linkbalancer.daemon.scrape import Answer, ScrapeServer
from linkbalancer.daemon.server import RequestServer
from linkbalancer.daemon.verbs import Verb, list_of
from linkbalancer.daemon.zygote import CALM_BEAT
from linkbalancer.engine.naming.overview import overview

QUERY = "query.sock"
CONTROL = "control.sock"


def run(loaded: Loaded, lifeline: Lifeline, notice: Mapping[str, Any], *, run_dir: Path, state_dir: Path) -> int:
    """Be the api's process until told to end; return the exit status."""
    log = logs.start(process="api")
    try:
        process = ApiProcess(loaded, lifeline, log, notice, run_dir=run_dir, state_dir=state_dir)
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
        notice: Mapping[str, Any],
        *,
        run_dir: Path,
        state_dir: Path,
    ) -> None:
        """Listen; raises OSError."""
        self._lifeline, self._log, self._run_dir, self._state_dir = lifeline, log, run_dir, state_dir
        self._loop = Loop()
        self._agent, self._notices = Questions(self._loop, run_dir / "agent.sock"), Notices(self._loop, run_dir)
        self._recording = Recording(run_dir, "api", self._loop.clock())
        self._loop.watch(self._recording)
        self._changes = Changes(lifeline)
        self._keeper = self._new_keeper(notice, deeds := Deeds(self._recording.tell))
        self._changes.told = self._concluded
        self._overview = Overview(self._agent, self._loop.clock)
        drained, forget = DrainFile(state_dir), self._overview.forget
        self._draining = Draining(self._loop, self._agent, drained, log, forget, deeds=deeds)
        self._examination = Examination(self._loop, loaded.config, self._agent, log, lost=self._loop.stop)
        self._counting = Counting(self._loop, loaded.config, self._agent, run_dir, log, lost=self._loop.stop)
        self._overview.parts += [self._draining.part, self._part, self._notices.part, self._counting.part]
        self.verbs: dict[str, Verb] = {
            "status": self._overview.verb(),
            **self._draining.verbs(),
            **self._changes.verbs(),
            **self._keeper.verbs(),
            **Annals(state_dir).verbs(),
            **self._examination.verbs(),
            **self._notices.verbs(),
        }
        self.verbs["verbs"] = list_of(self.verbs)
        place, groups = loaded.config.metrics.listen, loaded.config.api
        readers = (groups.readers, groups.operators)
        self._query = self._listen(QUERY, readers, operator=False)
        self._control = self._listen(CONTROL, (groups.operators,), operator=True)
        self._scrape = ScrapeServer(self._loop, place, run_dir, self._metrics, complain=log.warning, groups=readers)

    def run(self) -> int:
        """Turn until told to end; whoever listens to strangers has no right beyond the sockets that it opened."""
        capabilities.keep()
        self._loop.add(self._lifeline, self._hear)
        self._loop.every(CALM_BEAT, lambda _now: self._beat())
        self._loop.every(SECOND, self._keeper.tick)
        self._loop.every(SECOND, self._keep_place)
        gc.freeze()
        self._lifeline.say("ready")
        self._loop.run()
        self.close()
        return 0

    def close(self) -> None:
        """Hang up on everybody."""
        self._query.close()
        self._control.close()
        self._scrape.close()
        self._examination.close()
        self._counting.close()
        self._notices.close()
        self._agent.close()
        self._recording.close()

    def _listen(self, name: str, groups: Sequence[str], *, operator: bool) -> RequestServer:
        def opened() -> None:
            for wrong in admit(self._run_dir / name, groups):
                self._log.info("only root may use it", socket=name, why=wrong)

        return RequestServer(self._loop, self._run_dir / name, partial(self._take, operator=operator), opened=opened)

    def _keep_place(self, _now: Instant) -> None:
        """Be found even when somebody empties the run directory."""
        with suppress(OSError):
            self._query.keep()
            self._control.keep()

    def _part(self, _status: Mapping[str, Any]) -> Mapping[str, Any]:
        """Return what this process alone knows, for a status."""
        in_force = self._keeper.configuration(self._loop.clock())
        names = overview(namefile.document(self._run_dir), time.clock_gettime(time.CLOCK_REALTIME))
        return {"configuration": in_force, "preflight": self._examination.findings, "names": names}

    def _metrics(self, answer: Answer) -> None:
        self._agent.ask("status", lambda status, _why: answer(expose(status and self._overview.complete(status))))

    def _concluded(self, outcome: Mapping[str, Any]) -> None:
        """Have the keeper know of an outcome; another configuration needs another look at the host."""
        self._keeper.outcome(self._loop.clock(), outcome)
        config = self._keeper.config() if outcome["result"] == "applied" else None
        if config is not None:
            self._examination.look(config)
            self._counting.look(config)

    def _beat(self) -> None:
        self._lifeline.say("beat")

    def _new_keeper(self, notice: Mapping[str, Any], deeds: Deeds) -> Keeper:
        kept = Configurations(
            self._state_dir / FOLDER, warn=lambda text: self._log.warning("configurations", text=text)
        )

        def reload(request: Mapping[str, Any]) -> bool:
            self._changes.ask("reload", request, lambda _outcome: None)  # the keeper is told of every outcome
            return True

        return Keeper(kept, notice, Ways(reload, self._agent.ask, self._log, deeds), self._loop.clock)

    def _hear(self, _now: Instant) -> None:
        spoken = self._lifeline.hear()
        if isinstance(spoken, Hangup):
            os._exit(0)
        if spoken is not None and not self._changes.hear(
            spoken
        ):  # leave, end, renew: nothing is lost by ending at once
            self._loop.stop()

    def _take(self, now: Instant, request: Request, *, operator: bool) -> None:
        verb = self.verbs.get(request.verb)
        if verb is None:
            known = ", ".join(sorted(self.verbs))
            request.refuse("usage", f"there is no verb {request.verb!r}", f"use one of: {known}")
        elif verb.changes and not operator:
            request.refuse("rights", f"{request.verb} changes something", f"ask over {CONTROL}")
        elif (fault := verb.fault(request.arguments)) is not None:
            request.refuse("usage", f"{request.verb}: {fault[0]}", fault[1])
        else:
            verb.take(now, request)
