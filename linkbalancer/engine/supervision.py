"""The nouns of supervision: what happens to the supervisor's children, what it must do, and the states of a child."""

import hashlib
from collections.abc import Mapping
from dataclasses import dataclass, field
from enum import StrEnum
from typing import Any, TypeAlias

from linkbalancer.clock import Instant
from linkbalancer.engine.orders import Outcome, Request, Run

ZYGOTE = "zygote"
CANDIDATE = "candidate"
TRIAL = "trial"
AGENT = "agent"
SUCCESSOR = "agent+"
API = "api"
RECORDER = "recorder"
CHECKER = "checker"
NOTIFIER = "notifier"
RESOLVER = "resolver"

ASIDE = frozenset({API, RECORDER, CHECKER, NOTIFIER, RESOLVER})
"""Workers that no packet depends on: they start without the agent, and end after everybody who tells them something."""

PASSING = frozenset({CANDIDATE, TRIAL, SUCCESSOR})
"""Who is there only while something changes: nobody misses them when they die."""

APPLICATION = "app:"
"""How an application's process is called before the application's own name."""

SHARED = "apps:"
"""How a process that shares the applications with others is called before its number."""

REFUSED = 1
"""The exit status of a zygote that found errors in the configuration (and has told them)."""


def process_of(application: str, processes: int | None) -> str:
    """Return the name of the process that follows for an application, where so many share them; None: it has its own.

    An application's name alone says whose it is, so that an edit of others does not send it to another process.
    """
    if processes is None:
        return APPLICATION + application
    return f"{SHARED}{int.from_bytes(hashlib.sha256(application.encode()).digest()[:8]) % processes + 1}"


class Word(StrEnum):
    """What a child can be asked for: to leave its offices in order, to end at once, to make room for its successor."""

    LEAVE = "leave"
    END = "end"
    RENEW = "renew"


class Phase(StrEnum):
    """What the whole service is doing, in systemd's words."""

    STARTING = "starting"
    READY = "ready"
    RELOADING = "reloading"
    STOPPING = "stopping"


@dataclass(frozen=True, slots=True)
class Started:
    """The supervisor may begin; an upgraded one ends its predecessor's `run` by being ready, with these lines.

    `waiting`: what was asked of the predecessor too.
    """

    run: Run | None = None
    lines: tuple[str, ...] = ()
    waiting: tuple[Run, ...] = ()


@dataclass(frozen=True, slots=True)
class Configured:
    """A zygote (or the candidate) has read a configuration without error.

    `specs`: the workers that it can fork, each with a digest of everything that its life depends on. `notice`: what is
    to be known of this configuration.
    """

    name: str
    specs: Mapping[str, str]
    notice: Mapping[str, Any] = field(default_factory=dict)


@dataclass(frozen=True, slots=True)
class Refused:
    """A child says why it will end: a line for each reason."""

    name: str
    lines: tuple[str, ...]


@dataclass(frozen=True, slots=True)
class Ready:
    """A worker does its work from now on."""

    name: str


@dataclass(frozen=True, slots=True)
class Beat:
    """A child says that it is alive."""

    name: str


@dataclass(frozen=True, slots=True)
class Died:
    """A child is gone: its exit status, or the negative number of the signal that ended it."""

    name: str
    status: int


@dataclass(frozen=True, slots=True)
class Resumed:
    """The supervisor itself was not run for long (the host slept, or was paused): nobody's silence counts."""


@dataclass(frozen=True, slots=True)
class Requested:
    """Somebody wants the configuration read again, or the new program."""

    request: Request


@dataclass(frozen=True, slots=True)
class NotReplaced:
    """The program could not be replaced by the new one."""

    why: str


@dataclass(frozen=True, slots=True)
class StopRequested:
    """Somebody wants the service to end; said twice: at once."""


@dataclass(frozen=True, slots=True)
class RestartRequested:
    """Somebody wants the supervisor to end, and its agent and applications to work on for the one that comes next."""


@dataclass(frozen=True, slots=True)
class Tick:
    """A deadline has come."""


Event: TypeAlias = (
    Started
    | Configured
    | Refused
    | Ready
    | Beat
    | Died
    | Resumed
    | Requested
    | NotReplaced
    | StopRequested
    | RestartRequested
    | Tick
)


@dataclass(frozen=True, slots=True)
class Spawn:
    """Fork a child; its life begins with a word of its own, or ends with `Died`. The candidate serves a request."""

    name: str
    request: Request | None = None


@dataclass(frozen=True, slots=True)
class Ask:
    """Tell a child something."""

    name: str
    word: Word


@dataclass(frozen=True, slots=True)
class Kill:
    """End a child by SIGKILL, which a stopped process obeys too."""

    name: str


@dataclass(frozen=True, slots=True)
class Promote:
    """The candidate is the zygote from now on, its texts are in force; the old one is to be forgotten.

    Where the candidate is gone meanwhile, there is no zygote for now, and the next one is of those texts.
    """


@dataclass(frozen=True, slots=True)
class Succeed:
    """The successor is the agent from now on; the old one is to be forgotten."""


@dataclass(frozen=True, slots=True)
class Replace:
    """Replace the program by the new one, in place; a child's life goes on beyond that as its own work says."""

    run: Run


@dataclass(frozen=True, slots=True)
class Tell:
    """Tell the api how a request ended."""

    outcome: Outcome


@dataclass(frozen=True, slots=True)
class Became:
    """The whole service entered another phase."""

    phase: Phase


@dataclass(frozen=True, slots=True)
class Say:
    """A line for the log; `grave` when somebody should look."""

    name: str
    text: str
    grave: bool = False


@dataclass(frozen=True, slots=True)
class Exit:
    """There is nothing left to do; the supervisor ends with this status. `orphans`: others are left at work."""

    status: int
    orphans: bool = False


Effect: TypeAlias = Spawn | Ask | Kill | Promote | Succeed | Replace | Tell | Became | Say | Exit


@dataclass(frozen=True, slots=True)
class Down:
    """Not there; to be started at an instant, as soon as there is a zygote. `resting`: it died too often."""

    start_at: Instant
    resting: bool = False


@dataclass(frozen=True, slots=True)
class Starting:
    """Asked for; its first word is due."""

    due: Instant


@dataclass(frozen=True, slots=True)
class Running:
    """At work; its next beat is due."""

    since: Instant
    due: Instant


@dataclass(frozen=True, slots=True)
class Leaving:
    """Asked to end, and to be gone by an instant."""

    due: Instant


@dataclass(frozen=True, slots=True)
class Killed:
    """Sent SIGKILL. `due` None: it did not even die of that in time, so the kernel holds it."""

    due: Instant | None


State: TypeAlias = Down | Starting | Running | Leaving | Killed
