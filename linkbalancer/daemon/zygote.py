"""The zygote: a process that has imported everything and read the configuration once, and forks workers on request.

So is the next zygote, the candidate of a reload: what this one has read and compiled, it need not do again
(`daemon.birth`). It begins anew, as the first one does, where there is none to fork it, or where others' code is
loaded, of which there may be a newer version by now.

A worker forked from it starts in milliseconds and shares its memory. It forks twice: the process in between ends at
once, so that workers become the supervisor's own children (a subreaper adopts orphans) and outlive the zygote. The
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
from select import select
from typing import Any, NoReturn, TypeAlias

from linkbalancer.clock import MILLISECOND, SECOND, Duration
from linkbalancer.daemon import holes
from linkbalancer.daemon.lifeline import Hangup, Lifeline, Spoken, call_myself, die_with_parent, enclosed
from linkbalancer.daemon.turn import go_first, go_like_others
from linkbalancer.engine.supervision import AGENT, ASIDE, CANDIDATE, REFUSED, SUCCESSOR, Word

BEAT: Duration = 500 * MILLISECOND
CALM_BEAT: Duration = 4 * SECOND
"""How often a child says that it is alive, and one that no packet depends on: several fit into the supervisor's
patience (`engine.patience`)."""

LITTER = 8
"""How many workers are forked together at most. Each fork copies the page tables of some 60 MB, and two a worker were
half of what a hundred workers cost to fork; but they begin only when all of them are there."""

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
    of others is loaded, so that the next zygote is no fork of this one. `ahead()` does beforehand what the next one
    would have to do; it may take a second, and is called when nobody asks for anything.
    """

    specs: Mapping[str, str]
    texts: bytes
    work: Callable[[str, Lifeline], int]
    notice: Mapping[str, Any] = field(default_factory=dict)
    foreign: bool = False
    ahead: Callable[[], None] = lambda: None


Birth: TypeAlias = Callable[[Order], Brood]
"""Imports everything and reads the configuration."""
Life: TypeAlias = Callable[[str, int], NoReturn]
"""What a forked child does by its name, at its end of the line."""


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
    brood = _read(lifeline, birth, order)
    _offer(lifeline, brood)
    if order.request is None:  # by request an agent is waited for
        _settle()
    go_first()
    settled = False

    def live_as(name: str, descriptor: int) -> NoReturn:
        if name == CANDIDATE:
            _read_anew(birth, brood.texts, descriptor, supervisor)
        _work(brood, name, descriptor, supervisor)

    while True:
        heard, _, _ = select([lifeline], [], [], CALM_BEAT / SECOND)
        if not heard:
            lifeline.say("beat")
            if not settled:
                settled = True
                _work_ahead(brood)
            continue
        spoken = lifeline.hear()
        if isinstance(spoken, Spoken):
            litter, spoken = _litter(spoken, lifeline)
            if litter:
                _beget(lifeline, litter, live_as)
        if isinstance(spoken, Hangup) or (spoken is not None and spoken.word == Word.END):
            os._exit(0)


def _settle() -> None:
    """Take what there is for what stays: shared, it stays shared, for the collector does not write into it any more."""
    gc.collect()
    holes.fill()
    gc.freeze()


def _work_ahead(brood: Brood) -> None:
    """Do what the next zygote would have to, at nobody's expense."""
    go_like_others()
    brood.ahead()
    _settle()
    go_first()


def _read(lifeline: Lifeline, birth: Birth, order: Order) -> Brood:
    """Return what is to be forked; a refusal is told, and ends the process."""
    holes.clear()
    gc.disable()  # what is read stays, and looking for garbage in it would take as long as reading an edited file
    try:
        return birth(order)
    except RefusedError as refused:
        lifeline.tell("refused", json.dumps(refused.args).encode())
        sys.stderr.write("".join(f"{line}\n" for line in refused.args))
        sys.stderr.flush()
        os._exit(REFUSED)
    except BaseException:  # noqa: BLE001 - a zygote never unwinds into the supervisor's frames
        crash()


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


def _litter(first: Spoken, lifeline: Lifeline) -> tuple[list[tuple[str, int]], Spoken | Hangup | None]:
    """Return who is to be forked together, and the word after those; who is in a hurry is forked alone."""
    litter: list[tuple[str, int]] = []
    spoken: Spoken | Hangup | None = first
    while isinstance(spoken, Spoken) and spoken.word == "spawn" and spoken.descriptor is not None:
        litter.append((spoken.arguments[0], spoken.descriptor))
        if len(litter) == LITTER or spoken.arguments[0] in {AGENT, SUCCESSOR, CANDIDATE}:
            return litter, None
        spoken = lifeline.hear()
    return litter, spoken


def _beget(lifeline: Lifeline, litter: list[tuple[str, int]], live_as: Life) -> None:
    """Fork workers that are orphans from birth, and tell their process ids."""
    reading, writing = os.pipe()
    why, answers = "cannot fork", b""
    try:
        between = os.fork()
    except OSError as error:
        between, why = -1, str(error)
    if between == 0:
        try:
            os.close(reading)
            _bear(lifeline, litter, live_as, writing)
        finally:
            crash()  # nobody whom this process is a copy of is to go on in it
    os.close(writing)
    for _name, descriptor in litter:
        os.close(descriptor)
    if between > 0:
        os.waitpid(between, 0)
        answers = os.read(reading, 40 * len(litter))
    os.close(reading)
    # Said only now that the process in between is gone: from here on the workers are the supervisor's children.
    born = dict(line.split(" ") for line in answers.decode().splitlines())
    for number, (name, _descriptor) in enumerate(litter):
        if str(number) in born:
            lifeline.say("spawned", name, born[str(number)])
        else:
            lifeline.say("failed", name, why)


def _bear(lifeline: Lifeline, litter: list[tuple[str, int]], live_as: Life, writing: int) -> NoReturn:
    """Be the process in between: fork each, write which one has which id, and end."""
    for number, (name, descriptor) in enumerate(litter):
        try:
            worker = os.fork()
        except OSError:
            os._exit(1)
        if worker == 0:
            for _other, theirs in litter[number + 1 :]:
                os.close(theirs)  # an end kept open here would hide a death
            os.close(writing)
            lifeline.close()
            try:
                live_as(name, descriptor)
            except BaseException:  # noqa: BLE001 - a worker never unwinds into the zygote's frames
                crash()
        try:
            os.write(writing, f"{number} {worker}\n".encode())
        except OSError:  # the zygote is gone: the supervisor hangs up on whoever was born
            os._exit(1)
        os.close(descriptor)
    os._exit(0)


def _read_anew(birth: Birth, texts: bytes, descriptor: int, supervisor: int) -> NoReturn:
    """Be the next zygote: hear for whose request, and read. `texts` are those in force."""
    lifeline = Lifeline(socket.socket(fileno=descriptor))
    order, go = lifeline.wait(), lifeline.wait()
    if not isinstance(order, Spoken) or order.descriptor is None or not isinstance(go, Spoken) or go.word != "go":
        os._exit(0)
    request = json.loads(enclosed(order.descriptor))
    os.close(order.descriptor)
    live(lifeline, birth, Order(texts, request), supervisor)


def _work(brood: Brood, name: str, descriptor: int, supervisor: int) -> NoReturn:
    lifeline = Lifeline(socket.socket(fileno=descriptor))
    spoken = lifeline.wait()
    if isinstance(spoken, Hangup) or spoken.word != "go":
        os._exit(0)
    if name in ASIDE:
        die_with_parent(supervisor)
    gc.freeze()
    gc.enable()
    call_myself(f"lb:{AGENT if name == SUCCESSOR else name.removeprefix('app:')}")
    status = brood.work(name, lifeline)
    sys.stderr.flush()
    os._exit(status)
