"""A process of applications: reads the rules itself, follows the agent's table, and steers what it has.

It speaks to the kernel about two things only: whether a VID's rule and table are there, and its own elements of the
map. One process has one application, or a share of them all (`processes`).
"""

import gc
import os
import socket
from collections.abc import Callable, Collection, Mapping, Sequence
from dataclasses import dataclass
from errno import EEXIST, ENOENT
from pathlib import Path
from typing import assert_never

from linkbalancer.clock import MILLISECOND, Duration, Instant
from linkbalancer.config.load import Loaded, load_rules
from linkbalancer.daemon import logs
from linkbalancer.daemon.agent import FEED
from linkbalancer.daemon.lifeline import Hangup, Lifeline
from linkbalancer.daemon.loop import Loop, boottime
from linkbalancer.daemon.moves import Moves
from linkbalancer.daemon.zygote import BEAT
from linkbalancer.drivers import routes, rules
from linkbalancer.drivers.errors import DriverError
from linkbalancer.drivers.netlink.transport import NETFILTER, ROUTE, NetlinkSocket
from linkbalancer.drivers.nftables.elements import MapWriter
from linkbalancer.engine.application import ConnectionLost, Report, TableReceived, Tick
from linkbalancer.engine.share import Event, Look, Point, Pointed, Seen, Share, Tell
from linkbalancer.feed.codec import LIMIT, PLACES_MAX, Applied, Goodbye, Place, decode, encode
from linkbalancer.feed.table import Table
from linkbalancer.links import Vid
from linkbalancer.routing.marks import Marks
from linkbalancer.routing.plan import routing_rules

AGAIN: Duration = 20 * MILLISECOND
AGAIN_MAX: Duration = 320 * MILLISECOND
"""How soon a lost agent is looked for again: first, and at most (doubling in between)."""


@dataclass(frozen=True, slots=True)
class Office:
    """Which applications a process has: its own name, theirs, and how many processes there are."""

    process: str
    applications: tuple[str, ...]
    processes: int


def run(office: Office, loaded: Loaded, read: Callable[[str], str], lifeline: Lifeline, run_dir: Path) -> int:
    """Be the process of these applications until told to end; return the exit status."""
    ruleset = load_rules(loaded.rule_file, read)
    share = Share([ruleset.applications[name] for name in office.applications], office.processes)
    moves = Moves(run_dir, office.process, loaded.config.marks, len(ruleset.applications))
    hands = Hands(loaded, moves)
    process = ApplicationProcess(share, hands, lifeline, run_dir / FEED, logs.start(process=office.process))
    moves.attend(process.loop)
    return process.run()


class Hands:
    """What an application process asks the kernel, and the one thing that it writes there."""

    def __init__(self, loaded: Loaded, moves: Moves) -> None:
        """Open the netlink sockets; raises DriverError."""
        self._marks: Marks = loaded.config.marks
        self._vids = frozenset(loaded.config.vids)
        self._rules = frozenset(rule for rule in routing_rules(self._vids, self._marks) if rule.mask)
        self._netlink = NetlinkSocket(ROUTE)
        self._map = MapWriter(self._marks, NetlinkSocket(NETFILTER))
        self._moves = moves
        self._pointing: dict[int, Vid | None] = {}

    def look(self, question: Look) -> Seen:
        """Return whether VIDs' rules and tables are there, and where applications point."""
        try:
            unknown = [one for one in question.app_ids if question.afresh or one not in self._pointing]
            if unknown:
                for one in unknown:
                    self._pointing.pop(one, None)
                self._pointing |= self._map.read_some(unknown)
            missing = self._missing(question.vids)
        except DriverError as error:
            self._pointing = {}
            return Seen(dict.fromkeys(question.vids, str(error)), {})
        return Seen(missing, {one: self._pointing.get(one) for one in question.app_ids})

    def point(self, wanted: Mapping[int, Vid], name: Callable[[int], str]) -> Pointed:
        """Point applications at VIDs, all in one transaction."""
        before, began = {one: self._pointing.get(one) for one in wanted}, boottime()
        try:
            self._write(wanted)
        except DriverError as error:
            self._pointing = {}
            return Pointed(wanted, ok=False, why=str(error))
        self._pointing |= wanted
        took = boottime() - began
        for one, vid in wanted.items():
            self._moves.moved(one, name(one), before[one], vid, took)
        return Pointed(wanted, ok=True)

    def _write(self, wanted: Mapping[int, Vid]) -> None:
        """Write to the map by what is known of it; where that was wrong, by what it holds. Raises DriverError."""
        known = {one: self._pointing[one] for one in wanted if one in self._pointing}
        try:
            self._map.steer(wanted, known)
        except DriverError as error:
            if error.errno not in {ENOENT, EEXIST}:
                raise
            self._map.steer(wanted)

    def _missing(self, vids: Collection[Vid]) -> dict[Vid, str]:
        """Return what is missing for VIDs; nothing for one that lacks nothing."""
        rules_there = frozenset(rules.read(self._netlink))
        tables_there = routes.floored(self._netlink)
        found = {}
        for vid in vids:
            table = self._marks.table(vid)
            if vid not in self._vids:
                found[vid] = "there is no such group"
            elif not {rule for rule in self._rules if rule.table == table} <= rules_there:
                found[vid] = f"the routing rule to its table {table} is missing"
            elif table not in tables_there:
                found[vid] = f"its table {table} is missing"
        return found


class ApplicationProcess:
    """The machine, its connection to the agent, and its hold on the kernel."""

    def __init__(
        self,
        share: Share,
        hands: Hands,
        lifeline: Lifeline,
        feed: Path,
        log: logs.Log,
    ) -> None:
        self._share, self._hands, self._lifeline, self._feed, self._log = share, hands, lifeline, str(feed), log
        self.loop = Loop()
        self._socket: socket.socket | None = None
        self._delay = AGAIN
        self._connect_at: Instant | None = self.loop.clock()
        self._told: dict[str, tuple[Vid | None, str]] = {}
        self._orphaned = False

    def run(self) -> int:
        """Turn until told to end."""
        loop = self.loop
        loop.add(self._lifeline, self._hear)
        loop.watch(self)
        loop.every(BEAT, lambda _now: self._beat())
        gc.freeze()
        self._lifeline.say("ready")
        loop.run()
        if self._socket is not None:
            self._send(encode(Goodbye()))
        return 0

    def deadline(self) -> Instant | None:
        """Return the machine's deadline, or when to look for the agent."""
        return self._share.deadline() if self._connect_at is None else self._connect_at

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
        self._tell_agent([Place(name, one.place, one.reason) for name, one in known], 0, 0)

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
        self._connect_at = now + self._delay
        self._take(now, ConnectionLost())

    def _take(self, now: Instant, event: Event) -> None:
        events = [event]
        while events:
            for effect in self._share.handle(now, events.pop(0)):
                match effect:
                    case Look():
                        events.append(self._hands.look(effect))
                    case Point(wanted):
                        events.append(self._hands.point(wanted, self._share.name_of))
                    case Tell(reports):
                        self._report(reports)
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
