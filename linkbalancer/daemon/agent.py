"""The agent's process: the real world around `engine.agent.Agent`.

Everything slow happens before the loop (the first classifier), in an errand (every other one), or in small pieces at
quiet moments (comparing the kernel with what is wanted). What the engine decides is performed at once and in its order.
"""

import gc
import os
import random
from collections.abc import Iterable, Mapping
from dataclasses import replace
from functools import partial
from ipaddress import IPv4Address
from pathlib import Path
from typing import Any, assert_never

from linkbalancer.clock import MICROSECOND, MILLISECOND, SECOND, Duration, Instant
from linkbalancer.config.load import Loaded
from linkbalancer.daemon import logs
from linkbalancer.daemon.feed import FeedServer
from linkbalancer.daemon.lifeline import Hangup, Lifeline
from linkbalancer.daemon.loop import Loop
from linkbalancer.daemon.numbering import number_applications
from linkbalancer.daemon.performer import Performer
from linkbalancer.daemon.recording import Recording
from linkbalancer.daemon.requests import Request, RequestServer
from linkbalancer.daemon.snapshot import EVERY, SnapshotFile
from linkbalancer.daemon.sockets import Sockets
from linkbalancer.daemon.zygote import BEAT
from linkbalancer.drivers.errors import DriverError
from linkbalancer.engine import effects as effect_kinds
from linkbalancer.engine.agent import Agent
from linkbalancer.engine.effects import Effect
from linkbalancer.engine.events import ApplicationSteers, DeviceChanged, Event, Leave, Started, Tick
from linkbalancer.engine.supervision import Word
from linkbalancer.feed.codec import Applied
from linkbalancer.host.devices import DeviceMonitor, Observation
from linkbalancer.links import DeviceName, LinkName, Vid
from linkbalancer.lvrrp.keys import Key
from linkbalancer.routing.classifier import Classifier

RECONCILE: Duration = 1 * SECOND
"""How often the kernel is compared with what is wanted."""

SOON: Duration = 50 * MILLISECOND
"""How soon after something of ours was removed: several removals are mended in one go."""

LOOK: Duration = 50 * MILLISECOND
"""How often the devices are looked at without being told: the kernel may hold back a lost carrier for a second."""

PROBE: Duration = 200 * MILLISECOND
"""How often the neighbours on the LAN are asked; three unanswered make one silent."""

REPEAT: Duration = 60 * SECOND
"""A refusal that lasts is told again after this."""

COMPLAINTS = 256
"""Different refusals remembered at most."""

CANNOT_START = 75
"""Exit status when the kernel refuses what everything rests on (EX_TEMPFAIL)."""

FEED = "feed.sock"
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
) -> int:
    """Be the agent until it has left, or is to make room; return the exit status."""
    log = logs.start(process="agent")
    try:
        process = AgentProcess(loaded, classifier, keys, lifeline, log, run_dir=run_dir, state_dir=state_dir)
    except (DriverError, OSError, ValueError) as error:
        log.critical("cannot start", why=str(error))
        return CANNOT_START
    return process.run()


class AgentProcess:
    """One agent, its sockets, its servers and its hold on the kernel."""

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
        """Prepare the kernel and adopt what is there; raises DriverError, OSError, ValueError."""
        self._log, self._lifeline = log, lifeline
        self._loop = Loop()
        self._recording = Recording(run_dir, "agent", self._loop.clock())
        self._loop.watch(self._recording)
        self._complaints: dict[str, Instant] = {}
        self._put_back = 0
        self._took: Duration = 0
        self._records: list[effect_kinds.Record] = []
        self._primaries: dict[DeviceName, IPv4Address | None] = {}
        app_ids = number_applications(state_dir, loaded.rules.applications, loaded.config.marks.application_limit)
        self._places: dict[str, Vid] = {}
        self._performer = Performer(
            self._loop,
            loaded,
            classifier,
            app_ids,
            self._places,
            complain=self._complain,
            put_back=self._tell_put_back,
            load_over=self._load_over,
        )
        for line in self._performer.prepare():
            log.info(line)
        self._snapshot = SnapshotFile(run_dir / SNAPSHOT)
        self._snapshot_at: Instant | None = None
        now = self._loop.clock()
        self._agent = Agent(
            loaded,
            keys,
            random.SystemRandom(),
            app_ids,
            session=now,
            boot=now,
            digest=classifier.digest,
            found=replace(self._performer.found(), snapshot=self._snapshot.read()),
        )
        self._sockets = Sockets(self._loop, loaded.config, self._take, self._complain)
        layout = self._performer.layout
        virtual_ips = [one.ip for many in self._performer.virtual_ips.values() for one in many]
        devices = (*layout.lan_devices, *layout.link_devices)
        self._monitor = DeviceMonitor(devices, virtual_ips, self._performer.kernel.port)
        self._feed = FeedServer(self._loop, run_dir / FEED, self._applied, partial(self._complain, "feed"))
        self._requests = RequestServer(self._loop, run_dir / SOCKET, self._asked)
        self._reconcile = self._loop.every(RECONCILE, self._reconcile_now)
        self._exit: int | None = None
        self._told_ready = False

    def run(self) -> int:
        """Turn until told to end."""
        loop = self._loop
        self._sockets.open()
        loop.add(self._monitor, self._devices)
        loop.add(self._lifeline, self._hear)
        loop.watch(self)
        loop.every(BEAT, lambda _now: self._beat())
        loop.every(LOOK, lambda now: self._observe(now, self._monitor.poll()))
        loop.every(PROBE, lambda now: self._sockets.probe(now, self._primaries))
        # The devices first: a mastership can only be gone on with where there is an address to advertise from.
        self._observe(loop.clock(), self._monitor.current())
        self._sockets.probe(loop.clock(), self._primaries)
        self._take(loop.clock(), [Started()])
        gc.collect()
        gc.freeze()
        if not self._performer.loading:
            self._say_ready()
        loop.run()
        self._performer.close()
        self._feed.close()
        self._requests.close()
        self._recording.close()
        return self._exit or 0

    # -- deadlines (the loop asks) -------------------------------------------------------------------------------------

    def deadline(self) -> Instant | None:
        """Return the engine's deadline or the snapshot's."""
        engine = self._agent.deadline()
        if engine is None or self._snapshot_at is None:
            return engine or self._snapshot_at
        return min(engine, self._snapshot_at)

    def expire(self, now: Instant) -> None:
        """Hand the engine its deadline; write the snapshot when it is due."""
        engine = self._agent.deadline()
        if engine is not None and engine <= now:
            self._take(now, [Tick()])
        if self._snapshot_at is not None and self._snapshot_at <= now:
            self._write_snapshot(now)

    # -- what happens --------------------------------------------------------------------------------------------------

    def _take(self, now: Instant, events: Iterable[Event]) -> None:
        """Hand events to the engine and do what it says."""
        for event in events:
            effects = self._agent.handle(now, event)
            for effect in effects:
                self._perform(now, effect)
            self._remember(now)
            if effects and self._snapshot_at is None:
                self._snapshot_at = now + EVERY

    def _devices(self, now: Instant) -> None:
        self._observe(now, self._monitor.read())

    def _observe(self, now: Instant, news: Iterable[Observation]) -> None:
        for one in news:
            if isinstance(one, DeviceChanged):
                self._primaries[one.device] = one.primary
                if one.carrier:
                    self._flush_neighbours(one.device)
                self._take(now, [one])
            else:
                self._log.warning("removed by somebody else", what=str(one))
                self._recording.tell("stranger", f"somebody else removed the {one.what} {one.detail}")
                self._reconcile.at = min(self._reconcile.at, now + SOON)

    def _flush_neighbours(self, device: DeviceName) -> None:
        try:
            self._performer.kernel.flush_unresolved(device)
        except DriverError as error:
            self._complain(f"forget neighbours on {device}", str(error))

    def _hear(self, now: Instant) -> None:
        """Do what the supervisor says; when it is gone, end without a word (the kernel goes on as it stands)."""
        spoken = self._lifeline.hear()
        if isinstance(spoken, Hangup):
            os._exit(0)
        if spoken is None:
            return
        match spoken.word:
            case Word.LEAVE:
                self._take(now, [Leave()])
            case Word.RENEW:
                self._write_snapshot(now)
                self._loop.stop()
            case Word.END:
                self._loop.stop()
            case _:
                self._complain("obey the supervisor", f"{spoken.word!r} is no word of his")

    def _load_over(self, line: str | None) -> None:
        """A classifier was loaded beside the work: at the start, or because somebody had removed it."""
        if line is not None and self._told_ready:
            self._tell_put_back(line)
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
        if applied.vid is not None:
            self._places[applied.application] = applied.vid
        self._take(now, [ApplicationSteers(applied.application, applied.vid, applied.sequence, applied.reason)])

    def _reconcile_now(self, _now: Instant) -> None:
        if self._exit is None:
            self._sockets.open()
            self._performer.reconcile()

    def _write_snapshot(self, now: Instant) -> None:
        self._snapshot_at = None
        if not self._snapshot.write(self._agent.snapshot(now)):
            self._complain("write the snapshot", "it is too long")

    # -- what is done --------------------------------------------------------------------------------------------------

    def _perform(self, now: Instant, effect: Effect) -> None:
        match effect:
            case effect_kinds.SendAdvert() | effect_kinds.SendDatagram():
                self._sockets.send(effect)
            case (
                effect_kinds.AddAddresses()
                | effect_kinds.RemoveAddresses()
                | effect_kinds.Announce()
                | effect_kinds.SetNextHop()
                | effect_kinds.SetMembers()
            ):
                began = self._loop.clock()
                self._performer.perform(effect)
                self._took = self._loop.clock() - began
            case effect_kinds.Publish(table):
                self._feed.publish(table)
            case effect_kinds.Record():
                self._record(effect)
            case effect_kinds.Left():
                self._left(now)
            case _:
                assert_never(effect)

    def _record(self, record: effect_kinds.Record) -> None:
        """Log a record, with how long the kernel took where it tells of a change; it is remembered a little later."""
        fields = dict(record.fields)
        if record.kind in {"next-hop", "kernel"}:
            fields["took_us"] = self._took // MICROSECOND
        self._records.append(replace(record, fields=tuple(fields.items())))
        if record.kind != "kernel":
            write = self._log.warning if record.kind == "alarm" else self._log.info
            write(record.kind, subject=record.subject, text=record.text, **fields)

    def _remember(self, now: Instant) -> None:
        """Have the records of one event remembered, causes first."""
        for record in sorted(self._records, key=lambda record: record.number):
            self._recording.tell(
                record.kind,
                record.text,
                subject=record.subject,
                at=now,
                number=record.number,
                cause=record.cause,
                follows={"kind": "process", "subject": "agent"} if record.kind == "started" else None,
                fields=dict(record.fields),
            )
        self._records.clear()

    def _left(self, _now: Instant) -> None:
        """Every mastership is handed over: nothing to go on from is left to a successor."""
        self._snapshot.forget()
        self._snapshot_at = None
        self._exit = 0
        self._log.info("left", text="every mastership is handed over")
        self._loop.stop()

    def _complain(self, operation: str, why: str) -> None:
        """Tell a refusal once, and again only after a while."""
        now = self._loop.clock()
        key = f"{operation}: {why}"
        told = self._complaints.get(key)
        if told is not None and now - told < REPEAT:
            return
        if len(self._complaints) >= COMPLAINTS:
            self._complaints.clear()
        self._complaints[key] = now
        self._log.warning("refused", operation=operation, why=why)

    def _tell_put_back(self, what: str) -> None:
        self._put_back += 1
        self._log.warning("put back", what=what)
        self._recording.tell("put-back", what, follows={"kind": "stranger"})

    def _asked(self, now: Instant, request: Request) -> None:
        """Answer the daemon's own processes; people ask the api."""
        if request.verb == "status":
            request.answer(self._describe(now))
        else:
            request.refuse("usage", f"the agent knows no {request.verb!r}")

    def _describe(self, now: Instant) -> dict[str, Any]:
        """Return the engine's status, with what only this process knows."""
        processes = {"supervisor": os.getppid(), "agent": os.getpid()}
        processes |= {f"app:{name}": pid for name, pid in self._feed.processes().items()}
        return {
            **self._agent.status(now),
            "processes": processes,
            "daemon": {"put_back": self._put_back, "timer_lateness": self._loop.lateness.report()},
        }
