"""Loads that follow their VIDs: what the applications of each VID send goes over the link that its Master is on.

What leaves the near LAN goes where the near Master is, what comes from the far LAN where the far one is, on top of what
the weather has running there. A link that is given more than it carries loses the rest, and its packets wait.
"""

from collections.abc import Callable
from dataclasses import replace
from random import Random
from typing import Final

from linkbalancer.clock import MILLISECOND, SECOND, Duration
from linkbalancer.links import GroupId, LinkName, NodeName, Vid
from linkbalancer.sim.loads import Loads, Shift, draw_loads
from linkbalancer.sim.metering import Flow, Meters
from linkbalancer.sim.node import Node
from linkbalancer.sim.weather import Seasons, Weather
from linkbalancer.sim.weighing import Figures
from linkbalancer.sim.wire import FAR, NEAR, SIDES, opposite
from linkbalancer.sim.world import World

QUIETER: Final = 0.4
"""So much of what the weather has running on a link is left, to make room for what moves."""
NARROW: Final = (1.0, 1.0, 0.5, 0.2)
"""How much of its capacity a link may have towards the near end."""
HOLDS_MS: Final = (200, 1000, 3000, 10_000)
"""Hold times: shorter than it takes to measure, and longer."""


def laden(seed: int, weather: Weather, vids: int, calm_ms: int) -> Weather:
    """Return a weather in which so many VIDs carry loads.

    They have chance of their own: the weather is the seed's, but that its links are quieter, may have less room towards
    the near end, and that hold times are others.
    """
    chance = Random(f"loads {seed}")
    narrow = {link: chance.choice(NARROW) for link, _ in weather.first}
    first = tuple((link, _quieter(figures, narrow[link])) for link, figures in weather.first)
    turns = tuple(replace(turn, figures=_quieter(turn.figures, narrow[turn.link])) for turn in weather.turns)
    recipe = replace(weather.recipe, hold_ms=chance.choice(HOLDS_MS))
    loads = draw_loads(chance, [figures for _, figures in first], vids, calm_ms)
    return replace(weather, recipe=recipe, first=first, turns=turns, loads=loads)


def _quieter(figures: Figures, narrow: float) -> Figures:
    rate = round(QUIETER * figures.rate, -3)
    return replace(figures, rate=rate, rate_in=rate * narrow, capacity_in=figures.capacity * narrow)


class Burden(Seasons):
    """The seasons of a world whose VIDs carry loads.

    `figures` are what comes of weather and loads together.
    """

    def __init__(self, world: World, weather: Weather, loads: Loads, seed: int) -> None:
        self._meters = Meters(world, Random(f"meters {seed}"))
        self._loads = dict(enumerate(loads.first, start=1))
        self._waits = dict(zip(world.shape.link_names, loads.waits_ms, strict=True))
        self._weather_has: dict[LinkName, Figures] = {}
        self._carriers: dict[tuple[str, Vid], NodeName] = {}
        self._seen = (-1, -1)
        super().__init__(world, weather)
        for shift in loads.shifts:
            world.agenda.after(shift.at_ms * MILLISECOND, self._shifter(shift))
        world.judges.append(self._look)

    def turn(self, link: LinkName, figures: Figures) -> None:
        """Let the weather have a link so from now on."""
        self.turned_at = self._world.now
        self._weather_has[link] = figures
        self._carry()

    def _shifter(self, shift: Shift) -> Callable[[], None]:
        def change() -> None:
            self._world.trace.note(self._world.now, "world", "LOAD", f"VID {shift.vid}: {shift.load}")
            self.turned_at = self._world.now
            self._loads[shift.vid] = shift.load
            self._carry()

        return change

    def _look(self, world: World) -> None:
        """Have loads follow, whenever somebody may have become Master, or a link may have broken."""
        seen = (len(world.moved), world.disturbances)
        if seen != self._seen:
            self._seen = seen
            self._carriers = {
                (side, vid): name
                for side in SIDES
                for vid in self._loads
                if (name := self._carrier(side, vid)) is not None
            }
            self._carry()

    def _carrier(self, side: str, vid: Vid) -> NodeName | None:
        """Return the gateway that a VID's packets leave a side by: where there are two Masters, who was it before."""
        before = self._carriers.get((side, vid))
        found = [node.name for node in self._world.nodes.values() if node.side == side and _carries(node, vid, before)]
        return before if before in found else next(iter(found), None)

    def _carry(self) -> None:
        """Put everything where it runs now."""
        self._meters.count()
        for link, weather in self._weather_has.items():
            waited: Duration = 0
            losses, rates = [weather.loss], []
            for towards, (rate, capacity) in zip((FAR, NEAR), weather.lanes, strict=True):
                offered = rate + self._given(link, towards)
                full = offered > capacity
                lost = 1 - capacity / offered if full else 0.0
                waits = self._waits[link] * MILLISECOND if full else 0
                waited += waits
                losses.append(lost)
                rates.append(min(offered, capacity))
                flow = Flow(capacity, offered, loss=max(weather.loss, lost), backlog=waits * capacity / (8 * SECOND))
                self._meters.run(link, towards, self._under_way(link, towards, flow))
            now = replace(weather, trip=weather.trip + waited // 2, loss=max(losses), rate=rates[0], rate_in=rates[1])
            if now != self.figures.get(link):
                self._become(link, now)

    def _under_way(self, link: LinkName, towards: str, flow: Flow) -> Flow:
        """Return what leaves of it, and what arrives: nothing leaves without a carrier, and silence swallows all."""
        wire, sent = self._world.wires[link], min(flow.offered, flow.capacity)
        return replace(flow, sent=0.0 if wire.cuts else sent, arriving=sent if wire.passes(towards) else 0.0)

    def _given(self, link: LinkName, towards: str) -> float:
        """Return what VIDs give to a direction of a link."""
        return sum(
            self._loads[vid].towards(towards)
            for (side, vid), name in self._carriers.items()
            if side == opposite(towards) and self._world.nodes[name].link == link
        )


def _carries(node: Node, vid: Vid, before: NodeName | None) -> bool:
    """Tell whether a gateway takes a VID's packets; the kernel of one whose agent is dead goes on as it did."""
    if not node.forwards:
        return False
    return node.name == before if node.agent is None else node.agent.memberships[GroupId(vid)].is_master
