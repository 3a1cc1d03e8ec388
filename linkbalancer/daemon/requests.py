"""Requests as a line of JSON each, and the answer as another one.

A request is an object with a `verb`; what else it may hold is the verb's business. The answer is
`{"api": 1, "ok": true, "answer": ...}`, or `{"api": 1, "ok": false, "error": {"kind", "what", "remedy"}}`.
An answer may be given later than the request was taken, so that whoever answers can ask others meanwhile.
"""

import json
import pwd
import socket
from collections.abc import Callable, Mapping
from dataclasses import dataclass, field
from typing import Any, TypeAlias

from linkbalancer.clock import Instant

VERSION = 1
"""The version of the protocol; a caller that names another one is refused."""


@dataclass(slots=True)
class Request:
    """One request: answer it once, by `answer` or by `refuse`; after that nothing more happens.

    `who` is the asking user's name as the kernel knows it, `uid` the number. `detach` hands over the connection itself,
    for a conversation: the server forgets it, and no answer is due.
    """

    verb: str
    arguments: dict[str, Any]
    who: str
    _reply: Callable[["Request", bytes], None]
    answered: bool = False
    detach: Callable[[], socket.socket] = field(default=lambda: socket.socket(socket.AF_UNIX), repr=False)
    uid: int = -1

    def answer(self, answer: Mapping[str, Any]) -> None:
        """Answer it."""
        self._say({"api": VERSION, "ok": True, "answer": answer})

    def refuse(self, kind: str, what: str, remedy: str = "", **details: object) -> None:
        """Refuse it.

        Args:
            kind: a word for programs: usage, rights, refused, busy, unavailable.
            what: what is wrong.
            remedy: what to do about it.
            details: more for programs, JSON-able.
        """
        self._say({"api": VERSION, "ok": False, "error": {"kind": kind, "what": what, "remedy": remedy, **details}})

    def _say(self, reply: dict[str, Any]) -> None:
        if not self.answered:
            self.answered = True
            self._reply(self, json.dumps(reply, separators=(",", ":")).encode() + b"\n")


Take: TypeAlias = Callable[[Instant, Request], None]


def read_request(line: bytes, into: Request) -> str | None:
    """Read a request's line; return what is wrong with it, None when nothing is."""
    try:
        fields = json.loads(line)
    except (ValueError, RecursionError):
        return "a request is a line of JSON"
    if not isinstance(fields, dict) or not isinstance(fields.get("verb"), str):
        return "a request is an object with a verb"
    if fields.pop("api", VERSION) != VERSION:
        return f"this daemon speaks version {VERSION} of the protocol"
    into.verb = fields.pop("verb")
    into.arguments = fields
    return None


def user_name(uid: int) -> str:
    """Return a user's name, or its number where it has none."""
    try:
        return pwd.getpwuid(uid).pw_name
    except KeyError:
        return str(uid)
