"""The zygote: a process that has imported everything and read the configuration once, and forks workers on request.

So is the next zygote, the candidate of a reload: what this one has read and compiled, it need not do again
(`daemon.birth`). It begins anew, as the first one does, where there is none to fork it, or where others' code is
loaded, of which there may be a newer version by now.

A worker forked from it starts in milliseconds and shares its memory. It forks twice: the process in between ends at
once, so that the worker becomes the supervisor's own child (a subreaper adopts orphans) and outlives the zygote. The
configuration's texts are kept by the supervisor: a zygote born after an edit, but before a reload,
still speaks for the configuration in force.

Agent and applications outlive the supervisor, so that whoever takes over from them finds them at work; everybody else
ends with it, even when stopped.
"""

import gc
import json
import os
import signal
import socket
import sys
import traceback
from collections.abc import Callable, Mapping
from dataclasses import dataclass, field
from functools import partial
from select import select
from typing import Any, NoReturn, TypeAlias

from linkbalancer.clock import MILLISECOND, SECOND, Duration
from linkbalancer.daemon.lifeline import Hangup, Lifeline, Spoken, call_myself, die_with_parent, enclosed
from linkbalancer.daemon.turn import go_first
from linkbalancer.engine.supervision import AGENT, ASIDE, CANDIDATE, REFUSED, SUCCESSOR, Word

BEAT: Duration = 500 * MILLISECOND
CALM_BEAT: Duration = 4 * SECOND
"""How often a child says that it is alive, and one that no packet depends on: several fit into the supervisor's
patience (`engine.patience`)."""

CRASHED = 70
"""Exit status of a child that ended by an exception of its own (EX_SOFTWARE)."""


class RefusedError(Exception):
    """The configuration has errors; the arguments are the lines to tell."""


@dataclass(frozen=True, slots=True)
class Order:
    """What a zygote is to read: the texts of an earlier one, else the files, and for whose request, if for one's.

    `(None, None)`: the service starts. `(texts, None)`: again what is in force. `(texts, request)`: what is asked for;
    the texts in force are there to compare with.
    """

    texts: bytes | None = None
    request: Mapping[str, Any] | None = None


@dataclass(frozen=True, slots=True)
class Brood:
    """What a zygote can fork.

    `specs`: the workers' names, each with a digest of everything that its life depends on: whose digest a reload does
    not change is not replaced. `texts`: what they were read from. `work(name, lifeline)` is a worker's whole life and
    returns its exit status. `notice`: what the api is to know of this configuration, JSON-able. `foreign`: whether code
    of others is loaded, so that the next zygote is no fork of this one.
    """

    specs: Mapping[str, str]
    texts: bytes
    work: Callable[[str, Lifeline], int]
    notice: Mapping[str, Any] = field(default_factory=dict)
    foreign: bool = False


Birth: TypeAlias = Callable[[Order], Brood]
"""Imports everything and reads the configuration."""


@dataclass(frozen=True, slots=True)
class Offer:
    """What a zygote tells the supervisor of its brood."""

    specs: Mapping[str, str]
    notice: Mapping[str, Any]
    texts: bytes
    foreign: bool = False


def live(lifeline: Lifeline, birth: Birth, order: Order, supervisor: int) -> NoReturn:
    """Be the zygote until the supervisor is gone.

    Args:
        lifeline: the line to the supervisor.
        birth: imports everything and reads the configuration.
        order: what to read.
        supervisor: the supervisor's process id.
    """
    quiet_signals()
    die_with_parent(supervisor)
    call_myself("lb:zygote")
    gc.disable()  # what is read stays, and looking for garbage in it would take as long as reading an edited file
    try:
        brood = birth(order)
    except RefusedError as refused:
        lifeline.tell("refused", json.dumps(refused.args).encode())
        sys.stderr.write("".join(f"{line}\n" for line in refused.args))
        sys.stderr.flush()
        os._exit(REFUSED)
    except BaseException:  # noqa: BLE001 - a zygote never unwinds into the supervisor's frames
        crash()
    _offer(lifeline, brood)
    gc.enable()
    gc.collect()
    go_first()
    gc.freeze()  # what is shared stays shared: the collector does not write into it any more
    while True:
        heard, _, _ = select([lifeline], [], [], CALM_BEAT / SECOND)
        if not heard:
            lifeline.say("beat")
            continue
        spoken = lifeline.hear()
        if isinstance(spoken, Hangup) or (spoken is not None and spoken.word == Word.END):
            os._exit(0)
        if spoken is not None and spoken.word == "spawn" and spoken.descriptor is not None:
            name = spoken.arguments[0]
            life = partial(_read_anew, birth, brood.texts) if name == CANDIDATE else partial(_work, brood, name)
            _beget(lifeline, name, spoken.descriptor, partial(life, supervisor=supervisor))


def quiet_signals() -> None:
    """Leave Ctrl-C and reload requests to the supervisor, and take SIGTERM and SIGCHLD as everybody does."""
    signal.set_wakeup_fd(-1)
    for number in (signal.SIGINT, signal.SIGHUP, signal.SIGUSR2):
        signal.signal(number, signal.SIG_IGN)
    for number in (signal.SIGTERM, signal.SIGCHLD):
        signal.signal(number, signal.SIG_DFL)


def crash() -> NoReturn:
    """Say what happened and end, running nobody's clean-up but the stream's own."""
    traceback.print_exc()
    sys.stderr.flush()
    os._exit(CRASHED)


def _offer(lifeline: Lifeline, brood: Brood) -> None:
    """Offer what can be forked; without memory for saying so there is nothing to be a zygote for."""
    if not lifeline.tell("configured", _frame(brood)):
        os._exit(CRASHED)


def _frame(brood: Brood) -> bytes:
    """Put the offer before the texts, so that the supervisor reads it without knowing the texts' form."""
    return (
        json.dumps({"specs": dict(brood.specs), "notice": brood.notice, "foreign": brood.foreign}).encode()
        + b"\n"
        + brood.texts
    )


def offered(content: bytes) -> Offer:
    """Read a zygote's offer."""
    head, _, texts = content.partition(b"\n")
    fields = json.loads(head)
    return Offer(fields["specs"], fields["notice"], texts, fields["foreign"])


def _beget(lifeline: Lifeline, name: str, descriptor: int, life: Callable[[int], NoReturn]) -> None:
    """Fork a worker that is an orphan from birth, and tell its process id; `life` is given its end of the line."""
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
        try:
            life(descriptor)
        except BaseException:  # noqa: BLE001 - a child never unwinds into the zygote's frames
            crash()
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


def _read_anew(birth: Birth, texts: bytes, descriptor: int, *, supervisor: int) -> NoReturn:
    """Be the next zygote: hear for whose request, and read. `texts` are those in force."""
    lifeline = Lifeline(socket.socket(fileno=descriptor))
    order, go = lifeline.wait(), lifeline.wait()
    if not isinstance(order, Spoken) or order.descriptor is None or not isinstance(go, Spoken) or go.word != "go":
        os._exit(0)
    request = json.loads(enclosed(order.descriptor))
    os.close(order.descriptor)
    live(lifeline, birth, Order(texts, request), supervisor)


def _work(brood: Brood, name: str, descriptor: int, *, supervisor: int) -> NoReturn:
    lifeline = Lifeline(socket.socket(fileno=descriptor))
    spoken = lifeline.wait()
    if isinstance(spoken, Hangup) or spoken.word != "go":
        os._exit(0)
    if name in ASIDE:
        die_with_parent(supervisor)
    call_myself(f"lb:{AGENT if name == SUCCESSOR else name.removeprefix('app:')}")
    status = brood.work(name, lifeline)
    sys.stderr.flush()
    os._exit(status)
