"""Counting, as the api's process sees it: it says what is to be counted, asks now and then, and tells who asks.

What reads the kernel is a child that was forked while there were rights to (`counter`), so that neither the agent nor
anybody's answer ever waits for it. Where nothing is counted there is no child, and no table.
"""

import json
from collections.abc import Callable, Mapping
from pathlib import Path
from typing import Any, Final

from linkbalancer.clock import SECOND, Duration, Instant
from linkbalancer.config.counting import OFF, chosen
from linkbalancer.config.model import Config
from linkbalancer.config.ways import lan_devices, ways
from linkbalancer.daemon.aide import Aide
from linkbalancer.daemon.counter import FILE, Counter, Order
from linkbalancer.daemon.logs import Log
from linkbalancer.daemon.loop import Loop
from linkbalancer.daemon.questions import Questions
from linkbalancer.drivers.errors import DriverError
from linkbalancer.drivers.netlink.transport import NETFILTER, NetlinkSocket
from linkbalancer.drivers.nftables.counts import Beside, Plan, remove, room

INTERVAL: Final[Duration] = 2 * SECOND
"""How often it is counted up, and so over how long a rate is taken."""

COST: Final = 100
"""At most so small a part of a core is spent on it: of many applications it is counted up less often."""

PATIENCE: Final[Duration] = 20 * SECOND


class Counting:
    """What was counted, for a status.

    Made before its process gives up any right: the child keeps those of that moment. Raises OSError.

    Args:
        loop: what turns.
        config: what is in force.
        agent: knows the applications' numbers.
        run_dir: where the sums are kept.
        log: where goes what went wrong, once.
        lost: called when the child has died: its rights are gone with it, and only a new process has them.
    """

    def __init__(
        self, loop: Loop, config: Config, agent: Questions, run_dir: Path, log: Log, *, lost: Callable[[], None]
    ) -> None:
        self._loop, self._config, self._agent, self._log, self._lost = loop, config, agent, log, lost
        self._aide: Aide | None = None
        self._order: dict[str, Any] | None = None
        self._told = self._asked = self._answered = False
        self._counts: Mapping[str, Any] | None = None
        self._why = ""
        if config.metrics.count == OFF:
            _clear(run_dir)
            return
        self._aide = Aide(loop, "lb:counter", Counter(run_dir).answer, self._heard, PATIENCE)
        self._turns = loop.every(INTERVAL, self._turn)

    def look(self, config: Config) -> None:
        """Count what another configuration wants: whether anything is counted at all, no process ever changes."""
        self._config, self._order = config, None

    def part(self, _status: Mapping[str, Any]) -> dict[str, Any]:
        """Return what was counted, for a status; nothing where nothing is."""
        if self._aide is None:
            return {}
        known = self._counts or {"for_ms": 0, "interval_ms": 0, "applications": {}}
        return {"counts": {**known, "why": self._why or None}}

    def close(self) -> None:
        """End the child."""
        if self._aide is not None:
            self._aide.close()

    def _turn(self, _now: Instant) -> None:
        if self._order is None:
            if not self._asked:
                self._asked = True
                self._agent.ask("status", self._learn)
        elif self._aide is not None:
            self._aide.ask(json.dumps({} if self._told else {"order": self._order}).encode())
            self._told = True

    def _learn(self, status: dict[str, Any] | None, _why: str) -> None:
        """Learn which applications there are, and their numbers."""
        self._asked = False
        if status is not None:
            numbers = {name: one["id"] for name, one in status["applications"].items() if one["id"] is not None}
            self._order, self._told = order_of(self._config, numbers).to_json(), False
            self._turns.at = self._loop.clock()

    def _heard(self, answer: dict[str, Any] | None, why: str) -> None:
        if answer is None:
            self._told = False
            self._complain(why)
            if self._answered:
                self._lost()
            return
        self._answered = True
        if answer.get("why"):
            self._complain(str(answer["why"]))
            self._told = False
            return
        self._why, self._counts = "", answer["counts"]
        self._turns.interval = max(INTERVAL, COST * answer["took_ns"])
        if answer["mended"]:
            self._log.warning("put back", text="the table of counters; what passed meanwhile was not counted")

    def _complain(self, why: str) -> None:
        if why != self._why:
            self._why = why
            self._log.warning("cannot count", why=why)


def order_of(config: Config, numbers: Mapping[str, int]) -> Order:
    """Return what is to be counted, of applications with these numbers."""
    lans = lan_devices(config)
    devices = {link.device for link in config.links.values()}
    devices |= {group.device for group in config.groups.values() if group.mode == "static"} - lans
    beside = [
        Beside(way.device, way.gateway, way.vids[0])
        for way in ways(config)
        if way.gateway is not None and way.device in lans
    ]
    wanted = chosen(config.metrics.count, numbers)
    names = {name: number for name, number in sorted(numbers.items()) if name in wanted}
    applications, pairs = frozenset(names.values()), room(len(names), len(config.vids))
    return Order(Plan(config.marks, tuple(sorted(devices)), tuple(sorted(beside)), applications, pairs), names)


def _clear(run_dir: Path) -> None:
    """Leave nothing of what was counted before."""
    (run_dir / FILE).unlink(missing_ok=True)
    try:
        netlink = NetlinkSocket(NETFILTER)
    except DriverError:
        return
    try:
        remove(netlink)
    except DriverError:  # without the right to look there was none to make it
        return
    finally:
        netlink.close()
