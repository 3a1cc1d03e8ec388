"""What one link's weights are configured to be: for each VID the function, and what becomes of its weight."""

from collections.abc import Mapping
from dataclasses import dataclass, field
from typing import Final

from linkbalancer.links import GroupId, LinkName
from linkbalancer.weights.bandwidth import AvailableBandwidth
from linkbalancer.weights.composite import Composite
from linkbalancer.weights.cost import Cost
from linkbalancer.weights.damping import Damping
from linkbalancer.weights.expression import Expression
from linkbalancer.weights.function import Function
from linkbalancer.weights.hysteresis import Calm
from linkbalancer.weights.mapping import Linear, PriorityMapping
from linkbalancer.weights.plugin import Plugged
from linkbalancer.weights.spread import Spread

_LOADS: Final = frozenset({"rate", "free", "load", "backlog", "drops"})
"""Names of expressions that follow the load."""


@dataclass(frozen=True, slots=True, kw_only=True)
class Weighing:
    """How a link is weighed for one VID.

    `unknown` is the weight where the function cannot say one; None: then the last one stands, and before there was any,
    the far end's configured priority. `damping` None: flaps do not matter.
    """

    function: Function
    unknown: float | None = None
    mapping: PriorityMapping = field(default_factory=Linear)
    calm: Calm = field(default_factory=Calm)
    spread: Spread = Spread.NONE
    damping: Damping | None = field(default_factory=Damping)

    @property
    def follows_load(self) -> bool:
        """Whether the VIDs on a link move its weight by the load that they bring and take along."""
        return _follows_load(self.function)

    @property
    def plugged(self) -> tuple[Plugged, ...]:
        """The plug-ins that take part."""
        return _plugged(self.function)

    @property
    def reckoning(self) -> str:
        """What weights are reckoned by, so that two of these can be told apart in writing."""
        return f"{self.function!r} {self.unknown!r}"


@dataclass(frozen=True, slots=True)
class WeigherSettings:
    """One link: its VIDs that have a weight; those whose function is `static` have none."""

    link: LinkName
    groups: Mapping[GroupId, Weighing] = field(default_factory=dict)

    @property
    def resets(self) -> frozenset[int]:
        """The days of the month on which the data caps of its VIDs begin anew."""
        return frozenset[int]().union(*(_resets(one.function) for one in self.groups.values()))

    @property
    def plugins(self) -> frozenset[str]:
        """The names of the plug-ins that weigh the link."""
        return frozenset(one.name for weighing in self.groups.values() for one in weighing.plugged)


def _plugged(function: Function) -> tuple[Plugged, ...]:
    if isinstance(function, Composite):
        return tuple(one for part in function.parts for one in _plugged(part.function))
    return (function,) if isinstance(function, Plugged) else ()


def _follows_load(function: Function) -> bool:
    if isinstance(function, Composite):
        return any(_follows_load(part.function) for part in function.parts)
    if isinstance(function, Expression):
        return any(name.partition("_")[0] in _LOADS for name in function.names)
    return isinstance(function, AvailableBandwidth)


def _resets(function: Function) -> frozenset[int]:
    if isinstance(function, Composite):
        return frozenset[int]().union(*(_resets(part.function) for part in function.parts))
    capped = isinstance(function, Cost) and function.cap is not None
    return frozenset({function.resets}) if capped and isinstance(function, Cost) else frozenset()
