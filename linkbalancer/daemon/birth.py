"""How a zygote of the gateway's daemon comes up: it reads the configuration, and knows what each worker does.

Everything that is read from disk is kept as texts, keys included, in the supervisor's memory file: a worker that is
started again hours later is of the configuration in force, whatever has been edited meanwhile.
"""

import sys
from dataclasses import dataclass
from functools import partial
from pathlib import Path

from linkbalancer.daemon import agent, api, application
from linkbalancer.daemon.chosen import FOLDER, Chooser
from linkbalancer.daemon.configurations import Configurations
from linkbalancer.daemon.judge import judge
from linkbalancer.daemon.lifeline import Lifeline
from linkbalancer.daemon.zygote import Brood
from linkbalancer.engine.supervision import AGENT, API
from linkbalancer.routing.classifier import compile_rules

PREFIX = "app:"
"""How an application's process is called before the application's own name."""


@dataclass(frozen=True, slots=True)
class Directories:
    """Where the daemon keeps what it needs while it runs (`run`, a tmpfs), and what it needs for ever (`state`)."""

    run: Path
    state: Path


def birth(path: str, directories: Directories, kept: bytes | None) -> Brood:
    """Read the configuration at `path` (or, with `kept`, as it was read before) and return what can be forked of it.

    Raises:
        RefusedError: with a line for each error.
    """
    store = Configurations(directories.state / FOLDER, warn=_tell)
    chosen = Chooser(path, store, partial(judge, path)).choose(kept, None)
    judged = chosen.judged
    loaded, keys, read = judged.loaded, judged.keys, judged.texts.read
    classifier = compile_rules(loaded.rules)
    _ = classifier.digest  # compiled once, here: whoever is forked of this has it, and an old agent works meanwhile
    if kept is None:
        for line in (*judged.warnings, *chosen.notice["lines"]):
            _tell(line)

    def work(name: str, lifeline: Lifeline) -> int:
        if name == AGENT:
            return agent.run(loaded, classifier, keys, lifeline, run_dir=directories.run, state_dir=directories.state)
        if name == API:
            return api.run(loaded, lifeline, chosen.notice, run_dir=directories.run, state_dir=directories.state)
        return application.run(name.removeprefix(PREFIX), loaded, read, lifeline, directories.run)

    workers = (AGENT, API, *(PREFIX + name for name in loaded.rules.applications))
    return Brood(workers, chosen.bundle(), work)


def _tell(line: str) -> None:
    sys.stderr.write(f"{line}\n")
