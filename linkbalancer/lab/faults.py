"""Faults: what a drill breaks, how it is healed, what it leaves working, and which of them are wanted."""

from collections.abc import Callable, Iterable, Mapping, Sequence
from dataclasses import dataclass, field

from linkbalancer.lab.errors import LabError
from linkbalancer.lab.lab import Lab
from linkbalancer.lab.status import Damage
from linkbalancer.links import LinkName, Vid
from linkbalancer.routing.rule import RuleSet

Deed = Callable[[Lab], None]

NO_DAMAGE = Damage()


@dataclass(frozen=True, slots=True, kw_only=True)
class Bounds:
    """What a fault may cost at most, where its kind alone does not say it.

    `outage_ms` and `healing_ms` limit the longest outage while it lasts, and after it. Of the flows that cross `lossy`
    links between so many and so many percent are lost, and others notice nothing. No gateway may change its mastership
    of a VID more than `moves` times until it has settled. Flows on `spared` VIDs are judged by
    `outage_ms` though the fault is exempt.
    """

    outage_ms: float | None = None
    healing_ms: float | None = None
    lossy: frozenset[LinkName] = frozenset()
    lost_percent: tuple[float, float] = (0, 100)
    moves: int | None = None
    spared: frozenset[Vid] = frozenset()


BY_KIND = Bounds()


@dataclass(frozen=True, slots=True, kw_only=True)
class Fault:
    """One fault.

    `kind` and `target` name it in the report, `details` say more of it there. `damage` is what does not work while it
    lasts. A momentary fault heals by itself (a process that is started again). An exempt one is reported, and its
    flows are not judged. While a still one lasts, and is healed, no mastership may move anywhere. `rules` are in force
    while it lasts, where they are others, and `becomes` says which application's flows are another's then. The virtual
    IPs of `readdressed` VIDs are others meanwhile. `bounds` are what is expected of it beyond its kind.
    """

    kind: str
    target: str
    strike: Deed
    heal: Deed
    details: Mapping[str, str] = field(default_factory=dict)
    damage: Damage = NO_DAMAGE
    momentary: bool = False
    exempt: bool = False
    still: bool = False
    rules: RuleSet | None = None
    becomes: Mapping[str, str] = field(default_factory=dict)
    readdressed: frozenset[Vid] = frozenset()
    bounds: Bounds = BY_KIND

    @property
    def name(self) -> str:
        """How people call it: kind, target and details."""
        return " ".join([self.kind, self.target, *self.details.values()])


def nothing(_lab: Lab) -> None:
    """Heal what has healed by itself."""


def select_faults(faults: Iterable[Fault], names: Sequence[str]) -> list[Fault]:
    """Return the faults that people named, by kind or by kind and target (`cut`, `cut l1`); LabError for another."""
    known = list(faults)
    if not names:
        return known
    wanted = [name.replace(":", " ") for name in names]
    for name in wanted:
        if not any(_is_called(fault, name) for fault in known):
            kinds = ", ".join(dict.fromkeys(fault.kind for fault in known))
            raise LabError(f"there is no fault {name!r}; there are {kinds}, each alone or with its target (`cut l1`)")
    return [fault for fault in known if any(_is_called(fault, name) for name in wanted)]


def _is_called(fault: Fault, name: str) -> bool:
    return f"{fault.name} ".replace(":", " ").startswith(f"{name} ")
