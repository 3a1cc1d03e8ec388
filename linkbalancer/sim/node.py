"""A simulated gateway: its kernel, and the processes of the service that may be killed, paused or restarted.

The agent and the application machines are the daemon's own. Each gateway has a clock of its own, so that nothing can
compare the instants of two of them.
"""

import json
from collections.abc import Callable
from dataclasses import dataclass, field
from random import Random
from typing import Any, Protocol

from linkbalancer.clock import MILLISECOND, Duration, Instant
from linkbalancer.engine.agent import Agent
from linkbalancer.engine.drain import Drained
from linkbalancer.engine.effects import Effect
from linkbalancer.engine.events import Event, Leave, Retire, Started, Tick
from linkbalancer.engine.found import Found
from linkbalancer.feed.table import Table
from linkbalancer.links import LinkName, NodeName
from linkbalancer.sim.agenda import Agenda
from linkbalancer.sim.applications import Applications
from linkbalancer.sim.changes import Changes
from linkbalancer.sim.clock import Clock
from linkbalancer.sim.kernel import Kernel
from linkbalancer.sim.shape import Shape, loaded, number_of, side_of

QUEUE_MAX = 512
"""How many events a paused process finds waiting; later ones are lost, as in a socket's buffer."""

SNAPSHOT_DELAY: Duration = 50 * MILLISECOND
"""How old what an agent wrote down may be when it dies."""

START_DELAY: Duration = 50 * MILLISECOND
"""How long a new agent takes to come up once its predecessor has ended."""


class Surroundings(Protocol):
    """What a gateway needs of the world around it."""

    remembers: bool
    changes: Changes

    def perform(self, node: "Node", effect: Effect) -> None:
        """Carry out one effect of a gateway's agent."""

    def devices(self, node: "Node") -> list[Event]:
        """Return a gateway's devices as its kernel shows them now."""

    def started(self, node: "Node") -> None:
        """Take note of a new agent."""


@dataclass(slots=True)
class Node:
    """One gateway. `agent` is None while its process is not there, `waiting` None unless it is paused.

    `side` is the LAN that it stands on, `link` the link that ends here.
    """

    name: NodeName
    shape: Shape
    agenda: Agenda
    chance: Random
    world: Surroundings
    powered: bool = True
    drained: Drained = field(default_factory=Drained)
    kernel: Kernel = field(default_factory=Kernel)
    agent: Agent | None = None
    waiting: list[Event] | None = None
    saved: dict[str, Any] | None = None
    stalled: bool = False
    handled: int = 0
    applications: Applications = field(init=False)
    time: Clock = field(init=False)
    side: str = field(init=False)
    link: LinkName = field(init=False)
    _due: Instant | None = None
    _starts: int = 0
    _again: bool = False
    _saving: bool = False

    def __post_init__(self) -> None:
        """Take its place."""
        self.time, self.applications = Clock(self.agenda), Applications(self)
        self.side, self.link = side_of(self.name), f"l{number_of(self.name)}"

    @property
    def clock(self) -> Instant:
        """This gateway's own CLOCK_BOOTTIME."""
        return self.time.now()

    @property
    def changes(self) -> Changes:
        """Where to note that a packet may go another way."""
        return self.world.changes

    @property
    def forwards(self) -> bool:
        """Whether its kernel runs: it answers, and passes packets on."""
        return self.powered and not self.stalled

    @property
    def working(self) -> bool:
        """Whether the agent is there and runs."""
        return self.agent is not None and self.waiting is None

    # -- births and deaths -------------------------------------------------------------------------------------------

    def start(self) -> None:
        """Start the agent, which finds what the kernel and its predecessor left; applications that live go on.

        While the predecessor still takes its leave, this waits for its end, as a service manager does. On a computer
        that stands still nothing starts, dies or goes on before it does.
        """
        if self.stalled:
            self._again = True
        elif self.agent is not None:
            self._again = self.agent.leaving
        elif self.powered:
            # As text, once: what does not survive the file does not survive a restart either.
            self._begin(json.loads(json.dumps(self.saved)), live=False)

    def _begin(self, saved: dict[str, Any] | None, *, live: bool) -> None:
        """Have a new agent begin from what its predecessor wrote down, or (`live`) has just handed over."""
        self._again = False
        self._starts += 1
        self._saving = False
        config = loaded(self.shape, self.name)
        names = tuple(config.rules.applications)
        tables = {vid: hop for (vid, guard), hop in self.kernel.tables.items() if not guard}
        self.agent = Agent(
            config,
            {self.link: self.shape.keys(self.link)},
            self.chance,
            {name: number for number, name in enumerate(names, start=2)},
            session=self.chance.getrandbits(32),
            boot=self.clock,
            found=Found(frozenset(self.kernel.addresses), tables, saved, live),
        )
        self._employ()
        for event in self.world.devices(self):
            self.handle(event)
        self.handle(self.drained)
        self.handle(Started())
        self.world.started(self)

    def kill(self) -> None:
        """End the agent without a word (kill -9); what it wrote down before stays."""
        if self.agent is not None and not self.stalled:
            self._end()

    def leave(self) -> None:
        """Ask the service to stop in order."""
        if self.agent is not None:
            self.handle(Leave())

    def left(self) -> None:
        """End after an orderly leave: nothing is left to go on from but the kernel."""
        self.saved = None
        self._end()
        if self._again:
            self.agenda.after(START_DELAY, self.start)

    def succeed(self) -> None:
        """Let a new agent succeed the present one, as a reload does."""
        if self.working and self.agent is not None and not self.agent.leaving:
            self.handle(Retire(frozenset(), frozenset()))

    def retired(self) -> None:
        """Let the successor begin where the agent stands, at once."""
        assert self.agent is not None
        bequest = json.loads(json.dumps(self.agent.snapshot(self.clock, live=True)))
        self._end()
        self._begin(bequest, live=True)

    def drain(self, drained: Drained) -> None:
        """Keep what is drained, whatever becomes of the agent, and tell it."""
        self.drained = drained
        self.handle(drained)

    def kill_applications(self) -> None:
        """End every application process without a word; new ones are there at once and ask for the newest table."""
        if self.stalled:
            return
        self.applications.dismiss()
        self._employ()
        self.applications.publish_again()

    def publish(self, table: Table) -> None:
        """Carry a table to the application processes."""
        self.applications.publish(table)

    def _employ(self) -> None:
        self.applications.employ(loaded(self.shape, self.name).rules.applications.items())

    def _end(self) -> None:
        self.agent = self.waiting = self._due = None
        self.applications.lose_agent()

    def power_off(self) -> None:
        """Lose everything: processes and kernel."""
        self._end()
        self.powered = self._again = self.stalled = False
        self.saved = None
        self.kernel = Kernel()
        self.applications.dismiss()

    def power_on(self) -> None:
        """Boot, with a clock that begins anew."""
        if not self.powered:
            self.powered = True
            self.time.boot(self.chance.randrange(10**10))
            self.start()

    def pause(self) -> None:
        """Stop the agent's process; what happens meanwhile waits in its sockets."""
        if self.working:
            self.waiting = []

    def resume(self) -> None:
        """Let it go on: sockets are drained first, then timers judged, as the daemon does."""
        if self.stalled:
            return
        waiting, self.waiting = self.waiting, None
        for event in waiting or ():
            self.handle(event)
        if waiting is not None:
            self.handle(Tick())

    def stall(self) -> None:
        """Stop the whole computer and its clock, as a virtual machine is stopped."""
        if self.powered and not self.stalled:
            self.stalled = True
            self.time.stop()
            self.pause()

    def go_on(self) -> None:
        """Let it run again: its clock knows of nothing."""
        if self.stalled:
            self.stalled = False
            self.time.go_on()
            self.resume()
            if self._again:
                self.agenda.after(START_DELAY, self.start)

    def leap(self, by: Duration) -> None:
        """Let the clock leap ahead; whatever has come due by it is due now."""
        self.time.leap(by)
        self._due = None
        self._schedule()

    # -- the agent ---------------------------------------------------------------------------------------------------

    def handle(self, event: Event) -> None:
        """Hand an event to the agent, and carry out what it wants."""
        agent = self.agent  # while effects are carried out it may go, and another may come
        if agent is None:
            return
        if self.waiting is not None:
            if len(self.waiting) < QUEUE_MAX:
                self.waiting.append(event)
            return
        self.handled += 1
        effects = agent.handle(self.clock, event)
        for effect in effects:
            self.world.perform(self, effect)
        self._schedule()
        if effects and not self._saving and self.agent is not None and self.world.remembers:
            self._saving = True
            self.agenda.after(SNAPSHOT_DELAY, self._saver(self._starts))

    def _saver(self, start: int) -> Callable[[], None]:
        def save() -> None:
            # Of this agent, if it still runs; what it writes when it is stopped is written by the successor.
            if start == self._starts and self.agent is not None:
                self._saving = False
                if self.waiting is None:
                    self.saved = self.agent.snapshot(self.clock)

        return save

    def _schedule(self) -> None:
        """Have a tick at the agent's deadline, one at a time; an earlier deadline outdates the tick that stands."""
        deadline = self.agent.deadline() if self.agent is not None else None
        if deadline is None:
            self._due = None
            return
        due = self.agenda.now + self.time.wait(deadline)
        if due == self._due:
            return
        self._due = due
        self.agenda.after(due - self.agenda.now, lambda: self._tick(due))

    def _tick(self, due: Instant) -> None:
        if self._due == due:
            self._due = None
            self.handle(Tick())
