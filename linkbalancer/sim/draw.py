"""What a seed draws: which faults strike a network, when, and for how long."""

from collections.abc import Iterable
from dataclasses import dataclass, replace
from random import Random
from typing import Final

from linkbalancer.links import NodeName
from linkbalancer.lvrrp.settings import ProbeFunction
from linkbalancer.sim.attack import Attack, draw_attacks
from linkbalancer.sim.burden import laden
from linkbalancer.sim.faults import (
    Cut,
    Deaf,
    Death,
    Drain,
    Kill,
    KillApplications,
    Leg,
    Lossy,
    LossyLan,
    Partition,
    Pause,
    Restart,
    Silent,
)
from linkbalancer.sim.shape import Shape, number_of, side_of
from linkbalancer.sim.timefaults import Leap, Stall
from linkbalancer.sim.weather import Weather, draw_weather
from linkbalancer.sim.wire import SIDES
from linkbalancer.sim.world import Fault


@dataclass(frozen=True, slots=True)
class Drift:
    """How much too fast a gateway's clock runs, in millionths, from the beginning to the end."""

    node: NodeName
    ppm: int

    def __str__(self) -> str:
        """Write it for the report of a failure."""
        return f"{self.node} {self.ppm:+} ppm"


KINDS = {
    "cut": Cut,
    "silent": Silent,
    "death": Death,
    "leg": Leg,
    "restart": Restart,
    "kill": Kill,
    "applications": KillApplications,
    "pause": Pause,
    "loss": Lossy,
    "lan-loss": LossyLan,
    "partition": Partition,
    "drain": Drain,
    "deaf": Deaf,
    "leap": Leap,
    "stall": Stall,
    "drift": Drift,
}
"""Every kind of fault that can be drawn, by the name that a person knows it by."""

LATER: Final = (Deaf, Leap, Stall, Drift)
LATER_SHARE: Final = 3
"""One seed in so many has a fault that was not drawn at first, where others are drawn too."""

LADEN_SHARE: Final = 2
"""One seed in so many has VIDs that carry loads, where links are weighed."""

CALM_TIMES: Final = 6
"""So many times as long nothing happens before the first fault where probes slow down in quiet times."""

DRIFT_PPM_MAX = 200
"""How much too fast or too slow a clock may run, in millionths; quartz does better."""

STRIKES_MAX = 4
FAULTY_MS = 4000
"""How long the faulty phase lasts after the last gateway was switched on."""


@dataclass(frozen=True, slots=True)
class Strike:
    """A fault, when it begins, and how long it lasts; None: it stands to the end."""

    at_ms: int
    fault: Fault
    lasts_ms: int | None

    def __str__(self) -> str:
        """Write it for the report of a failure."""
        end = "to the end" if self.lasts_ms is None else f"for {self.lasts_ms} ms"
        return f"at {self.at_ms} ms {end}: {self.fault}"


@dataclass(frozen=True, slots=True)
class Draw:
    """Everything that one seed decides before the first event."""

    seed: int
    shape: Shape
    calm_ms: int
    strikes: tuple[Strike, ...]
    drifts: tuple[Drift, ...] = ()
    weather: Weather | None = None
    attacks: tuple[Attack, ...] = ()

    def __str__(self) -> str:
        """Write it as lines."""
        begin = f"seed {self.seed}: {self.shape}, faults from {self.calm_ms} ms on"
        clocks = f", clocks {', '.join(map(str, self.drifts))}" if self.drifts else ""
        weather = () if self.weather is None else (str(self.weather),)
        return "\n".join((begin + clocks, *map(str, self.strikes), *map(str, self.attacks), *weather))


def draw(
    seed: int,
    shape: Shape,
    kinds: Iterable[str] = KINDS,
    *,
    weighed: bool = False,
    loads: bool | None = None,
    attacked: bool = False,
) -> Draw:
    """Draw the faults of a run, and whether the two sides prefer the same links; one link stays free of what lasts.

    `kinds`: the names of the faults that may strike. `weighed`: links are measured and weighed, and change; `loads`:
    and VIDs carry what they are measured by, or do not (None: in one of two seeds). `attacked`: somebody without a key
    floods links with what he has recorded.
    """
    names = tuple(kinds)
    wanted = tuple(KINDS[name] for name in names if KINDS[name] not in LATER)
    chance = Random(f"faults {seed}")
    shape = replace(shape, contrary=chance.randrange(2) == 1)
    survivor = chance.randrange(1, shape.links + 1)
    calm_ms = chance.choice((0, 1500, 2500))
    if shape.function is ProbeFunction.ADAPTIVE:
        calm_ms *= CALM_TIMES
    strikes = []
    for _ in range(chance.randrange(1, STRIKES_MAX + 1) if wanted else 0):
        fault = _fault(chance, shape, wanted)
        at_ms = calm_ms + chance.randrange(FAULTY_MS)
        lasts = chance.choice((chance.randrange(5, 200), chance.randrange(200, 3000)))
        if isinstance(fault, Kill | KillApplications | Pause):
            lasts = chance.randrange(5, 500)
        stays = chance.randrange(3) == 0 and _may_stay(fault, survivor)
        strikes.append(Strike(at_ms, fault, None if stays else lasts))
    strikes += _later(Random(f"later faults {seed}"), shape, calm_ms, tuple(KINDS[name] for name in names))
    drifts = _drifts(Random(f"clocks {seed}"), shape) if "drift" in names else ()
    weather = _weather(seed, shape, calm_ms, loads=loads) if weighed or loads else None
    attacks = draw_attacks(seed, shape.link_names, calm_ms, FAULTY_MS) if attacked else ()
    shape = shape if weather is None else weather.dress(shape)
    ordered = tuple(sorted(strikes, key=lambda strike: strike.at_ms))
    return Draw(seed, shape, calm_ms, ordered, drifts, weather, attacks)


def _weather(seed: int, shape: Shape, calm_ms: int, *, loads: bool | None) -> Weather:
    weather = draw_weather(seed, shape.link_names, calm_ms, FAULTY_MS)
    if Random(f"laden {seed}").randrange(LADEN_SHARE) == 0 if loads is None else loads:
        return laden(seed, weather, shape.vids, calm_ms)
    return weather


def _later(chance: Random, shape: Shape, calm_ms: int, wanted: tuple[type, ...]) -> list[Strike]:
    """Draw, for some seeds, one of the faults that came later.

    They have chance of their own: a seed tells the story that it told before, with one more misfortune in it.
    """
    node = chance.choice(shape.node_names)
    others = tuple(name for name in shape.node_names if side_of(name) == side_of(node) != name and chance.randrange(2))
    faults = (Deaf(node, others), Leap(node, chance.choice((5, 100, 700, 3000))), Stall(node))
    possible = [fault for fault in faults if isinstance(fault, wanted)]
    rarely = any(one not in LATER for one in wanted)
    if not possible or (rarely and chance.randrange(LATER_SHARE)):
        return []
    return [Strike(calm_ms + chance.randrange(FAULTY_MS), chance.choice(possible), chance.randrange(5, 2000))]


def _drifts(chance: Random, shape: Shape) -> tuple[Drift, ...]:
    return tuple(Drift(name, chance.randint(-DRIFT_PPM_MAX, DRIFT_PPM_MAX)) for name in shape.node_names)


def _fault(chance: Random, shape: Shape, wanted: tuple[type, ...]) -> Fault:
    link, node, side = chance.choice(shape.link_names), chance.choice(shape.node_names), chance.choice(SIDES)
    apart = tuple(name for name in shape.node_names if side_of(name) == side and chance.randrange(2))
    faults = (
        Cut(link),
        Silent(link),
        Silent(link, (side,)),
        Death(node),
        Leg(node),
        Restart(node),
        Kill(node),
        KillApplications(node, agent=chance.randrange(2) == 0),
        Pause(node),
        Lossy(link, chance.randrange(1, 30), chance.randrange(10), chance.randrange(150)),
        LossyLan(side, chance.randrange(1, 20)),
        Partition(side, apart),
        Drain(node, chance.randrange(shape.vids + 1)),
    )
    return chance.choice([fault for fault in faults if isinstance(fault, wanted)])


def _may_stay(fault: Fault, survivor: int) -> bool:
    """Tell whether a fault may stand to the end: it leaves the survivor's link alone, and both sides can be judged."""
    match fault:
        case Cut(link) | Silent(link):
            return number_of(link) != survivor
        case Death(node) | Leg(node) | Restart(node) | Drain(node):
            return number_of(node) != survivor
        case _:
            return False
