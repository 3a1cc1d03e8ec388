"""A lab for people: a process of its own owns it until it is told to end, so that the command line comes back."""

import contextlib
import json
import os
import signal
import sys
import time
from dataclasses import dataclass
from pathlib import Path

from linkbalancer.lab.errors import LabError, MissingError, StartError
from linkbalancer.lab.lab import opened
from linkbalancer.lab.run import Run, runs
from linkbalancer.lab.settle import await_answers

_DOWN_LIMIT_S = 20.0

_ERRORS = {"missing": MissingError, "silent": StartError, "failed": LabError}
"""What a keeper can say instead of `up`, each the more special first."""


@dataclass(frozen=True, slots=True)
class KeptLab:
    """A lab that a keeper keeps up: its topology's name and its nodes."""

    run: Run
    topology: str
    nodes: tuple[str, ...]


def bring_up(path: Path) -> KeptLab:
    """Start a keeper that builds the lab of a configuration directory; return once its daemons answer.

    An interruption (Ctrl-C) ends the keeper too, and what it has built, before it is passed on.

    Raises:
        LabError: It could not be built; MissingError names the right or feature that is missing, StartError the daemon
            that does not come up.
    """
    reader, writer = os.pipe()
    pid = os.fork()
    if pid == 0:
        os.close(reader)
        _keep(path, writer)
    os.close(writer)
    try:
        with os.fdopen(reader) as words:
            answer = words.read()
    except KeyboardInterrupt:
        os.kill(pid, signal.SIGTERM)
        os.waitpid(pid, 0)
        raise
    kind, _, text = answer.partition(" ")
    if kind != "up":
        os.waitpid(pid, 0)  # it clears what it had built, and then ends
        raise _ERRORS.get(kind, LabError)(text or "the lab's keeper ended without a word")
    return next(lab for lab in kept_labs() if lab.run.name == text)


def _keep(path: Path, writer: int) -> None:
    """Be the keeper: build, say so on `writer`, wait for the end. Never returns."""
    status = 1
    try:
        os.setsid()
        with opened(path) as lab:
            lab.start()
            await_answers(lab)
            description = {"topology": lab.topology.name, "nodes": lab.topology.nodes}
            (lab.run.directory / "lab.json").write_text(json.dumps(description))
            _say(writer, f"up {lab.run.name}")
            while True:
                time.sleep(3600)
    except LabError as error:
        kind = next(kind for kind, known in _ERRORS.items() if isinstance(error, known))
        _say(writer, f"{kind} {error}")
    except KeyboardInterrupt:
        status = 0
    finally:
        os._exit(status)


def _say(writer: int, text: str) -> None:
    """Give the waiting command its answer, and let go of its terminal."""
    os.write(writer, text.encode())
    os.close(writer)
    quiet = os.open(os.devnull, os.O_RDWR)
    sys.stdout.flush()
    for descriptor in (0, 1, 2):
        os.dup2(quiet, descriptor)


def kept_labs() -> list[KeptLab]:
    """Return the labs that are up, the oldest first (drills are not among them)."""
    found = []
    for run in runs():
        with contextlib.suppress(OSError, ValueError):
            description = json.loads((run.directory / "lab.json").read_text())
            if run.alive:
                found.append(KeptLab(run, description["topology"], tuple(description["nodes"])))
    return found


def dead_runs() -> list[Run]:
    """Return the labs and drills that were killed and left something behind, the oldest first."""
    return [run for run in runs() if not run.alive]


def take_down(lab: KeptLab) -> None:
    """Ask a lab's keeper to end, and wait until everything is gone; LabError when it does not."""
    with contextlib.suppress(ProcessLookupError):
        os.kill(lab.run.owner, signal.SIGTERM)
    deadline = time.monotonic() + _DOWN_LIMIT_S
    while lab.run.alive:
        if time.monotonic() > deadline:
            raise LabError(f"the lab {lab.run.name} did not end within {_DOWN_LIMIT_S:.0f} s")
        time.sleep(0.05)
    lab.run.clear()
