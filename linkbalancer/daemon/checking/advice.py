"""The process that a plug-in runs in: no right, no descriptor, nobody's user where it may be, and a limit of memory.

It reads a question, asks the plug-in and writes the answer, until its line is closed or somebody ends it. It is the
first that the kernel ends where memory is short.
"""

import gc
import json
import os
import resource
import socket
from contextlib import suppress
from functools import partial
from pathlib import Path
from typing import Final, NoReturn

from linkbalancer.config.plugins import consult, find
from linkbalancer.daemon import capabilities
from linkbalancer.daemon.checking.child import usual_signals
from linkbalancer.daemon.forking import fork
from linkbalancer.daemon.lifeline import call_myself, die_with_parent
from linkbalancer.host.users import Identity, UserError, identity
from linkbalancer.weights.question import Question, answer_to_json

MEMORY: Final = 256 << 20
"""Bytes that a plug-in may have beside what this program has."""

NICE: Final = 10

_NOBODY: Final = "nobody"
_LIMIT: Final = 64 << 10


def start(name: str) -> tuple[int, socket.socket]:
    """Fork a process that asks a plug-in; return its id and this end of its line. Raises OSError, UserError."""
    pid, ours = fork(socket.SOCK_SEQPACKET, partial(_live, _who(), name))
    ours.settimeout(0)
    return pid, ours


def _who() -> Identity:
    """Return who runs it: nobody, or the service's own user where that may not become another one."""
    try:
        return identity(_NOBODY)
    except UserError:
        return identity(None)


def _live(who: Identity, name: str, line: socket.socket, parent: int) -> NoReturn:
    """Be the process."""
    try:
        gc.enable()
        os.setsid()
        _close_all_but(line.fileno())
        line.settimeout(None)
        _limit()
        usual_signals()
        find(name)  # as the one who read the configuration: its files may be that user's alone to read
        if who.uid != os.geteuid():
            os.setgroups(())
            os.setresgid(who.gid, who.gid, who.gid)
            os.setresuid(who.uid, who.uid, who.uid)
        capabilities.keep()
        die_with_parent(parent)  # last: a change of user takes it away
        call_myself(f"lb:{name}")
        while data := line.recv(_LIMIT):
            question = Question.from_json(json.loads(data))
            line.send(json.dumps(answer_to_json(consult(question).answer)).encode(), socket.MSG_NOSIGNAL)
    finally:
        os._exit(1)


def _close_all_but(line: int) -> None:
    nothing = os.open("/dev/null", os.O_RDWR)
    for target in range(3):
        os.dup2(nothing, target)
    os.closerange(3, line)
    os.closerange(line + 1, os.sysconf("SC_OPEN_MAX"))


def _limit() -> None:
    """Have the plug-in take no more of the host than is seemly; a sandbox may forbid some of it, and has limits too."""
    size = int(Path("/proc/self/statm").read_text().split()[0]) * resource.getpagesize()
    with suppress(OSError, ValueError):
        resource.setrlimit(resource.RLIMIT_AS, (size + MEMORY, size + MEMORY))
    with suppress(OSError, ValueError):
        resource.setrlimit(resource.RLIMIT_CORE, (0, 0))
    with suppress(OSError):
        os.nice(NICE)
    with suppress(OSError):
        Path("/proc/self/oom_score_adj").write_text("1000")
