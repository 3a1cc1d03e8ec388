r"""The line between an agent and the recorder for flight recordings: datagrams, each of a segment and with a number.

{"segment": ID, "number": N}\n lines of inputs                      the agent's, N from 0
{"segment": ID, "number": N, "last": true}\n lines of inputs        what an agent left that has ended
{"memory": 1}                           two descriptors with it: the agent's process, and its memory (`flightmemory`)
{"segment": ID, "part": I, "parts": P, "keep": K}\n a part of the head  its child's; parts come in any order
"""

import json
import os
import re
import socket
import time
from collections.abc import Callable, Sequence
from contextlib import suppress
from dataclasses import dataclass, replace
from pathlib import Path
from typing import Final, TypeAlias

from linkbalancer.clock import Instant
from linkbalancer.config.load import Loaded
from linkbalancer.daemon.loop import boottime
from linkbalancer.engine.flight.inputs import RecordingError
from linkbalancer.engine.flight.tape import Head

Complain: TypeAlias = Callable[[str, str], None]

SOCKET: Final = "flight.sock"

PART = 48_000
"""Bytes of a head in one datagram."""

PATIENCE_S = 20.0
"""How long a child waits for a recorder that is slow."""

LARGEST_HEAD = 64 << 20
"""Bytes of a head that is taken in."""

_NOTIFICATIONS: Final = re.compile(r"^(?:notifications|\"notifications\"|'notifications')[ \t]*:")
_INNER: Final = re.compile(r"^(?:[ \t#}\]]|$)")


@dataclass(frozen=True, slots=True)
class Lines:
    """Inputs of a segment, as bytes of its file."""

    segment: int
    number: int
    content: bytes
    last: bool = False


@dataclass(frozen=True, slots=True)
class HeadPart:
    """A part of a segment's first line, and how many recordings are kept."""

    segment: int
    part: int
    parts: int
    keep: int
    content: bytes


def lines_of(segment: Instant, number: int, lines: Sequence[str]) -> bytes:
    """Return a datagram of lines."""
    return f'{{"segment":{segment},"number":{number}}}\n{"".join(f"{line}{chr(10)}" for line in lines)}'.encode()


def introduction() -> bytes:
    """Return the datagram that an agent's two descriptors come with."""
    return b'{"memory":1}\n'


def head_of(head: Head, loaded: Loaded) -> str:
    """Return the head's line, made of what may be in a recording; raises RecordingError.

    The notifications are left out: where they go may be a secret, and no decision depends on them. What is left must
    be read as the very same.
    """
    texts = {name: head.texts[name] for name in loaded.own_files}
    texts[loaded.path] = without_notifications(texts[loaded.path])
    told = replace(head, texts=texts, wall=time.clock_gettime_ns(time.CLOCK_REALTIME) - boottime())
    read = told.loaded()
    if read.config != loaded.config.model_copy(update={"notifications": {}}) or read.rules != loaded.rules:
        raise RecordingError("the configuration's text does not say what is in force; write it in block style")
    return told.line()


def without_notifications(text: str) -> str:
    """Return a configuration's text without the section `notifications`; its other lines keep their numbers."""
    inside, kept = False, []
    for line in text.split("\n"):
        inside = bool(_NOTIFICATIONS.match(line)) or (inside and bool(_INNER.match(line)))
        kept.append("# not recorded" if inside else line)
    return "\n".join(kept)


def send_head(path: Path, segment: Instant, line: str, keep: int) -> None:
    """Send a head, part by part; raises OSError. It may wait, and must not hurry: a child of its own does it."""
    with suppress(OSError):
        os.sched_setscheduler(0, os.SCHED_BATCH, os.sched_param(0))
        os.nice(10)
    data = f"{line}\n".encode()
    parts = [data[at : at + PART] for at in range(0, len(data), PART)]
    with socket.socket(socket.AF_UNIX, socket.SOCK_DGRAM) as sock:
        sock.settimeout(PATIENCE_S)
        sock.connect(str(path))
        for number, part in enumerate(parts):
            about = {"segment": segment, "part": number, "parts": len(parts), "keep": keep}
            sock.send(json.dumps(about).encode() + b"\n" + part)


def understood(data: bytes) -> Lines | HeadPart | None:
    """Return what a datagram says, None where it says nothing."""
    first, _, content = data.partition(b"\n")
    try:
        about = json.loads(first)
        segment = int(about["segment"])
        if "number" in about:
            return Lines(segment, int(about["number"]), content, last=about.get("last") is True)
        parts = int(about["parts"])
        if not 0 < parts <= LARGEST_HEAD // PART:
            return None
        return HeadPart(segment, int(about["part"]), parts, int(about["keep"]), content)
    except (ArithmeticError, LookupError, TypeError, ValueError, RecursionError):
        return None
