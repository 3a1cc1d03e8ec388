"""The agent in office, when another one is to succeed it (`daemon.succession`)."""

import json
import os
import select
import socket
import time
from collections.abc import Callable, Collection, Iterable
from typing import Any, Final, NoReturn, Protocol

from linkbalancer.clock import MILLISECOND, Duration, Instant
from linkbalancer.daemon.agentlock import AgentLock, end
from linkbalancer.daemon.loop import Loop
from linkbalancer.daemon.peer import peer_of
from linkbalancer.daemon.requests import Request
from linkbalancer.daemon.succession import LINE_MAX, UNREADY, VERSION, Heirloom, parse, send
from linkbalancer.links import GroupId, LinkName

STILL: Duration = 100 * MILLISECOND
"""How often an incumbent says that it lives while its successor prepares."""

TAKEN_S: Final = 0.25
"""How long a bequest may wait for `taken`: nobody speaks for this gateway meanwhile."""

_BATCH: Final = 200
"""Descriptors in one message (the kernel takes 253)."""


class Office(Protocol):
    """What an incumbent does at its successor's request."""

    def hold(self) -> dict[str, Any]:
        """Compare the kernel with nothing; return what the successor must know, JSON-able."""

    def resume(self) -> None:
        """Go on as before: the successor has failed."""

    def retire(self, now: Instant, served: Collection[GroupId | None], links: frozenset[LinkName]) -> None:
        """Hand over everything but these; call `Incumbent.retired` when that is done."""

    def bequest(self, now: Instant) -> tuple[dict[str, Any], list["Heirloom"]]:
        """Return what the successor goes on from, and the sockets that it may use."""

    def depart(self) -> NoReturn:
        """End, and touch nothing."""


class Incumbent:
    """The conversation at the agent in office; one at a time."""

    def __init__(self, loop: Loop, lock: AgentLock, office: Office, complain: Callable[[str, str], None]) -> None:
        self._loop, self._lock, self._office, self._complain = loop, lock, office, complain
        self._sock: socket.socket | None = None
        self._pidfd = -1
        self._asked = bytearray()
        self._still_at: Instant | None = None
        self._retiring = False
        loop.watch(self)

    @property
    def is_held(self) -> bool:
        """Whether a successor prepares."""
        return self._sock is not None

    def take(self, now: Instant, request: Request) -> None:
        """Take the verb `hold`."""
        if request.uid not in {0, os.geteuid()}:
            request.refuse("rights", "only another agent of this daemon succeeds this one")
        elif request.arguments.get("succession") != VERSION:
            request.refuse("usage", f"this agent speaks version {VERSION} of a succession")
        elif self._sock is not None:
            request.refuse("busy", "another process succeeds this agent")
        else:
            self._begin(now, request.detach())

    def _begin(self, now: Instant, sock: socket.socket) -> None:
        try:
            self._pidfd = os.pidfd_open(peer_of(sock).pid)
        except OSError:
            sock.close()
            return
        self._sock, self._asked, self._retiring = sock, bytearray(), False
        self._still_at = now + STILL
        self._loop.add(sock, self._read)
        self._say({"ok": True, "answer": {"succession": VERSION, "pid": os.getpid(), **self._office.hold()}})

    def deadline(self) -> Instant | None:
        """Return when to say the next `still` (the loop asks)."""
        return self._still_at

    def expire(self, now: Instant) -> None:
        """Say it."""
        self._still_at = now + STILL
        self._say({"still": True})

    def retired(self, now: Instant) -> None:
        """Hand on: what the successor will not serve has been handed over."""
        sock = self._sock
        if sock is None or not self._retiring:
            return
        fields, heirlooms = self._office.bequest(now)
        self._lock.release()
        if _hand_on(sock, fields, heirlooms) and self._is_taken(sock):
            self._office.depart()
        # It is dead, or will be before it can say a word: this agent is still the one.
        end(self._pidfd)
        if not self._lock.take():
            self._office.depart()
        self._complain("be succeeded", "the successor took nothing over")
        self._drop()

    def _is_taken(self, sock: socket.socket) -> bool:
        until = time.monotonic() + TAKEN_S
        while (left := until - time.monotonic()) > 0:
            if not select.select([sock], [], [], left)[0]:
                return False
            try:
                data = sock.recv(LINE_MAX)
            except OSError:
                return False
            if not data:
                return False
            self._asked += data
            if b"\n" in self._asked:
                return parse(bytes(self._asked.partition(b"\n")[0])).get("verb") == "taken"
        return False

    def _say(self, words: dict[str, Any]) -> None:
        if self._sock is not None and not send(self._sock, json.dumps(words).encode() + b"\n", []):
            self._drop()

    def _read(self, now: Instant) -> None:
        assert self._sock is not None
        try:
            data = self._sock.recv(LINE_MAX)
        except UNREADY:
            return
        except OSError:
            data = b""
        self._asked += data
        if not data or len(self._asked) > LINE_MAX:
            self._drop()
            return
        line, newline, rest = self._asked.partition(b"\n")
        if newline:
            self._asked = rest
            self._asked_for(now, parse(bytes(line)))

    def _asked_for(self, now: Instant, words: dict[str, Any]) -> None:
        vids, links = words.get("vids"), words.get("links")
        good = words.get("verb") == "succeed" and isinstance(vids, list) and isinstance(links, list)
        if not good or self._retiring:
            self._complain("be succeeded", "the successor said what is no word of its")
            self._drop()
            return
        self._retiring = True
        served = frozenset(_group(vid) for vid in vids or () if isinstance(vid, int | str))
        self._office.retire(now, served, frozenset(link for link in links or () if isinstance(link, str)))

    def _drop(self) -> None:
        """End the conversation: this agent stays."""
        sock, self._sock, self._still_at = self._sock, None, None
        if sock is None:
            return
        self._loop.remove(sock)
        sock.close()
        os.close(self._pidfd)
        self._office.resume()


def _group(word: int | str) -> GroupId | None:
    """Return the group that a successor means, None for one that nobody has."""
    try:
        return GroupId.read(str(word))
    except ValueError:
        return None


def _hand_on(sock: socket.socket, fields: dict[str, Any], heirlooms: Iterable[Heirloom]) -> bool:
    """Send a bequest: never waits, because all but the descriptors is in a memory file."""
    heirlooms = list(heirlooms)
    memory = os.memfd_create("linkbalancer-bequest")
    try:
        with os.fdopen(os.dup(memory), "wb") as file:
            file.write(json.dumps(fields, separators=(",", ":")).encode())
        told = {"bequest": {"sockets": [[one.key, len(one.descriptors)] for one in heirlooms]}}
        descriptors = [memory, *(descriptor for one in heirlooms for descriptor in one.descriptors)]
        parts = [descriptors[at : at + _BATCH] for at in range(0, len(descriptors), _BATCH)]
        words = [json.dumps(told, separators=(",", ":")).encode() + b"\n", *[b" "] * (len(parts) - 1)]
        return all(send(sock, data, part) for data, part in zip(words, parts, strict=True))
    finally:
        os.close(memory)
