"""The application processes of a simulated gateway: the daemon's own machines, and the map that they own."""

from collections.abc import Callable, Iterable
from dataclasses import dataclass, field
from functools import partial
from random import Random
from typing import Protocol, assert_never

from linkbalancer.clock import MICROSECOND, Duration, Instant
from linkbalancer.engine import application
from linkbalancer.engine.events import ApplicationSteers, Event
from linkbalancer.feed.table import Table
from linkbalancer.links import NodeName
from linkbalancer.routing.application import Application
from linkbalancer.routing.balance import Aim
from linkbalancer.sim.agenda import Agenda
from linkbalancer.sim.chance import below
from linkbalancer.sim.changes import Changes
from linkbalancer.sim.kernel import Kernel

FEED_DELAY: Duration = 200 * MICROSECOND
"""How long a table takes to an application process, and its word back."""


class Host(Protocol):
    """The gateway that they run on."""

    name: NodeName
    agenda: Agenda
    chance: Random
    powered: bool
    kernel: Kernel

    @property
    def clock(self) -> Instant:
        """Its own time."""

    @property
    def changes(self) -> Changes:
        """Where to note that a packet may go another way."""

    def handle(self, event: Event) -> None:
        """Hand an event to the agent, if there is one."""


@dataclass(slots=True)
class Applications:
    """All of one gateway. `handled` counts the events that they took."""

    host: Host
    handled: int = 0
    _machines: dict[str, application.Application] = field(default_factory=dict)
    _table: Table | None = None

    def employ(self, wanted: Iterable[tuple[str, Application]]) -> None:
        """Start the processes that are not there."""
        for name, one in wanted:
            if name not in self._machines:
                self._machines[name] = application.Application(one)

    def dismiss(self) -> None:
        """End every process without a word."""
        self._machines = {}

    def publish(self, table: Table) -> None:
        """Carry a table to all of them."""
        self._table = table
        for name in self._machines:
            delay = FEED_DELAY + below(self.host.chance, FEED_DELAY)
            self.host.agenda.after(delay, partial(self._tell, name, application.TableReceived(table)))

    def publish_again(self) -> None:
        """Carry the newest table to those that are new."""
        if self._table is not None:
            self.publish(self._table)

    def lose_agent(self) -> None:
        """Let them see that their agent is gone."""
        self._table = None
        for name in self._machines:
            self._tell(name, application.ConnectionLost())

    def _tell(self, name: str, event: application.Event) -> None:
        machine, host = self._machines.get(name), self.host
        if machine is None or not host.powered:
            return
        self.handled += 1
        for effect in machine.handle(host.clock, event):
            match effect:
                case application.Verify(target):
                    place = host.kernel.steering.get(name)
                    pointing = None if place is None else Aim(place)
                    self._tell(name, application.Verified(target, {}, pointing))
                case application.Steer(_, aim):
                    host.kernel.steering[name] = aim.to
                    host.changes.touch(host.name)
                    self._tell(name, application.Steered(aim, ok=True))
                case application.Release():
                    pass  # its packets are not translated
                case application.Report(vid, _, sequence, reason):
                    host.agenda.after(FEED_DELAY, self._report(ApplicationSteers(name, vid, sequence, reason)))
                case _:
                    assert_never(effect)

    def _report(self, word: ApplicationSteers) -> Callable[[], None]:
        return lambda: self.host.handle(word)
