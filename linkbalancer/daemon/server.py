"""A Unix socket that answers requests, those of each caller in their order, and lets nobody keep the others waiting."""

import socket
from collections.abc import Callable
from dataclasses import dataclass, field
from functools import partial
from pathlib import Path

from linkbalancer.clock import MILLISECOND, SECOND, Duration, Instant
from linkbalancer.daemon.listening import Listening
from linkbalancer.daemon.loop import Loop
from linkbalancer.daemon.peer import peer_of
from linkbalancer.daemon.requests import Request, Take, read_request, user_name

TURN = 16
"""Requests of one caller that are answered before others have their turn."""

CALLERS = 64
"""Connections at once; for one more the one that has been idle longest is dropped."""

PATIENCE: Duration = 5 * SECOND
"""How long a caller may be idle, or take for reading an answer."""

WORK: Duration = 20 * MILLISECOND
"""How long requests are answered in one go; then this server rests for as long, and everything else has its turn."""

ANSWER_PATIENCE: Duration = 120 * SECOND
"""How long an answer may take; the caller is told that none came."""

REQUEST_LIMIT = 65_536
"""Bytes of a request."""


@dataclass(slots=True)
class Caller:
    """One connection: what has come in of its next request, and what of the last answer is still to be sent."""

    sock: socket.socket
    uid: int
    until: Instant
    asked: bytearray = field(default_factory=bytearray)
    answer: memoryview | None = None
    request: Request | None = None
    ended: bool = False
    serving: bool = False
    attended: str | None = None

    @property
    def has_request(self) -> bool:
        """Whether a whole request waits."""
        return b"\n" in self.asked

    @property
    def is_busy(self) -> bool:
        """Whether a request of it is being answered, or it is gone."""
        return self.request is not None or self.answer is not None or self.is_gone

    @property
    def is_gone(self) -> bool:
        """Whether the connection is closed."""
        return self.sock.fileno() < 0


class RequestServer:
    """Listens on a path and hands requests to `take`.

    Args:
        loop: what turns.
        path: the socket.
        take: answers each request, now or later.
        listener: a predecessor's, already at that path.
        opened: called whenever the socket stands at its path anew.

    Who may connect beside the owner is said by `admit`.
    """

    def __init__(
        self,
        loop: Loop,
        path: Path,
        take: Take,
        listener: socket.socket | None = None,
        opened: Callable[[], None] = lambda: None,
    ) -> None:
        """Listen; raises OSError."""
        self._loop, self._take = loop, take
        self._callers: dict[int, Caller] = {}
        self._worked: Duration = 0
        self._rests_until: Instant | None = None
        loop.watch(self)
        self._listening = Listening(loop, path, socket.SOCK_STREAM, self._accept, inherited=listener, opened=opened)
        self._sweeping = loop.every(PATIENCE // 2, self._sweep)

    @property
    def listener(self) -> int:
        """The listening socket's descriptor, for a successor."""
        return self._listening.socket.fileno()

    def keep(self) -> None:
        """Stand at the path again where somebody removed the socket; raises OSError."""
        self._listening.keep()

    def close(self) -> None:
        """Hang up on everybody."""
        for caller in tuple(self._callers.values()):
            self._drop(caller)
        self._listening.close()

    def _accept(self, now: Instant) -> None:
        for _ in range(CALLERS):
            try:
                sock, _address = self._listening.socket.accept()
            except OSError:
                return
            if len(self._callers) >= CALLERS:
                self._drop(min(self._callers.values(), key=lambda caller: caller.until))
            sock.settimeout(0)
            caller = Caller(sock, peer_of(sock).uid, now + PATIENCE)
            self._callers[sock.fileno()] = caller
            self._attend(caller, "read")

    def _talk(self, caller: Caller, now: Instant) -> None:
        """Go on with a caller: send, or receive where no whole request waits, then answer what there is."""
        if caller.answer is not None:
            self._send(caller, now)
        elif caller.request is not None or not caller.has_request:
            self._receive(caller)
        self._serve(caller, now)

    def _receive(self, caller: Caller) -> None:
        try:
            data = caller.sock.recv(REQUEST_LIMIT)
        except BlockingIOError:
            return
        except OSError:
            self._drop(caller)
            return
        caller.ended = not data  # it may have closed its half only: what it asked is answered all the same
        caller.asked += data

    def _serve(self, caller: Caller, now: Instant) -> None:
        """Take what whole requests there are, a turn's worth of them, and see what is to be waited for next."""
        caller.serving = True
        for _ in range(TURN):
            if caller.is_busy or not caller.has_request or self._rests_until is not None:
                break
            began = self._loop.clock()
            self._next(caller, now)
            self._work(began)
        caller.serving = False
        if caller.is_gone:
            return
        over = len(caller.asked) > REQUEST_LIMIT
        waits = caller.has_request and caller.request is None
        if caller.answer is None and waits and self._rests_until is not None:
            caller.until = now + ANSWER_PATIENCE  # it is not idle: it stands in a queue
            self._attend(caller, None)
        elif caller.answer is not None or waits:
            self._attend(caller, "write")  # the rest of an answer, or its next turn
        elif over or (caller.ended and caller.request is None):
            self._drop(caller)
        else:
            self._attend(caller, None if caller.ended else "read")

    def deadline(self) -> Instant | None:
        """Return when this server has rested (the loop asks)."""
        return self._rests_until

    def expire(self, now: Instant) -> None:
        """Go on with those that waited meanwhile, each in its turn."""
        self._rests_until = None
        for number, caller in tuple(self._callers.items()):
            if self._rests_until is not None:
                break
            if caller.has_request and not caller.is_busy:
                self._callers[number] = self._callers.pop(number)  # to the end of the queue
                self._serve(caller, now)

    def _work(self, began: Instant) -> None:
        """Count what a request took: a flood of them must keep neither timers nor the other sockets waiting."""
        ended = self._loop.clock()
        self._worked += ended - began
        if self._worked >= WORK:
            self._rests_until, self._worked = ended + self._worked, 0

    def _next(self, caller: Caller, now: Instant) -> None:
        """Take the next whole request."""
        end = caller.asked.index(b"\n")
        line = bytes(caller.asked[:end])
        del caller.asked[: end + 1]
        caller.until = now + ANSWER_PATIENCE
        caller.request = request = Request("", {}, user_name(caller.uid), partial(self._reply, caller))
        request.uid, request.detach = caller.uid, partial(self._detach, caller)
        fault = read_request(bytes(line), request)
        if fault is None:
            self._take(now, request)
        else:
            request.refuse("usage", fault, "see docs/api.md")

    def _reply(self, caller: Caller, request: Request, data: bytes) -> None:
        if caller.request is not request or caller.is_gone:
            return
        now = self._loop.clock()
        caller.request, caller.answer = None, memoryview(data)
        caller.until = now + PATIENCE
        self._send(caller, now)
        if not caller.serving:
            self._serve(caller, now)

    def _send(self, caller: Caller, now: Instant) -> None:
        assert caller.answer is not None
        waiting = len(caller.answer)
        try:
            caller.answer = caller.answer[caller.sock.send(caller.answer, socket.MSG_NOSIGNAL) :]
        except BlockingIOError:
            return
        except OSError:
            self._drop(caller)
            return
        if len(caller.answer) < waiting:
            caller.until = now + PATIENCE
        caller.answer = caller.answer or None

    def _attend(self, caller: Caller, wish: str | None) -> None:
        """Wait until a caller can be read or written, or for nothing."""
        if caller.attended != wish:
            caller.attended = wish
            self._loop.remove(caller.sock)
            if wish is not None:
                self._loop.add(caller.sock, partial(self._talk, caller), write=wish == "write")

    def _detach(self, caller: Caller) -> socket.socket:
        self._callers.pop(caller.sock.fileno(), None)
        self._loop.remove(caller.sock)
        if caller.request is not None:
            caller.request.answered = True
        return caller.sock

    def _sweep(self, now: Instant) -> None:
        for caller in tuple(self._callers.values()):
            if caller.until <= now:
                if caller.request is not None:
                    caller.request.refuse("unavailable", "no answer came in time")
                else:
                    self._drop(caller)

    def _drop(self, caller: Caller) -> None:
        self._callers.pop(caller.sock.fileno(), None)
        self._loop.remove(caller.sock)
        caller.sock.close()
