"""The agent's process: the real world around `engine.agent.Agent`.

Everything slow happens before the loop (the first classifier), in an errand (every other one), or in small pieces at
quiet moments (comparing the kernel with what is wanted). What the engine decides is performed at once and in its order.
"""

import os
import random
from collections.abc import Collection, Iterable, Mapping
from contextlib import suppress
from dataclasses import replace
from functools import partial
from pathlib import Path
from typing import Any, NoReturn, assert_never

from linkbalancer.clock import SECOND, Duration, Instant, earliest, in_words
from linkbalancer.config.load import Loaded
from linkbalancer.daemon import logs, odometer
from linkbalancer.daemon.agentlock import AgentLock
from linkbalancer.daemon.checks import ChecksServer
from linkbalancer.daemon.delegation import KeepalivedServer
from linkbalancer.daemon.drainfile import asked_for, remembered
from linkbalancer.daemon.feed import FeedServer
from linkbalancer.daemon.flight import FlightRecorder
from linkbalancer.daemon.healer import Healer
from linkbalancer.daemon.heir import Heir, SuccessionError, find, wait_for_office
from linkbalancer.daemon.incumbent import Incumbent
from linkbalancer.daemon.journal import Journal
from linkbalancer.daemon.layout import reserved
from linkbalancer.daemon.lifeline import Hangup, Lifeline, Spoken
from linkbalancer.daemon.lookout import Lookout, look_every
from linkbalancer.daemon.loop import Loop, Periodic
from linkbalancer.daemon.measuring import begin_measuring
from linkbalancer.daemon.numbering import number_applications
from linkbalancer.daemon.paces import LONGEST, PROBE, RECONCILE, REST
from linkbalancer.daemon.performer import Performer
from linkbalancer.daemon.place import Place
from linkbalancer.daemon.plugins import PluginServer
from linkbalancer.daemon.punctual import Punctual
from linkbalancer.daemon.recording import Recording
from linkbalancer.daemon.remembering import Remembering
from linkbalancer.daemon.requests import Request
from linkbalancer.daemon.server import RequestServer
from linkbalancer.daemon.snapshot import SnapshotFile
from linkbalancer.daemon.sockets import Sockets
from linkbalancer.daemon.succession import Bequest, Heirloom
from linkbalancer.daemon.turn import go_first
from linkbalancer.daemon.zygote import BEAT
from linkbalancer.drivers.errors import DriverError
from linkbalancer.engine import effects as effect_kinds
from linkbalancer.engine.agent import Agent
from linkbalancer.engine.effects import Effect
from linkbalancer.engine.events import ApplicationSteers, Event, Leave, Retain, Retire, Started, Tick
from linkbalancer.engine.flight.seed import Start
from linkbalancer.engine.membership import Membership
from linkbalancer.engine.supervision import Word
from linkbalancer.feed.codec import Applied
from linkbalancer.links import GroupId, LinkName, Vid
from linkbalancer.lvrrp.keys import Key
from linkbalancer.routing.classifier import Classifier

CANNOT_START = 75
"""Exit status when the kernel refuses what everything rests on (EX_TEMPFAIL)."""

ORPHAN: Duration = 30 * SECOND
"""How long an agent lives on without its supervisor: another one may come and succeed it."""

FEED = "feed.sock"
LOCK = "agent.lock"
SOCKET = "agent.sock"
SNAPSHOT = "agent.snapshot"


def run(
    loaded: Loaded,
    classifier: Classifier,
    keys: Mapping[LinkName, tuple[Key, ...]],
    lifeline: Lifeline,
    *,
    run_dir: Path,
    state_dir: Path,
    orphan_for: Duration = ORPHAN,
) -> int:
    """Be the agent until it has left, or another one succeeds it; return the exit status.

    An agent that is in office already is succeeded; `orphan_for` is how long this one lives on without a supervisor.
    """
    log = logs.start(process="agent")
    try:
        process = AgentProcess(loaded, classifier, keys, lifeline, log, run_dir=run_dir, state_dir=state_dir)
        process.orphan_for = orphan_for
        process.take_office()
    except (DriverError, OSError, ValueError, SuccessionError) as error:
        log.critical("cannot start", why=str(error))
        return CANNOT_START
    return process.run()


class AgentProcess:
    """One agent, its sockets, its servers and its hold on the kernel."""

    _keepalived: KeepalivedServer
    _odometer: odometer.Odometer | None

    def __init__(
        self,
        loaded: Loaded,
        classifier: Classifier,
        keys: Mapping[LinkName, tuple[Key, ...]],
        lifeline: Lifeline,
        log: logs.Log,
        *,
        run_dir: Path,
        state_dir: Path,
    ) -> None:
        """Open what disturbs nobody; raises DriverError, OSError, ValueError."""
        self._loaded, self._keys, self._run_dir = loaded, keys, run_dir
        self._log, self._lifeline = log, lifeline
        self.orphan_for = ORPHAN
        self._orphan_until: Instant | None = None
        self._loop = Loop(paced=True)
        self._punctual = Punctual(self._loop)
        recording = Recording(run_dir, "agent", self._loop.clock())
        self._loop.watch(recording)
        self._journal = Journal(log, recording, self._loop.clock)
        self._flight = FlightRecorder(self._loop, run_dir, loaded, keys, self._journal.complain)
        self._took: Duration = 0
        self._state_dir = state_dir
        names, limit = loaded.rules.applications, loaded.config.marks.application_limit
        self._app_ids = number_applications(state_dir, names, limit, self._journal.complain)
        self._places: dict[str, Vid] = {}
        self._healer = Healer(self._loop, self._journal, self._mend_by)
        self._performer = Performer(
            self._loop,
            loaded,
            classifier,
            self._app_ids,
            self._places,
            complain=self._journal.complain,
            put_back=self._healer.put_back,
            load_over=self._load_over,
        )
        self._lock = AgentLock(run_dir / LOCK)
        self._snapshot = SnapshotFile(run_dir / SNAPSHOT)
        self._remembering: Remembering
        self._place = Place(run_dir)
        self._exit: int | None = None
        self._in_office = self._told_ready = False
        self._compare_at: Instant = 0
        self._agent: Agent
        self._sockets: Sockets
        self._feed: FeedServer
        self._requests: RequestServer
        self._incumbent: Incumbent
        self._reconcile: Periodic
        self._lookout = Lookout(
            self._loop,
            self._performer,
            reserved(loaded),
            self._journal,
            take=self._take,
            healer=self._healer,
            every=look_every(loaded.config),
        )

    # -- how it begins -------------------------------------------------------------------------------------------------

    def take_office(self) -> None:
        """Succeed the agent in office, or be the first, and adopt what is there.

        Raises DriverError, OSError, SuccessionError.
        """
        loop = self._loop
        loop.add(self._lifeline, self._hear)
        loop.every(BEAT, lambda _now: self._beat())
        heir = find(loop, self._run_dir / SOCKET, self._lock, self._beat)
        if heir is None:
            go_first()
            self._punctual.sweep()
            for line in self._performer.prepare():
                self._log.info(line)
            self._go_on(None)
        else:
            self._go_on(self._succeed(heir))
            self._performer.take_up(self._agent.working)
        self._punctual.begin()

    def _succeed(self, heir: Heir) -> Bequest | None:
        """Prepare beside the incumbent, then have its bequest; None when it has died meanwhile."""
        outcome: list[str | None] = []
        for line in self._performer.extend(heir.answer.get("layout"), outcome.append):
            self._log.info(line)
        while not outcome and not heir.lost:
            self._loop.turn()
        if outcome and outcome[0] is not None:
            raise SuccessionError(f"load the classifier: {outcome[0]}")
        self._rehearse()
        heir.ask(self._loaded.config.groups, self._loaded.config.links)
        while heir.bequest is None and not heir.lost:
            self._loop.turn()
        if heir.bequest is None and not wait_for_office(self._lock):
            raise SuccessionError("the agent in office hung up, and stays")
        return heir.bequest

    def _engine(self, now: Instant, snapshot: Mapping[str, Any] | None, *, live: bool) -> Start:
        """Return how to make an engine that goes on from what the kernel and a predecessor left."""
        carried = odometer.remembered(self._state_dir, self._journal.complain)
        found = replace(self._performer.found(), snapshot={**(snapshot or {}), "carried": carried}, live=live)
        return Start(self._app_ids, session=now, boot=now, found=found)

    def _rehearse(self) -> None:
        """Do once, for nobody, what must be quick when nobody speaks: first calls take many times as long."""
        now = self._loop.clock()
        start = self._engine(now, self._snapshot.read(), live=False)
        agent = start.agent(self._loaded, self._keys, random.SystemRandom())
        events: list[Event] = [*self._lookout.current(), Started()]
        for event in events:
            agent.handle(now, event)
        agent.snapshot(now)
        self._punctual.sweep()

    def _go_on(self, bequest: Bequest | None) -> None:
        """Begin: where a living predecessor stands, or where a dead one stood; raises DriverError, OSError."""
        go_first()
        loop, config = self._loop, self._loaded.config
        self._snapshot.follow()
        fields: dict[str, Any] = {"snapshot": self._snapshot.read()} if bequest is None else bequest.fields
        left = fields.get("snapshot")
        self._agent = self._flight.begin(self._engine(loop.clock(), left, live=bequest is not None))
        self._remembering = Remembering(self._snapshot, self._agent.snapshot, self._journal.complain)
        self._places.update(self._agent.known.places())
        self._sockets = Sockets(loop, config, self._take, self._journal.complain, self._agent.known.deaf())
        inherited = bequest or Bequest({})
        self._sockets.inherit(inherited)
        self._sockets.open()
        feed, asked = (next(iter(inherited.take(key)), None) for key in (FEED, SOCKET))
        inherited.close()
        run_dir, complain = self._run_dir, self._journal.complain
        self._feed = FeedServer(loop, run_dir / FEED, self._applied, partial(complain, "feed"), feed)
        self._requests = RequestServer(loop, run_dir / SOCKET, self._asked, listener=asked)
        self._checks = ChecksServer(loop, run_dir, self._take, self._agent.believed, complain)
        self._keepalived = KeepalivedServer(loop, run_dir, self._take, self._members, complain)
        self._plugins = PluginServer(loop, run_dir, self._take, complain)
        self._incumbent = Incumbent(loop, self._lock, self, complain)
        self._healer.inherit(fields)
        at = fields.get("at")
        self._begin(at if isinstance(at, int) else None)

    def _begin(self, since: Instant | None) -> None:
        """Look at the devices, and let the engine start; `since` is when a predecessor spoke last."""
        loop = self._loop
        self._in_office = True
        loop.watch(self)
        if self._sockets.probes:
            loop.every(PROBE, lambda now: self._sockets.probe(now, self._lookout.primaries))
        loop.every(look_every(self._loaded.config), self._keep_place)
        self._reconcile = loop.every(RECONCILE, self._reconcile_now)
        self._healer.attend(self._performer)
        # The devices first: a mastership can only be gone on with where there is an address to advertise from.
        self._lookout.begin()
        self._take(loop.clock(), [remembered(self._state_dir, self._log), Started()])
        if since is not None:
            self._log.info("succeeds", text=f"nobody spoke for {in_words(loop.clock() - since)}")
        self._sockets.probe(loop.clock(), self._lookout.primaries)
        begin_measuring(loop, self._loaded.config, self._take, self._journal.complain)
        counted = self._loaded.config, self._state_dir, self._agent.carried, self._journal.complain
        self._odometer = odometer.begin_counting(loop, *counted)

    def _members(self) -> Mapping[GroupId, Membership]:
        return self._agent.memberships

    def run(self) -> int:
        """Turn until told to end."""
        if not self._performer.loading:
            self._say_ready()
        self._loop.run()
        servers = (self._feed, self._requests, self._checks, self._keepalived, self._plugins)
        for one in (self._performer, *servers, self._healer, self._journal, self._flight):
            one.close()
        return self._exit or 0

    # -- how it ends: a successor asks (`daemon.incumbent.Office`) -----------------------------------------------------

    def hold(self) -> dict[str, Any]:
        """Compare the kernel with nothing; return what the successor must know."""
        self._performer.pause()
        self._log.info("a successor prepares")
        return {"layout": self._performer.in_words()}

    def resume(self) -> None:
        """Go on as before, and mend what the successor left."""
        self._log.warning("the successor has failed: this agent stays")
        self._mend_by(self._loop.clock())
        self._take(self._loop.clock(), [Retain()])

    def retire(self, now: Instant, served: Collection[GroupId | None], links: frozenset[LinkName]) -> None:
        """Hand over everything but these."""
        groups, present = frozenset(self._agent.memberships), frozenset(self._agent.links)
        self._take(now, [Retire(groups - set(served), present - links)])

    def bequest(self, now: Instant) -> tuple[dict[str, Any], list[Heirloom]]:
        """Return what the successor goes on from; the engine has just asked the peers to wait for it."""
        self._remembering.write(now)
        fields = {"at": now, "snapshot": self._agent.snapshot(now, live=True), **self._healer.describe()}
        listeners = [Heirloom((FEED,), (self._feed.listener,)), Heirloom((SOCKET,), (self._requests.listener,))]
        return fields, [*self._sockets.hand_on(), *listeners]

    def depart(self) -> NoReturn:
        """End, and touch nothing."""
        self._log.info("succeeded", text="another agent has taken over")
        self._journal.close()
        self._flight.close()
        os._exit(0)

    # -- deadlines (the loop asks) -------------------------------------------------------------------------------------

    def deadline(self) -> Instant | None:
        """Return the engine's deadline, the snapshot's, or an orphan's."""
        return earliest(self._agent.deadline(), self._remembering.deadline(), self._orphan_until)

    def expire(self, now: Instant) -> None:
        """Hand the engine its deadline; write the snapshot when it is due."""
        engine = self._agent.deadline()
        if engine is not None and engine <= now:
            self._take(now, [Tick()])
            self._remembering.sign(now)
        self._remembering.expire(now)
        if self._orphan_until is not None and self._orphan_until <= now:
            self._give_up(now)

    # -- what happens --------------------------------------------------------------------------------------------------

    def _take(self, now: Instant, events: Iterable[Event]) -> None:
        """Hand events to the engine and do what it says."""
        for event in events:
            effects = self._flight.handle(now, event)
            for effect in effects:
                self._perform(now, effect)
            if effects:
                self._journal.remember(now)
                self._remembering.note(now, effects)
            self._flight.keep()

    def _mend_by(self, at: Instant) -> None:
        self._compare_at, self._reconcile.at = min(self._compare_at, at), min(self._reconcile.at, at)

    def _hear(self, now: Instant) -> None:
        """Do what the supervisor says; when it is gone, wait for another one's agent, unless not even in office."""
        spoken = self._lifeline.hear()
        if isinstance(spoken, Hangup):
            if not self._in_office:
                os._exit(0)
            self._loop.remove(self._lifeline)
            self._orphan_until = now + self.orphan_for
            self._log.warning("orphaned", text=f"the supervisor is gone; leaving in {in_words(self.orphan_for)}")
        if not isinstance(spoken, Spoken):
            return
        if not self._in_office:
            os._exit(0)
        match spoken.word:
            case Word.LEAVE:
                self._take(now, [Leave()])
            case Word.RENEW:
                self._take(now, [Retire(frozenset(), frozenset())])  # the peers wait for the one that comes
                self._remembering.write(now)
                self._loop.stop()
            case Word.END:
                self._loop.stop()
            case _:
                self._journal.complain("obey the supervisor", f"{spoken.word!r} is no word of his")

    def _give_up(self, now: Instant) -> None:
        """Leave in order: nobody has come to succeed an orphan."""
        if self._incumbent.is_held:
            self._orphan_until = now + SECOND
            return
        self._orphan_until = None
        self._take(now, [Leave()])

    def _load_over(self, line: str | None) -> None:
        """A classifier was loaded beside the work: at the start, or because somebody had removed it."""
        if line is not None and self._told_ready:
            self._healer.put_back(self._performer.layout.firewall, line)
            self._healer.conclude(self._loop.clock(), settled=False)
        elif line is not None:
            self._log.info(line)
        self._say_ready()

    def _say_ready(self) -> None:
        """Tell the supervisor, once, that what was to be started is: the new rules classify, or why not is said."""
        if not self._told_ready:
            self._told_ready = True
            self._lifeline.say("ready")

    def _beat(self) -> None:
        self._lifeline.say("beat")

    def _applied(self, now: Instant, applied: Applied) -> None:
        self._places |= {place.application: place.vid for place in applied.places if place.vid is not None}
        steers = [ApplicationSteers(one.application, one.vid, applied.sequence, one.reason) for one in applied.places]
        self._take(now, steers)

    def _reconcile_now(self, _now: Instant) -> None:
        if self._exit is not None:
            return
        self._sockets.open()
        if self._incumbent.is_held:
            return
        began = self._loop.clock()
        thorough = began >= self._compare_at
        settled = self._performer.reconcile(thorough=thorough)
        if not settled:
            self._compare_at = began
        elif thorough:
            self._compare_at = began + min(REST * (self._loop.clock() - began), LONGEST)
        self._healer.conclude(self._loop.clock(), settled=settled)

    def _keep_place(self, _now: Instant) -> None:
        """Be found by a successor even when somebody empties the run directory; two agents never speak at once."""
        if not self._place.has_changed():
            return
        try:
            if not self._lock.keep():
                self._log.critical("deposed", text="another agent found none here, and speaks now")
                self.depart()
            for one in (self._snapshot, self._feed, self._requests, self._checks, self._keepalived, self._plugins):
                one.keep()
        except OSError as error:
            self._place.forget()
            self._journal.complain("keep its place in the run directory", str(error))
            with suppress(OSError):
                self._run_dir.mkdir(mode=0o755)

    # -- what is done --------------------------------------------------------------------------------------------------

    def _perform(self, now: Instant, effect: Effect) -> None:
        match effect:
            case effect_kinds.SendAdvert() | effect_kinds.SendDatagram() | effect_kinds.SendHerald():
                self._sockets.send(effect)
            case (
                effect_kinds.AddAddresses()
                | effect_kinds.RemoveAddresses()
                | effect_kinds.Announce()
                | effect_kinds.SetNextHop()
                | effect_kinds.SetLost()
                | effect_kinds.SetMembers()
            ):
                began = self._loop.clock()
                self._performer.perform(effect)
                self._took = self._loop.clock() - began
            case effect_kinds.SteerKeepalived():
                self._keepalived.steer()
            case effect_kinds.Ask():
                self._plugins.ask(effect)
            case effect_kinds.Publish(table):
                self._feed.publish(self._performer.care.standing.told_by(table))
            case effect_kinds.Record():
                self._journal.note(effect, self._took)
            case effect_kinds.Left():
                self._left(now)
            case effect_kinds.Retired():
                self._incumbent.retired(now)
            case _:
                assert_never(effect)

    def _left(self, _now: Instant) -> None:
        """Every mastership is handed over: nothing to go on from is left to a successor."""
        self._remembering.forget()
        if self._odometer is not None:
            self._odometer.leave()
        self._exit = 0
        self._log.info("left", text="every mastership is handed over")
        self._loop.stop()

    def _asked(self, now: Instant, request: Request) -> None:
        """Answer the daemon's own processes; people ask the api."""
        if request.verb == "status":
            request.answer(self._describe(now))
        elif request.verb == "hold" and self._agent.leaving:
            request.refuse("unavailable", "it is leaving")
        elif request.verb == "hold":
            self._incumbent.take(now, request)
        elif request.verb == "drained":
            drained = asked_for(request)
            if drained is not None:
                self._take(now, [drained])
                request.answer({})
        else:
            request.refuse("usage", f"the agent knows no {request.verb!r}")

    def _describe(self, now: Instant) -> dict[str, Any]:
        """Return the engine's status, with what only this process knows."""
        processes = {"agent": os.getpid()}
        processes |= {"supervisor": os.getppid()} if self._orphan_until is None else {}
        processes |= {f"app:{name}": pid for name, pid in self._feed.processes().items()}
        processes |= {} if self._checks.pid is None else {"checker": self._checks.pid}
        counts = self._journal.counts() | self._sockets.counts()
        daemon = {**self._healer.describe(), **counts, **self._punctual.describe()}
        return {**self._agent.status(now), "processes": processes, "daemon": daemon}
