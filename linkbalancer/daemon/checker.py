"""The checker's process: runs the administrator's scripts, watches devices, files, processes and routes, asks gateways.

All that may block, fork or take its time is here, and never in the agent. What it believes goes to the agent by a line
of its own (`daemon.checking.channel`); when this process dies nothing changes, and the next one goes on from what the
agent had been told.
"""

import gc
import os
from collections.abc import Callable, Iterator
from functools import partial
from pathlib import Path

from linkbalancer.clock import Instant, earliest, is_due
from linkbalancer.config.farends import far_ends
from linkbalancer.config.load import Loaded
from linkbalancer.config.model import Config
from linkbalancer.config.trackers import Tracker
from linkbalancer.daemon import capabilities, logs
from linkbalancer.daemon.bridging import Delegation, KeepalivedBridge
from linkbalancer.daemon.checking.channel import END, GATEWAY, Channel, Wanted
from linkbalancer.daemon.checking.child import end_leftovers
from linkbalancer.daemon.checking.devices import Devices, DeviceTracker
from linkbalancer.daemon.checking.farends import FarEndWatch
from linkbalancer.daemon.checking.files import Files, FileTracker
from linkbalancer.daemon.checking.gateways import GatewayWatch
from linkbalancer.daemon.checking.plugins import Plugins
from linkbalancer.daemon.checking.processes import ProcessTracker
from linkbalancer.daemon.checking.routes import Routes, RouteTracker
from linkbalancer.daemon.checking.scripts import ScriptTracker
from linkbalancer.daemon.checking.tracked import Tracked, Watch
from linkbalancer.daemon.lifeline import Hangup, Lifeline
from linkbalancer.daemon.loop import Loop
from linkbalancer.daemon.zygote import CALM_BEAT
from linkbalancer.health.report import Reports


def run(loaded: Loaded, lifeline: Lifeline, *, run_dir: Path) -> int:
    """Be the checker until told to end; return the exit status."""
    log = logs.start(process="checker")
    left = end_leftovers(run_dir)
    if left:
        log.warning("ended", text=f"{left} processes that a checker before this one had left")
    if not any(tracker.user == "root" for tracker in loaded.config.trackers.values()):
        capabilities.keep(*capabilities.CHECKER)  # a script of root's is to have what root has
    try:
        process = CheckerProcess(loaded, lifeline, run_dir)
        delegation = Delegation.of(loaded, run_dir)
        if delegation.bases:
            process.bridge(delegation, lambda what, why: log.warning("cannot", what=what, why=why))
    except OSError as error:
        log.critical("cannot start", why=str(error))
        return 1
    return process.run()


def plugins_used(config: Config) -> frozenset[str]:
    """Return the plug-ins that weigh any link."""
    return frozenset[str]().union(*(config.weights(name).plugins for name in config.links))


class CheckerProcess:
    """What is tracked, the lifeline, and the line to the agent."""

    def __init__(self, loaded: Loaded, lifeline: Lifeline, run_dir: Path) -> None:
        """Open everything; raises OSError."""
        self._lifeline, self._loop = lifeline, Loop()
        self._loaded, self._run_dir = loaded, run_dir
        self._channel = Channel(self._loop, run_dir, self._recall, self._reports)
        self._trackers: dict[str, Tracked] = {
            name: self._tracked(name, one) for name, one in loaded.config.trackers.items()
        }
        self._watches = list(self._watched())
        marks, groups = loaded.config.marks, loaded.config.groups
        self._gateways: dict[str, Tracked] = {
            str(group): GatewayWatch(group, one, marks, self._loop, partial(self._channel.changed, of=GATEWAY))
            for group, one in groups.items()
            if one.mode == "static"
        }
        self._ends: dict[str, Tracked] = {
            name: FarEndWatch(name, one, self._loop, partial(self._channel.changed, of=END))
            for name, one in far_ends(loaded.config).items()
        }
        self._all = (*self._trackers.values(), *self._gateways.values(), *self._ends.values())
        self._begun = False
        self._plugins = Plugins(self._loop, run_dir) if plugins_used(loaded.config) else None

    def run(self) -> int:
        """Turn until told to end."""
        loop = self._loop
        loop.add(self._lifeline, self._hear)
        loop.watch(self)
        loop.every(CALM_BEAT, lambda _now: self._beat())
        gc.freeze()
        self._lifeline.say("ready")
        loop.run()
        for one in self._all:
            one.close()
        if self._plugins is not None:
            self._plugins.close()
        self._channel.close()
        return 0

    def bridge(self, delegation: Delegation, complain: Callable[[str, str], None]) -> None:
        """Be the bridge to the Keepalived of this host, too."""
        KeepalivedBridge(self._loop, self._run_dir, delegation, complain)

    def deadline(self) -> Instant | None:
        """Return when something is due."""
        return earliest(*(one.deadline() for one in self._all)) if self._begun else None

    def expire(self, now: Instant) -> None:
        """Have done what is due."""
        for one in self._all:
            if is_due(now, one.deadline()):
                one.expire(now)

    def _begin(self, now: Instant) -> None:
        self._begun = True
        for watch in self._watches:
            watch.begin(now)
        for one in self._all:
            one.begin(now)

    def _beat(self) -> None:
        self._lifeline.say("beat")

    def _hear(self, _now: Instant) -> None:
        spoken = self._lifeline.hear()
        if isinstance(spoken, Hangup):
            for one in self._all:
                one.close()
            os._exit(0)
        if spoken is not None:  # leave, end or renew
            self._loop.stop()

    def _tracked(self, name: str, tracker: Tracker) -> Tracked:
        """Return what watches one tracker."""
        match tracker.kind:
            case "device":
                return DeviceTracker(name, tracker, self._channel.changed)
            case "script":
                return ScriptTracker(name, tracker, self._loop, self._run_dir, self._channel.changed)
            case "file":
                path = Path(self._loaded.beside(tracker.file or ""))
                return FileTracker(name, tracker, path, self._channel.changed)
            case "process":
                return ProcessTracker(name, tracker, self._loop, self._channel.changed)
            case _:
                return RouteTracker(name, tracker, self._channel.changed)

    def _watched(self) -> Iterator[Watch]:
        """Yield what trackers of a kind share, where there are any; raises OSError."""
        trackers = self._trackers.items()
        devices = {name: one for name, one in trackers if isinstance(one, DeviceTracker)}
        files = {name: one for name, one in trackers if isinstance(one, FileTracker)}
        routes = {name: one for name, one in trackers if isinstance(one, RouteTracker)}
        if devices:
            yield Devices(self._loop, devices)
        if files:
            yield Files(self._loop, files)
        if routes:
            yield Routes(self._loop, routes)

    def _recall(self, known: Reports) -> None:
        """Go on from what the agent had been told of before; only then begin, so that nothing starts from nothing."""
        pairs = (known.trackers, self._trackers), (known.gateways, self._gateways), (known.ends, self._ends)
        for reports, ours in pairs:
            for name in reports.keys() & ours.keys():
                ours[name].recall(reports[name])
        if not self._begun:
            self._begin(self._loop.clock())

    def _reports(self, wanted: Wanted | None) -> Reports:
        """Return what is believed of some, or of all."""
        names, groups, ends = (self._trackers, self._gateways, self._ends) if wanted is None else wanted
        return Reports(
            {name: self._trackers[name].report() for name in names},
            {group: self._gateways[group].report() for group in groups},
            {end: self._ends[end].report() for end in ends},
            whole=wanted is None,
        )
