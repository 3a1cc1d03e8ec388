"""Measuring this gateway's links, at moments at which the agent is awake anyway.

Nothing here waits: the kernel answers while it is asked. Links take their turns, so that many of them are never
measured at one go while an advert waits.
"""

import time
from collections.abc import Callable
from datetime import date
from typing import Final

from linkbalancer.clock import SECOND, Duration, Instant
from linkbalancer.config.model import Config
from linkbalancer.daemon.lookout import look_every
from linkbalancer.daemon.loop import Loop
from linkbalancer.daemon.sockets import Complain, Take
from linkbalancer.engine.events import Measured
from linkbalancer.engine.scales import MinuteBegan
from linkbalancer.host.meter import Meter
from linkbalancer.links import LinkName
from linkbalancer.weights.gauge import Gauge
from linkbalancer.weights.wall import Wall

MINUTE: Final[Duration] = 60 * SECOND

TURNS: Final = 4
"""In how many turns the links are measured: each has the kernel show the queues of all its devices."""


def begin_measuring(loop: Loop, config: Config, take: Take, complain: Complain) -> None:
    """Measure from now on; without links there is nothing to measure. Raises OSError."""
    if config.links:
        meter = Meter({link.device for link in config.links.values() if link.capacity is not None})
        measuring = Measuring(meter, loop.clock, config, take, complain)
        loop.every(turn_every(config), measuring.turn)
    if any(config.weights(name).groups for name in config.links):
        loop.every(MINUTE, lambda now: tell_time(now, take))
        tell_time(loop.clock(), take)


def tell_time(now: Instant, take: Take) -> None:
    """Tell the local wall clock: what a link costs goes by it."""
    here = time.localtime()
    day = date(here.tm_year, here.tm_mon, here.tm_mday)
    take(now, [MinuteBegan(Wall(day, here.tm_hour * 60 + here.tm_min))])


def turn_every(config: Config) -> Duration:
    """Return how often somebody's turn may come: several times in an interval, when devices are looked at as well."""
    quickest = min(link.metrics_every for link in config.links.values())
    look = min(look_every(config), quickest)
    return look * max(1, quickest // TURNS // look)


class Measuring:
    """The gauges of the links.

    Args:
        meter: what reads devices.
        clock: the daemon's.
        config: which links there are, and how often each is measured.
        take: where events go.
        complain: told when the kernel refuses.
    """

    def __init__(
        self, meter: Meter, clock: Callable[[], Instant], config: Config, take: Take, complain: Complain
    ) -> None:
        """Spread the first turns over each link's interval."""
        self._meter, self._clock, self._take, self._complain = meter, clock, take, complain
        self._links = config.links
        self._gauges = {name: Gauge(link.capacity) for name, link in config.links.items()}
        begin, count = clock(), len(config.links)
        self._due: dict[LinkName, Instant] = {
            name: begin + link.metrics_every * number // count
            for number, (name, link) in enumerate(config.links.items())
        }

    def turn(self, now: Instant) -> None:
        """Measure the links whose turn it is."""
        names = [name for name, due in self._due.items() if due <= now]
        if not names:
            return
        for name in names:
            every = self._links[name].metrics_every
            self._due[name] += every * (1 + (now - self._due[name]) // every)
        try:
            readings = self._meter.read([self._links[name].device for name in names])
        except OSError as error:
            self._complain("measure the links", error.strerror or str(error))
            readings = {}
        at = self._clock()
        for name in names:
            gauge = self._gauges[name]
            gauge.take(at, readings.get(self._links[name].device))
            self._take(now, [Measured(name, gauge.metrics, gauge.peaks)])
