"""An agent that starts: it finds the one in office and succeeds it (`daemon.succession`), or is the first."""

import json
import os
import socket
import stat
import time
from collections.abc import Callable, Iterable
from contextlib import suppress
from pathlib import Path
from typing import Any, Final

from linkbalancer.clock import SECOND, Duration, Instant
from linkbalancer.daemon.agentlock import AgentLock, end
from linkbalancer.daemon.loop import Loop
from linkbalancer.daemon.peer import peer_of
from linkbalancer.daemon.succession import LINE_MAX, UNREADY, VERSION, Bequest, parse, receive, send
from linkbalancer.links import GroupId, LinkName

ANSWER_S: Final = 0.5
"""How long an incumbent may take to answer the first word; longer, and it does not run."""

SILENCE: Duration = 1 * SECOND
"""How long an incumbent may be silent then."""

BUSY_S: Final = 20.0
"""How long an incumbent is waited for that is leaving, or is being succeeded by another process."""

SNAPSHOT_MAX: Final = 16 << 20
DESCRIPTORS_MAX: Final = 2048


class SuccessionError(Exception):
    """The incumbent cannot be succeeded; it goes on. The text says why."""


class Heir:
    """The conversation at the successor.

    Attributes:
        answer: what the incumbent said first.
        bequest: what it handed on, once it has.
        lost: whether it is gone, or hung up, without that.
    """

    def __init__(self, loop: Loop, lock: AgentLock, sock: socket.socket, answer: dict[str, Any]) -> None:
        self._loop, self._lock, self._sock, self.answer = loop, lock, sock, answer
        self.bequest: Bequest | None = None
        self.lost = False
        self._received = bytearray()
        self._descriptors: list[int] = []
        self._promised: dict[str, Any] | None = None
        self._silent_at: Instant | None = loop.clock() + SILENCE
        loop.add(sock, self._read)
        loop.watch(self)

    def ask(self, groups: Iterable[GroupId], links: Iterable[LinkName]) -> None:
        """Ask for everything, telling what will be served."""
        words = {"verb": "succeed", "vids": [group.name for group in sorted(groups)], "links": sorted(links)}
        if not self.lost and not send(self._sock, json.dumps(words).encode() + b"\n", []):
            self._lose()

    def deadline(self) -> Instant | None:
        """Return when the incumbent has been silent for too long (the loop asks)."""
        return self._silent_at

    def expire(self, _now: Instant) -> None:
        """End an incumbent that does not run any more: thawed later, it must not speak again."""
        if self._lock.kill_holder() is None:  # stopped just when it had let go of its office
            self._kill_peer()
        self._lose()

    def _kill_peer(self) -> None:
        with suppress(OSError):
            pidfd = os.pidfd_open(peer_of(self._sock).pid)
            try:
                end(pidfd)
            finally:
                os.close(pidfd)

    def _read(self, now: Instant) -> None:
        self._silent_at = now + SILENCE
        try:
            data, descriptors = receive(self._sock)
        except UNREADY:
            return
        except OSError:
            data, descriptors = b"", []
        self._descriptors += descriptors
        self._received += data
        if not data or len(self._received) > LINE_MAX or len(self._descriptors) > DESCRIPTORS_MAX:
            self._lose()
            return
        while self._promised is None and b"\n" in self._received:
            line, _, self._received = self._received.partition(b"\n")
            self._promised = parse(bytes(line)).get("bequest")
        if self._promised is not None:
            self._inherit(self._promised)

    def _inherit(self, promised: dict[str, Any]) -> None:
        """Take over, once everything that was promised is here."""
        try:
            keys = [(tuple(key), int(count)) for key, count in promised["sockets"]]
            _ = dict(keys)  # whether they can be keys
            if len(self._descriptors) < 1 + sum(count for _key, count in keys):
                return
            fields = parse(os.pread(self._descriptors[0], SNAPSHOT_MAX, 0))
            good = isinstance(fields.get("snapshot"), dict) and all(map(_is_socket, self._descriptors[1:]))
        except (KeyError, TypeError, ValueError, OSError):
            good = False
        # What cannot be gone on from is not taken: the incumbent stays.
        if not good or not self._lock.take() or not send(self._sock, b'{"verb": "taken"}\n', []):
            self._lose()
            return
        bequest, left = Bequest(fields), iter(self._descriptors[1:])
        for key, count in keys:
            bequest.sockets[key] = [socket.socket(fileno=next(left)) for _ in range(count)]
        os.close(self._descriptors[0])
        self._descriptors = []
        self.bequest = bequest
        self._hang_up()

    def _lose(self) -> None:
        self.lost = True
        self._hang_up()

    def _hang_up(self) -> None:
        self._silent_at = None
        self._loop.remove(self._sock)
        self._sock.close()
        for descriptor in self._descriptors:
            os.close(descriptor)
        self._descriptors = []


def _is_socket(descriptor: int) -> bool:
    return stat.S_ISSOCK(os.fstat(descriptor).st_mode)


def find(loop: Loop, path: Path, lock: AgentLock, idle: Callable[[], None]) -> Heir | None:
    """Return the conversation with the incumbent; None when this process is the agent now, because there is none.

    One that does not answer is ended first. `idle` is called now and then while it must be waited for. Raises
    SuccessionError.
    """
    until, patience = time.monotonic() + BUSY_S, time.monotonic() + ANSWER_S
    while not lock.take():
        try:
            sock, answer = _hold(path)
        except OSError:
            if time.monotonic() >= patience:
                lock.kill_holder()
        else:
            if answer.get("ok") is True and isinstance(answer.get("answer"), dict):
                return Heir(loop, lock, sock, answer["answer"])
            sock.close()
            patience = time.monotonic() + ANSWER_S
            what = str((answer.get("error") or {}).get("what", "it does not say why"))
            if time.monotonic() >= until:
                raise SuccessionError(f"the agent in office cannot be succeeded: {what}")
        idle()
        time.sleep(0.02)
    return None


def wait_for_office(lock: AgentLock, seconds: float = ANSWER_S) -> bool:
    """Become the agent after an incumbent that hung up; False when it is still in office."""
    until = time.monotonic() + seconds
    while not lock.take():
        if time.monotonic() >= until:
            return False
        time.sleep(0.002)
    return True


def _hold(path: Path) -> tuple[socket.socket, dict[str, Any]]:
    """Say the first word and return the answer; raises OSError."""
    sock = socket.socket(socket.AF_UNIX, socket.SOCK_STREAM)
    try:
        sock.settimeout(ANSWER_S)
        sock.connect(str(path))
        sock.sendall(json.dumps({"verb": "hold", "succession": VERSION}).encode() + b"\n")
        received = bytearray()
        while b"\n" not in received:
            data = sock.recv(1)  # not a byte more: what follows may come with descriptors
            if not data or len(received) > LINE_MAX:
                raise ConnectionResetError
            received += data
    except OSError:
        sock.close()
        raise
    sock.settimeout(0)
    return sock, parse(bytes(received))
