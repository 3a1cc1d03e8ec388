"""A service with tiny workers, run as a process of its own: `python -m tests.daemon.tiny DIRECTORY`.

The workers are named in DIRECTORY/conf, one a line; a line `bad` is an error, `crash` in DIRECTORY/mood lets workers
crash at once. Each worker appends its process id to DIRECTORY/<name>.pids and the words it hears to <name>.heard.
"""

import os
import select
import sys
from pathlib import Path

from linkbalancer.clock import MILLISECOND, SECOND
from linkbalancer.daemon.lifeline import Hangup, Lifeline, Spoken
from linkbalancer.daemon.notify import Notifier
from linkbalancer.daemon.supervisor import Supervisor
from linkbalancer.daemon.zygote import Brood, RefusedError
from linkbalancer.engine.supervision import Patience

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
        self.directory = directory

    def birth(self, texts: bytes | None) -> Brood:
        """Read the configuration; `texts` is what an earlier zygote read."""
        append(self.directory / "births", "anew" if texts is None else "again")
        content = (self.directory / "conf").read_text() if texts is None else texts.decode()
        if "bad" in content.split():
            raise RefusedError("conf:1:1: bad is bad; write good")
        return Brood(tuple(content.split()), content.encode(), self.work)

    def work(self, name: str, lifeline: Lifeline) -> int:
        """Be a worker: beat, and do what the words say."""
        append(self.directory / f"{name}.pids", str(os.getpid()))
        mood = self.directory / "mood"
        if mood.exists() and mood.read_text() == name:
            return 3
        lifeline.say("ready")
        while True:
            heard, _, _ = select.select([lifeline], [], [], 0.1)
            if not heard:
                lifeline.say("beat")
                continue
            spoken = lifeline.hear()
            if isinstance(spoken, Hangup):
                append(self.directory / f"{name}.heard", "hangup")
                return 0
            if isinstance(spoken, Spoken):
                append(self.directory / f"{name}.heard", spoken.word)
                return 0


def say(name: str, text: str, *, grave: bool) -> None:
    """Write a line to standard error."""
    sys.stderr.write(f"{'!' if grave else '.'} {name} {text}\n")
    sys.stderr.flush()


if __name__ == "__main__":
    work = Work(Path(sys.argv[1]))
    sys.exit(Supervisor(work.birth, say, patience=PATIENCE, notifier=Notifier()).run())
