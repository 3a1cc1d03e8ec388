"""A service with tiny workers, run as a process of its own: `python -m tests.daemon.tiny DIRECTORY`.

The workers are named in DIRECTORY/conf, one a line, `NAME` or `NAME=SPEC`; a line `bad` is an error, a worker's name in
DIRECTORY/mood lets it crash at once. Each worker appends its process id to DIRECTORY/<name>.pids and the words it hears
to <name>.heard. A line `foreign` is code of others: the next zygote is no fork of one that has that. DIRECTORY/kin has
a line for each zygote: how many zygotes there are before it whose fork it is, DIRECTORY/ahead one for each that worked
ahead.

Agent and applications go on as orphans, like real ones. The agent succeeds an incumbent, whose process id is in
DIRECTORY/incumbent: it has it end by SIGUSR1. `deaf` in DIRECTORY/mood lets the successor of an agent never come up,
words in DIRECTORY/flaw let a trial fail. The api hands on what is written to DIRECTORY/asked, `KIND JSON` a line, and
appends outcomes to DIRECTORY/outcomes.
"""

import contextlib
import os
import select
import signal
import sys
import time
from pathlib import Path

from linkbalancer.clock import MILLISECOND, SECOND
from linkbalancer.daemon import handover
from linkbalancer.daemon.lifeline import Lifeline, Spoken, enclosed
from linkbalancer.daemon.notify import Notifier
from linkbalancer.daemon.supervisor import Supervisor
from linkbalancer.daemon.zygote import Brood, Order, RefusedError
from linkbalancer.engine.patience import Patience

ORPHAN_S = 5
"""How long an orphan of these lives."""

PATIENCE = Patience(
    birth=5 * SECOND,
    silence=1500 * MILLISECOND,
    leave=2 * SECOND,
    obey=1 * SECOND,
    delay=20 * MILLISECOND,
    delay_max=100 * MILLISECOND,
    deaths=5,
    window=20 * SECOND,
    rest=60 * SECOND,
)


def append(path: Path, line: str) -> None:
    """Add a line to a file in one write."""
    with path.open("a") as file:
        file.write(f"{line}\n")


class Work:
    """The workers, as files show them."""

    def __init__(self, directory: Path) -> None:
        """Work in a directory."""
        self.directory, self.ancestors = directory, 0

    def birth(self, order: Order) -> Brood:
        """Read the configuration, or what an earlier zygote read."""
        anew = order.texts is None or order.request is not None
        append(self.directory / "births", "anew" if anew else "again")
        append(self.directory / "kin", str(self.ancestors))
        self.ancestors += 1
        content = (self.directory / "conf").read_text() if anew else (order.texts or b"").decode()
        if "bad" in content.split():
            raise RefusedError("conf:1:1: bad is bad; write good")
        specs = {name: spec for name, _, spec in (line.partition("=") for line in content.split())}
        foreign = specs.pop("foreign", None) is not None
        return Brood(specs, content.encode(), self.work, {"read": content}, foreign, self.ahead)

    def ahead(self) -> None:
        """Work ahead, as everybody does."""
        append(self.directory / "ahead", str(os.sched_getscheduler(0)))

    def work(self, name: str, lifeline: Lifeline) -> int:
        """Be a worker: beat, and do what the words say."""
        append(self.directory / f"{name}.pids", str(os.getpid()))
        mood = self.directory / "mood"
        if mood.exists() and mood.read_text() == name:
            return 3
        if name.startswith("agent"):
            self._succeed(name)
        lifeline.say("ready")
        while True:
            heard, _, _ = select.select([lifeline], [], [], 0.1)
            if not heard:
                lifeline.say("beat")
                self._ask(name, lifeline)
                continue
            spoken = lifeline.hear()
            if isinstance(spoken, Spoken) and spoken.word == "outcome" and spoken.descriptor is not None:
                append(self.directory / "outcomes", enclosed(spoken.descriptor).decode())
                os.close(spoken.descriptor)
                continue
            if isinstance(spoken, Spoken):
                append(self.directory / f"{name}.heard", spoken.word)
                return 0
            append(self.directory / f"{name}.heard", "hangup")
            if name == "api":
                return 0
            time.sleep(ORPHAN_S)
            return 0

    def _succeed(self, name: str) -> None:
        """Have the incumbent end."""
        signal.signal(signal.SIGUSR1, lambda _number, _frame: os._exit(0))
        mood = self.directory / "mood"
        if name == "agent+" and mood.exists() and mood.read_text() == "deaf":
            time.sleep(60)
        path = self.directory / "incumbent"
        if path.exists():
            with contextlib.suppress(ProcessLookupError):
                os.kill(int(path.read_text()), signal.SIGUSR1)
        path.write_text(str(os.getpid()))

    def _ask(self, name: str, lifeline: Lifeline) -> None:
        path = self.directory / "asked"
        if name == "api" and path.exists():
            for line in path.read_text().splitlines():
                lifeline.tell(line.partition(" ")[0], line.partition(" ")[2].encode())
            path.unlink()


def say(name: str, text: str, *, grave: bool) -> None:
    """Write a line to standard error."""
    sys.stderr.write(f"{'!' if grave else '.'} {name} {text}\n")
    sys.stderr.flush()


if __name__ == "__main__":
    work = Work(Path(sys.argv[1]))
    tried = handover.texts_to_try()
    if tried is not None:
        try:
            work.birth(Order(tried))
        except RefusedError as refused:
            sys.exit(str(refused))
        sys.exit((work.directory / "flaw").read_text() if (work.directory / "flaw").exists() else 0)
    sys.exit(Supervisor(work.birth, say, patience=PATIENCE, notifier=Notifier(), inherited=handover.receive()).run())
