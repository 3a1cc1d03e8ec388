"""What a seed draws: which faults strike a network, when, and for how long."""

from collections.abc import Iterable
from dataclasses import dataclass, replace
from random import Random

from linkbalancer.sim.faults import (
    Cut,
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
from linkbalancer.sim.wire import SIDES
from linkbalancer.sim.world import Fault

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
}
"""Every kind of fault that can be drawn, by the name that a person knows it by."""

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

    def __str__(self) -> str:
        """Write it as lines."""
        return "\n".join((f"seed {self.seed}: {self.shape}, faults from {self.calm_ms} ms on", *map(str, self.strikes)))


def draw(seed: int, shape: Shape, kinds: Iterable[str] = KINDS) -> Draw:
    """Draw the faults of a run, and whether the two sides prefer the same links; one link stays free of what lasts.

    `kinds`: the names of the faults that may strike.
    """
    wanted = tuple(KINDS[name] for name in kinds)
    chance = Random(f"faults {seed}")
    shape = replace(shape, contrary=chance.randrange(2) == 1)
    survivor = chance.randrange(1, shape.links + 1)
    calm_ms = chance.choice((0, 1500, 2500))
    strikes = []
    for _ in range(chance.randrange(1, STRIKES_MAX + 1)):
        fault = _fault(chance, shape, wanted)
        at_ms = calm_ms + chance.randrange(FAULTY_MS)
        lasts = chance.choice((chance.randrange(5, 200), chance.randrange(200, 3000)))
        if isinstance(fault, Kill | KillApplications | Pause):
            lasts = chance.randrange(5, 500)
        stays = chance.randrange(3) == 0 and _may_stay(fault, survivor)
        strikes.append(Strike(at_ms, fault, None if stays else lasts))
    return Draw(seed, shape, calm_ms, tuple(sorted(strikes, key=lambda strike: strike.at_ms)))


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
