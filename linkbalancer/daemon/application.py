"""A process of applications: has the rules, follows the agent's table, and steers what it has.

It speaks to the kernel about two things only: whether a VID's rule and table are there, and its own elements of the
map. One process has one application, or a share of them all (`processes`).
"""

import gc
import os
import socket
import time
from collections.abc import Sequence
from dataclasses import dataclass
from functools import partial
from pathlib import Path
from typing import assert_never

from linkbalancer.clock import MILLISECOND, SECOND, Duration, Instant, earliest
from linkbalancer.config.load import Loaded
from linkbalancer.config.ways import twins
from linkbalancer.daemon.agent import FEED
from linkbalancer.daemon.hands import Hands
from linkbalancer.daemon.lifeline import Hangup, Lifeline
from linkbalancer.daemon.line import Lines, Stream
from linkbalancer.daemon.loop import Loop
from linkbalancer.daemon.lull import Lull
from linkbalancer.daemon.moves import Moves
from linkbalancer.daemon.together import Boards
from linkbalancer.daemon.zygote import BEAT
from linkbalancer.engine.application import ConnectionLost, Report, TableReceived, Tick
from linkbalancer.engine.share import Event, Look, Point, Share, Tell
from linkbalancer.engine.sweeping import Inspect, Remains, Sweep
from linkbalancer.feed.codec import LIMIT, PLACES_MAX, Applied, Goodbye, Place, decode, encode
from linkbalancer.feed.table import Table
from linkbalancer.links import Vid

AGAIN: Duration = 20 * MILLISECOND
AGAIN_MAX: Duration = 320 * MILLISECOND
"""How soon a lost agent is looked for again: first, and at most (doubling in between)."""


@dataclass(frozen=True, slots=True)
class Office:
    """Which applications a process has: its own name, theirs, and how many processes there are."""

    process: str
    applications: tuple[str, ...]
    processes: int


def run(office: Office, loaded: Loaded, lifeline: Lifeline, run_dir: Path, boards: Boards) -> int:
    """Be the process of these applications until told to end; return the exit status.

    The rules are those that it read before it was forked: to read them once more would be a copy for each process.
    """
    applications = loaded.rules.applications
    share = Share([applications[name] for name in office.applications], office.processes)
    config = loaded.config
    moves = Moves(run_dir, office.process, config.marks, len(applications), ipv6=twins(config) is not None)
    lull = Lull(office.processes)
    hands = Hands(loaded, moves, lull, boards, office.process)
    process = ApplicationProcess(
        share, hands, lull, lifeline, run_dir / FEED, log=Lines(Stream(), process=office.process)
    )
    moves.attend(process.loop)
    return process.run()


class ApplicationProcess:
    """The machine, its connection to the agent, and its hold on the kernel."""

    def __init__(
        self,
        share: Share,
        hands: Hands,
        lull: Lull,
        lifeline: Lifeline,
        feed: Path,
        *,
        log: Lines,
    ) -> None:
        self._share, self._hands, self._lull = share, hands, lull
        self._lifeline, self._feed, self._log = lifeline, str(feed), log
        self.loop = Loop()
        self._socket: socket.socket | None = None
        self._delay = AGAIN
        self._connect_at: Instant | None = self.loop.clock()
        self._told: dict[str, tuple[Vid | None, str]] = {}
        self._orphaned = False
        self._look_at: Instant | None = None

    def run(self) -> int:
        """Turn until told to end."""
        loop = self.loop
        loop.add(self._lifeline, self._hear)
        loop.watch(self)
        loop.watch(self._lull)
        loop.every(BEAT, lambda _now: self._beat())
        gc.freeze()
        self._lifeline.say("ready")
        loop.run()
        self._settle(loop.clock())
        self._lull.over()
        if self._socket is not None:
            self._send(encode(Goodbye()))
        return 0

    def deadline(self) -> Instant | None:
        """Return the machine's deadline, or when to look for the agent, or for what another process has in hand."""
        return earliest(self._share.deadline() if self._connect_at is None else self._connect_at, self._look_at)

    def expire(self, now: Instant) -> None:
        """Look for the agent while there is none; else it is the machine's deadline."""
        if self._look_at is not None:
            self._settle(now)
        elif self._connect_at is not None:
            self._connect(now)
        else:
            self._take(now, Tick())

    def _settle(self, now: Instant) -> None:
        """Have what another process took on come to its end: nothing is decided before that is known."""
        if self._look_at is not None:
            while (answer := self._hands.pointed()) is None:
                time.sleep(MILLISECOND / SECOND)
            self._look_at = None
            self._take(now, answer)

    def _beat(self) -> None:
        self._lifeline.say("beat")

    def _hear(self, _now: Instant) -> None:
        """Do what the supervisor says; when it is gone, go on for as long as the agent does that is there now."""
        spoken = self._lifeline.hear()
        if isinstance(spoken, Hangup):
            if self._socket is None:
                os._exit(0)
            self._orphaned = True
            self.loop.remove(self._lifeline)
            self._log.warning("orphaned", text="the supervisor is gone; following its agent to the end")
        elif spoken is not None:  # leave, end or renew: what is steered stays steered
            self.loop.stop()

    def _connect(self, now: Instant) -> None:
        sock = socket.socket(socket.AF_UNIX, socket.SOCK_SEQPACKET)
        sock.settimeout(0)
        try:
            sock.connect(self._feed)
        except OSError:
            sock.close()
            self._connect_at = now + self._delay
            self._delay = min(2 * self._delay, AGAIN_MAX)
            return
        self._socket, self._connect_at, self._delay = sock, None, AGAIN
        self.loop.add(sock, self._read)
        # The agent learns who is there before there is a table to report on.
        known = self._share.applications.items()
        self._tell_agent([Place(name, one.vid, one.reason) for name, one in known], 0, 0)

    def _read(self, now: Instant) -> None:
        """Read everything there is; only the last table counts."""
        newest: Table | None = None
        while self._socket is not None:
            try:
                data = self._socket.recv(LIMIT + 1)
            except BlockingIOError:
                break
            except OSError:
                data = b""
            message = decode(data) if data else None
            if isinstance(message, Table):
                newest = message
                continue
            if message is not None:
                self._log.warning("the agent sent no table", message=str(message)[:200])
            self._lost(now)
            return
        if newest is not None:
            self._take(now, TableReceived(newest))

    def _lost(self, now: Instant) -> None:
        """Look for another agent; an orphan ends without a word, the next agent brings processes of its own."""
        if self._orphaned:
            os._exit(0)
        if self._socket is not None:
            self.loop.remove(self._socket)
            self._socket.close()
            self._socket = None
        self._lull.over()
        self._connect_at = now + self._delay
        self._take(now, ConnectionLost())

    def _take(self, now: Instant, event: Event) -> None:
        self._settle(now)
        events = [event]
        while events:
            for effect in self._share.handle(now, events.pop(0)):
                match effect:
                    case Look():
                        events.append(self._hands.look(effect))
                    case Point(wanted):
                        self._settle(now)
                        answer = self._hands.point(wanted, self._share.name_of)
                        if answer is None:
                            self._look_at = self.loop.clock() + self._hands.gather
                        else:
                            events.append(answer)
                    case Tell(reports):
                        self._lull.add(partial(self._report, reports))
                    case Sweep(wanted):
                        self._lull.add(partial(self._hands.sweep, wanted))
                    case Inspect(wanted):
                        events.append(self._hands.inspect(wanted))
                    case Remains():
                        self._hands.remark(effect, self._share.name_of(effect.app_id))
                    case _:
                        assert_never(effect)

    def _report(self, reports: Sequence[tuple[str, Report]]) -> None:
        """Tell the agent, and the log what is new; the reports of one event are of one table."""
        newest = reports[-1][1]
        places = [Place(name, report.vid, report.reason) for name, report in reports]
        self._tell_agent(places, newest.session, newest.sequence)
        for place in places:
            if (place.vid, place.reason) != self._told.get(place.application):
                self._told[place.application] = place.vid, place.reason
                self._log.info("steers", app=place.application, vid=place.vid, text=place.reason)

    def _tell_agent(self, places: Sequence[Place], session: int, sequence: int) -> None:
        for start in range(0, len(places), PLACES_MAX):
            self._send(encode(Applied(tuple(places[start : start + PLACES_MAX]), session, sequence)))

    def _send(self, data: bytes) -> None:
        """Tell the agent; one that does not read will be told more later, one that is gone is noticed by reading."""
        if self._socket is not None:
            try:
                self._socket.send(data, socket.MSG_NOSIGNAL)
            except OSError as error:
                self._log.warning("the agent does not listen", why=str(error))
