"""One application's process: reads the rules itself, follows the agent's table, and steers its application.

It speaks to the kernel about two things only: whether a VID's rule and table are there, and its own element of the map.
"""

import gc
import os
import socket
from collections.abc import Callable
from pathlib import Path
from typing import assert_never

from linkbalancer.clock import MILLISECOND, Duration, Instant
from linkbalancer.config.load import Loaded, load_rules
from linkbalancer.daemon import logs
from linkbalancer.daemon.agent import FEED
from linkbalancer.daemon.lifeline import Hangup, Lifeline
from linkbalancer.daemon.loop import Loop
from linkbalancer.daemon.moves import Moves
from linkbalancer.daemon.zygote import BEAT
from linkbalancer.drivers import routes, rules
from linkbalancer.drivers.errors import DriverError
from linkbalancer.drivers.netlink.transport import NETFILTER, ROUTE, NetlinkSocket
from linkbalancer.drivers.nftables.elements import MapWriter
from linkbalancer.engine.application import (
    Application,
    ConnectionLost,
    Event,
    Report,
    Steer,
    Steered,
    TableReceived,
    Tick,
    Verified,
    Verify,
)
from linkbalancer.feed.codec import LIMIT, Applied, Goodbye, decode, encode
from linkbalancer.feed.table import Table
from linkbalancer.links import Vid
from linkbalancer.routing.marks import Marks
from linkbalancer.routing.plan import routing_rules

AGAIN: Duration = 20 * MILLISECOND
AGAIN_MAX: Duration = 320 * MILLISECOND
"""How soon a lost agent is looked for again: first, and at most (doubling in between)."""


def run(name: str, loaded: Loaded, read: Callable[[str], str], lifeline: Lifeline, run_dir: Path) -> int:
    """Be the process of one application until told to end; return the exit status."""
    ruleset = load_rules(loaded.rule_file, read)
    machine = Application(ruleset.applications[name])
    process = ApplicationProcess(machine, Eyes(loaded), lifeline, run_dir / FEED, logs.start(process=f"app:{name}"))
    process.moves = Moves(run_dir, name, loaded.config.marks, len(loaded.rules.applications))
    return process.run()


class Eyes:
    """What an application's process asks the kernel, and the one thing that it writes there."""

    def __init__(self, loaded: Loaded) -> None:
        """Open the netlink sockets; raises DriverError."""
        self._marks: Marks = loaded.config.marks
        self._vids = frozenset(loaded.config.vids)
        self._netlink = NetlinkSocket(ROUTE)
        self._map = MapWriter(self._marks, NetlinkSocket(NETFILTER))

    def verify(self, vid: Vid, app_id: int) -> Verified:
        """Return whether a VID's rule and table are there, and where the application points."""
        try:
            pointing = self._map.read().get(app_id)
            why = self._missing(vid)
        except DriverError as error:
            return Verified(vid, ok=False, why=str(error))
        return Verified(vid, not why, why, pointing)

    def steer(self, app_id: int, vid: Vid) -> Steered:
        """Point the application at a VID."""
        try:
            self._map.steer({app_id: vid})
        except DriverError as error:
            return Steered(vid, ok=False, why=str(error))
        return Steered(vid, ok=True)

    def _missing(self, vid: Vid) -> str:
        """Return what is missing for a VID, empty when nothing is."""
        if vid not in self._vids:
            return "there is no such group"
        table = self._marks.table(vid)
        wanted = [rule for rule in routing_rules(self._vids, self._marks) if rule.table == table and rule.mask]
        if not set(wanted) <= set(rules.read(self._netlink)):
            return f"the routing rule to its table {table} is missing"
        if table not in routes.floored(self._netlink):
            return f"its table {table} is missing"
        return ""


class ApplicationProcess:
    """The machine, its connection to the agent, and its hold on the kernel."""

    def __init__(
        self,
        machine: Application,
        eyes: Eyes,
        lifeline: Lifeline,
        feed: Path,
        log: logs.Log,
    ) -> None:
        self._machine, self._eyes, self._lifeline, self._feed, self._log = machine, eyes, lifeline, str(feed), log
        self._loop = Loop()
        self._socket: socket.socket | None = None
        self._delay = AGAIN
        self._connect_at: Instant | None = self._loop.clock()
        self._told: tuple[Vid | None, str] | None = None
        self.moves: Moves | None = None
        self._orphaned = False

    def run(self) -> int:
        """Turn until told to end."""
        loop = self._loop
        loop.add(self._lifeline, self._hear)
        loop.watch(self)
        if self.moves is not None:
            self.moves.attend(loop)
        loop.every(BEAT, lambda _now: self._beat())
        gc.freeze()
        self._lifeline.say("ready")
        loop.run()
        if self._socket is not None:
            self._send(encode(Goodbye(self._machine.name)))
        return 0

    def deadline(self) -> Instant | None:
        """Return the machine's deadline, or when to look for the agent."""
        return self._machine.deadline() if self._connect_at is None else self._connect_at

    def expire(self, now: Instant) -> None:
        """Look for the agent while there is none; else it is the machine's deadline."""
        if self._connect_at is not None:
            self._connect(now)
        else:
            self._take(now, Tick())

    def _beat(self) -> None:
        self._lifeline.say("beat")

    def _hear(self, _now: Instant) -> None:
        """Do what the supervisor says; when it is gone, go on for as long as the agent does that is there now."""
        spoken = self._lifeline.hear()
        if isinstance(spoken, Hangup):
            if self._socket is None:
                os._exit(0)
            self._orphaned = True
            self._loop.remove(self._lifeline)
            self._log.warning("orphaned", text="the supervisor is gone; following its agent to the end")
        elif spoken is not None:  # leave, end or renew: what is steered stays steered
            self._loop.stop()

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
        self._loop.add(sock, self._read)
        # The agent learns who is there before there is a table to report on.
        self._send(encode(Applied(self._machine.name, self._machine.place, 0, 0, self._machine.reason)))

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
            self._loop.remove(self._socket)
            self._socket.close()
            self._socket = None
        self._connect_at = now + self._delay
        self._take(now, ConnectionLost())

    def _take(self, now: Instant, event: Event) -> None:
        events = [event]
        while events:
            for effect in self._machine.handle(now, events.pop(0)):
                match effect:
                    case Verify(vid, app_id):
                        events.append(self._eyes.verify(vid, app_id))
                    case Steer(app_id, vid):
                        events.append(self._steer(app_id, vid))
                    case Report():
                        self._report(effect)
                    case _:
                        assert_never(effect)

    def _steer(self, app_id: int, vid: Vid) -> Steered:
        before, began = self._machine.place, self._loop.clock()
        steered = self._eyes.steer(app_id, vid)
        if self.moves is not None and steered.ok:
            self.moves.moved(app_id, before, vid, self._loop.clock() - began)
        return steered

    def _report(self, report: Report) -> None:
        self._send(encode(Applied(self._machine.name, report.vid, report.session, report.sequence, report.reason)))
        if (report.vid, report.reason) != self._told:
            self._told = (report.vid, report.reason)
            self._log.info("steers", vid=report.vid, text=report.reason)

    def _send(self, data: bytes) -> None:
        """Tell the agent; one that does not read will be told more later, one that is gone is noticed by reading."""
        if self._socket is not None:
            try:
                self._socket.send(data, socket.MSG_NOSIGNAL)
            except OSError as error:
                self._log.warning("the agent does not listen", why=str(error))
