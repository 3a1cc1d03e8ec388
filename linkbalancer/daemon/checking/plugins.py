"""Plug-ins are asked what they make of links, each in a process of its own, which is ended where it does not answer.

A source of the checker's loop. The agent is told what comes of it, and asks everything anew when it begins anew.
"""

import socket
from pathlib import Path

from linkbalancer.clock import Instant, earliest, is_due
from linkbalancer.daemon import pluginline
from linkbalancer.daemon.checking.advisor import Advisor
from linkbalancer.daemon.checking.channel import AGAIN, AGAIN_MAX
from linkbalancer.daemon.loop import Loop
from linkbalancer.weights.question import Reply


class Plugins:
    """The line to the agent, and an adviser for each plug-in that it has asked for.

    Args:
        loop: what turns.
        run_dir: where the agent listens.
    """

    def __init__(self, loop: Loop, run_dir: Path) -> None:
        self._loop, self._path = loop, str(run_dir / pluginline.SOCKET)
        self._advisors: dict[str, Advisor] = {}
        self._agent: socket.socket | None = None
        self._delay = AGAIN
        self._connect_at: Instant | None = loop.clock()
        loop.watch(self)

    def deadline(self) -> Instant | None:
        """Return when to connect, or to end somebody."""
        return earliest(self._connect_at, *(one.deadline() for one in self._advisors.values()))

    def expire(self, now: Instant) -> None:
        """Do what is due."""
        if is_due(now, self._connect_at):
            self._connect(now)
        for one in self._advisors.values():
            if is_due(now, one.deadline()):
                one.expire(now)

    def close(self) -> None:
        """Hang up, and end everybody who is asked."""
        self._hang_up()
        self._connect_at = None
        for one in self._advisors.values():
            one.close()

    def _connect(self, now: Instant) -> None:
        self._connect_at = None
        sock = socket.socket(socket.AF_UNIX, socket.SOCK_SEQPACKET)
        sock.settimeout(0)
        try:
            sock.connect(self._path)
        except OSError:
            sock.close()
            self._connect_at = now + self._delay
            self._delay = min(2 * self._delay, AGAIN_MAX)
            return
        self._agent, self._delay = sock, AGAIN
        self._loop.add(sock, self._read)

    def _read(self, now: Instant) -> None:
        assert self._agent is not None
        try:
            message = self._agent.recv(pluginline.LIMIT + 1)
        except BlockingIOError:
            return
        except OSError:
            message = b""
        questions = pluginline.questions(message)
        if questions is None:
            self._lost(now)
            return
        self._say(now, ())  # leave to ask more
        for question in questions:
            if question.name not in self._advisors:
                self._advisors[question.name] = Advisor(question.name, self._loop, self._told)
            self._advisors[question.name].ask(now, question)

    def _told(self, now: Instant, replies: list[Reply]) -> None:
        for first in range(0, len(replies), pluginline.REPLIES):
            self._say(now, replies[first : first + pluginline.REPLIES])

    def _say(self, now: Instant, replies: list[Reply] | tuple[()]) -> None:
        if self._agent is None:
            return
        try:
            self._agent.send(pluginline.encode(replies), socket.MSG_NOSIGNAL)
        except OSError:  # gone, or it does not read: it asks anew
            self._lost(now)

    def _lost(self, now: Instant) -> None:
        """What was asked is the concern of an agent that is no more."""
        self._hang_up()
        for one in self._advisors.values():
            one.forget()
        self._connect_at = now + self._delay

    def _hang_up(self) -> None:
        if self._agent is not None:
            self._loop.remove(self._agent)
            self._agent.close()
            self._agent = None
