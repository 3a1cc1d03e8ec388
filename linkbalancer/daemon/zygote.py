"""The zygote: a process that has imported everything and read the configuration once, and forks workers on request.

A worker forked from it starts in milliseconds and shares its memory. It forks twice: the process in between ends at
once, so that the worker becomes the supervisor's own child (a subreaper adopts orphans) and outlives the zygote. The
configuration's texts live in a memory file that the supervisor keeps: a zygote born after an edit, but before a reload,
still speaks for the configuration in force.
"""

import gc
import os
import signal
import socket
import sys
import traceback
from collections.abc import Callable
from dataclasses import dataclass
from select import select
from typing import NoReturn, TypeAlias

from linkbalancer.clock import MILLISECOND, SECOND, Duration
from linkbalancer.daemon.lifeline import Hangup, Lifeline, call_myself, die_with_parent
from linkbalancer.engine.supervision import REFUSED, Word

BEAT: Duration = 400 * MILLISECOND
"""How often a child says that it is alive; several fit into the supervisor's patience."""

CRASHED = 70
"""Exit status of a child that ended by an exception of its own (EX_SOFTWARE)."""


class RefusedError(Exception):
    """The configuration has errors; the arguments are the lines to tell."""


@dataclass(frozen=True, slots=True)
class Brood:
    """What a zygote can fork: the workers' names, what they do, and the texts they were read from.

    `work(name, lifeline)` is a worker's whole life and returns its exit status.
    """

    workers: tuple[str, ...]
    texts: bytes
    work: Callable[[str, Lifeline], int]


Birth: TypeAlias = Callable[[bytes | None], Brood]
"""Imports everything and reads the configuration: from the files (None), or from the texts of an earlier brood."""


def live(lifeline: Lifeline, birth: Birth, texts: int | None, supervisor: int) -> NoReturn:
    """Be the zygote until the supervisor is gone.

    Args:
        lifeline: the line to the supervisor.
        birth: imports everything and reads the configuration.
        texts: the memory file of the configuration in force, None to read the files.
        supervisor: the supervisor's process id.
    """
    quiet_signals()
    die_with_parent(supervisor)
    call_myself("lb:zygote")
    try:
        brood = birth(None if texts is None else _read(texts))
    except RefusedError as refused:
        sys.stderr.write("".join(f"{line}\n" for line in refused.args))
        sys.stderr.flush()
        os._exit(REFUSED)
    except BaseException:  # noqa: BLE001 - a zygote never unwinds into the supervisor's frames
        crash()
    _offer(lifeline, brood)
    gc.collect()
    gc.freeze()  # what is shared stays shared: the collector does not write into it any more
    while True:
        heard, _, _ = select([lifeline], [], [], BEAT / SECOND)
        if not heard:
            lifeline.say("beat")
            continue
        spoken = lifeline.hear()
        if isinstance(spoken, Hangup) or (spoken is not None and spoken.word == Word.END):
            os._exit(0)
        if spoken is not None and spoken.word == "spawn" and spoken.descriptor is not None:
            _beget(lifeline, brood, spoken.arguments[0], spoken.descriptor, supervisor)


def quiet_signals() -> None:
    """Leave Ctrl-C and reload requests to the supervisor, and take SIGTERM and SIGCHLD as everybody does."""
    signal.set_wakeup_fd(-1)
    for number in (signal.SIGINT, signal.SIGHUP):
        signal.signal(number, signal.SIG_IGN)
    for number in (signal.SIGTERM, signal.SIGCHLD):
        signal.signal(number, signal.SIG_DFL)


def crash() -> NoReturn:
    """Say what happened and end, running nobody's clean-up but the stream's own."""
    traceback.print_exc()
    sys.stderr.flush()
    os._exit(CRASHED)


def _offer(lifeline: Lifeline, brood: Brood) -> None:
    descriptor = os.memfd_create("linkbalancer-configuration")
    with os.fdopen(descriptor, "wb") as file:
        file.write(_frame(brood))
        file.flush()
        lifeline.say("configured", descriptor=descriptor)


def _frame(brood: Brood) -> bytes:
    """Put the workers' names before the texts, so that the supervisor reads them without knowing the texts' form."""
    return "\0".join(brood.workers).encode() + b"\n" + brood.texts


def offered(descriptor: int) -> tuple[str, ...]:
    """Return the workers' names from a zygote's memory file."""
    names, _, _texts = _whole(descriptor).partition(b"\n")
    return tuple(name for name in names.decode().split("\0") if name)


def _read(descriptor: int) -> bytes:
    return _whole(descriptor).partition(b"\n")[2]


def _whole(descriptor: int) -> bytes:
    return os.pread(descriptor, os.fstat(descriptor).st_size, 0)


def _beget(lifeline: Lifeline, brood: Brood, name: str, descriptor: int, supervisor: int) -> None:
    """Fork a worker that is an orphan from birth, and tell its process id."""
    reading, writing = os.pipe()
    try:
        between = os.fork()
    except OSError as error:
        lifeline.say("failed", name, str(error))
        for fd in (reading, writing, descriptor):
            os.close(fd)
        return
    if between == 0:
        try:
            worker = os.fork()
        except OSError:
            os._exit(1)
        if worker:
            os.write(writing, str(worker).encode())
            os._exit(0)
        for fd in (reading, writing):
            os.close(fd)
        lifeline.close()
        _work(brood, name, descriptor, supervisor)
    os.close(writing)
    os.close(descriptor)
    os.waitpid(between, 0)
    answer = os.read(reading, 20)
    os.close(reading)
    # Said only now that the process in between is gone: from here on the worker is the supervisor's child.
    if answer:
        lifeline.say("spawned", name, answer.decode())
    else:
        lifeline.say("failed", name, "cannot fork")


def _work(brood: Brood, name: str, descriptor: int, supervisor: int) -> NoReturn:
    try:
        lifeline = Lifeline(socket.socket(fileno=descriptor))
        spoken = lifeline.wait()
        if isinstance(spoken, Hangup) or spoken.word != "go":
            os._exit(0)
        die_with_parent(supervisor)
        call_myself(f"lb:{name.removeprefix('app:')}")
        status = brood.work(name, lifeline)
        sys.stderr.flush()
        os._exit(status)
    except BaseException:  # noqa: BLE001 - a worker never unwinds into the zygote's frames
        crash()
