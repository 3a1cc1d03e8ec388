"""The weather of a history: how good its links are, how that changes, and by which weights its VIDs go by it.

The seed decides everything before the first event, with chance of its own: the faults of a seed are the same with and
without weather.
"""

from collections.abc import Callable
from dataclasses import dataclass, replace
from random import Random
from typing import Final

from linkbalancer.clock import MICROSECOND, MILLISECOND, Instant
from linkbalancer.links import LinkName
from linkbalancer.sim.loads import Loads
from linkbalancer.sim.measuring import Measuring
from linkbalancer.sim.shape import Shape
from linkbalancer.sim.weighing import FUNCTIONS, LOSS_MAX, MAPPINGS, SPREADS, TRIP_MAX, Figures, Recipe
from linkbalancer.sim.world import World

TURNS_MAX: Final = 4
"""How often the weather turns at most, on some links each time."""


@dataclass(frozen=True, slots=True)
class Turn:
    """A link is another one from some instant on."""

    at_ms: int
    link: LinkName
    figures: Figures

    def __str__(self) -> str:
        """Write it for the report of a failure."""
        return f"at {self.at_ms} ms {self.link}: {self.figures}"


@dataclass(frozen=True, slots=True)
class Weather:
    """What weighs links, how good they are from the beginning, what becomes of them, and what VIDs carry, if at all."""

    recipe: Recipe
    first: tuple[tuple[LinkName, Figures], ...]
    turns: tuple[Turn, ...] = ()
    loads: Loads | None = None

    def __str__(self) -> str:
        """Write it as lines."""
        links = (f"{link}: {figures}" for link, figures in self.first)
        loads = () if self.loads is None else (str(self.loads),)
        return "\n".join((f"weighed by {self.recipe}", *links, *map(str, self.turns), *loads))

    def dress(self, shape: Shape) -> Shape:
        """Return a network whose near gateways weigh by the recipe."""
        return replace(shape, weight=self.recipe.text)


def draw_weather(seed: int, links: tuple[LinkName, ...], calm_ms: int, faulty_ms: int) -> Weather:
    """Draw how links are weighed, and what is to be weighed."""
    chance = Random(f"weather {seed}")
    recipe = Recipe(
        function=chance.choice(tuple(FUNCTIONS)),
        hysteresis=chance.choice((2, 5, 12, 25)),
        hold_ms=chance.choice((200, 1000, 3000)),
        mapping=chance.choice(MAPPINGS),
        spread=chance.choice(SPREADS),
        damping=chance.randrange(3) == 0,
    )
    now = {link: _figures(chance) for link in links}
    first = tuple(now.items())
    turns = []
    instants = sorted(chance.randrange(calm_ms + faulty_ms) for _ in range(chance.randrange(TURNS_MAX + 1)))
    for at_ms in instants:
        for link in chance.sample(links, chance.randint(1, len(links))):
            now[link] = _ripple(chance, now[link]) if chance.randrange(2) else _figures(chance)
            turns.append(Turn(at_ms, link, now[link]))
    return Weather(recipe, first, tuple(turns))


def _figures(chance: Random) -> Figures:
    """Draw a link: one in eight is of no use by one figure or another."""
    bad = chance.randrange(24)
    capacity = chance.choice((10, 20, 50, 100, 200)) * 1e6
    return Figures(
        trip=TRIP_MAX + MILLISECOND * 3 // 2
        if bad == 0
        else chance.randrange(500, TRIP_MAX // MICROSECOND) * MICROSECOND,
        loss=LOSS_MAX if bad == 1 else chance.randrange(100) / 1000,
        capacity=capacity,
        rate=capacity if bad == 2 else capacity * chance.randrange(100) / 100,
    )


def _ripple(chance: Random, figures: Figures) -> Figures:
    """Draw a change that is often too small to count, in whole kbit/s: that is how one end tells the other."""
    return Figures(
        trip=min(max(figures.trip + chance.randrange(-300, 301) * MICROSECOND, 0), TRIP_MAX),
        loss=min(max(figures.loss + chance.randrange(-5, 6) / 1000, 0.0), LOSS_MAX),
        capacity=figures.capacity,
        rate=min(round(figures.rate * chance.uniform(0.9, 1.1), -3), figures.capacity),
    )


class Seasons:
    """Makes a world's links what the weather says, when it says so.

    Attributes:
        figures: What is true of each link now.
        turned_at: When the weather turned last, and not what VIDs brought along.
    """

    def __init__(self, world: World, weather: Weather) -> None:
        self._world = world
        self._measuring = Measuring(world)
        self.weather = weather
        self.figures: dict[LinkName, Figures] = {}
        self.turned_at: Instant = 0
        self._past: dict[LinkName, list[tuple[Instant, Figures]]] = {link: [] for link, _ in weather.first}
        for link, figures in weather.first:
            self.turn(link, figures)
        for turn in weather.turns:
            world.agenda.after(turn.at_ms * MILLISECOND, self._turner(turn))

    def turn(self, link: LinkName, figures: Figures) -> None:
        """Let a link be so from now on."""
        self.turned_at = self._world.now
        self._become(link, figures)
        self._measuring.measure(link, figures.metrics)

    def _become(self, link: LinkName, figures: Figures) -> None:
        self._world.trace.note(self._world.now, "world", "WEATHER", f"{link}: {figures}")
        self._world.changes.touch_all()
        self.figures[link] = figures
        self._past[link].append((self._world.now, figures))
        self._world.wires[link].delay = figures.trip

    def since(self, link: LinkName, instant: Instant) -> list[Figures]:
        """Return what was true of a link from some instant on."""
        past = self._past[link]
        ends = [began for began, _ in past[1:]]
        return [figures for (_, figures), end in zip(past, [*ends, self._world.now], strict=True) if end >= instant]

    def _turner(self, turn: Turn) -> Callable[[], None]:
        return lambda: self.turn(turn.link, turn.figures)
