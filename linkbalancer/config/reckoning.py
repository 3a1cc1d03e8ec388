"""From the keys of `weight` to the settings of the machine that weighs a link."""

from collections.abc import Callable, Mapping
from typing import Any

from linkbalancer.config.plugins import Broken
from linkbalancer.config.section import Section
from linkbalancer.config.weighing import DampingKeys, MappingKeys, Weight
from linkbalancer.weights.bandwidth import AvailableBandwidth
from linkbalancer.weights.checked import Checks
from linkbalancer.weights.composite import Composite, Part
from linkbalancer.weights.cost import Cost, Tariff
from linkbalancer.weights.damping import Damping
from linkbalancer.weights.expression import Expression
from linkbalancer.weights.function import STATIC, Function
from linkbalancer.weights.hysteresis import Calm
from linkbalancer.weights.latency import Latency
from linkbalancer.weights.loss import Loss
from linkbalancer.weights.mapping import Linear, Logarithmic, PriorityMapping, Steps
from linkbalancer.weights.plugin import Parameter, Plugged, Plugin
from linkbalancer.weights.settings import Weighing
from linkbalancer.weights.spread import Spread
from linkbalancer.weights.view import Value

Finder = Callable[[str], Plugin | Broken | None]
"""Finds a plug-in by its name."""


def weighing(weight: Weight, find: Finder) -> Weighing | None:
    """Return how a link is weighed for a VID, None where it is not; `weight` is good by itself and as a whole.

    Raises:
        ValueError: it is not; the text says why.
    """
    name = weight.function or STATIC
    if name == STATIC:
        return None
    calm = {"least": weight.hysteresis, "hold": weight.hold}
    return Weighing(
        function=function(name, weight, find),
        unknown=weight.unknown,
        mapping=mapping(weight.mapping),
        calm=Calm(**_given(calm)),
        spread=weight.spread or Spread.NONE,
        damping=damping(weight.damping),
    )


def function(name: str, weight: Weight, find: Finder) -> Function:
    """Return a weight function with its parameters.

    Raises:
        ValueError: There is none, or its parameters do not fit.
    """
    match name:
        case "available-bandwidth":
            return AvailableBandwidth(**_keys(weight.available_bandwidth))
        case "latency":
            return Latency(**_keys(weight.latency))
        case "loss":
            return Loss(**_keys(weight.loss))
        case "cost":
            keys = _keys(weight.cost)
            schedule = tuple(Tariff(**_keys(one)) for one in keys.pop("schedule", ()))
            return Cost(schedule=schedule, **keys)
        case "checks":
            return Checks(tuple(map(check_name, weight.checks or ())))
        case "expression":
            return Expression(weight.expression or "")
        case "composite":
            parts = (weight.composite or {}).items()
            return Composite(tuple(Part(function(one, weight, find), factor) for one, factor in parts))
        case _:
            return _plugged(name, (weight.plugins or {}).get(name, {}), find)


def check_name(check: str | int) -> str:
    """Return what a check is called in a view: a tracker by its name, a static group by its VID."""
    return check if isinstance(check, str) else f"VID {check}"


def mapping(keys: MappingKeys | None) -> PriorityMapping:
    """Return how a weight becomes a priority.

    Raises:
        ValueError: It is not monotone, or not within 2 to 254.
    """
    if keys is None:
        return Linear()
    if keys.kind == "steps":
        return Steps(keys.steps or ())
    ends = _given({"least": keys.min, "most": keys.max})
    return Linear(**ends) if keys.kind == "linear" else Logarithmic(**ends)


def damping(keys: DampingKeys | None) -> Damping | None:
    """Return how flaps count, None where they do not.

    Raises:
        ValueError: They could never be forgiven.
    """
    given = _keys(keys)
    return Damping(**given) if given.pop("active", True) else None


def values(given: Mapping[str, Value], parameters: Mapping[str, Parameter]) -> tuple[tuple[str, Value], ...]:
    """Return the value of each parameter of a plug-in: as given, else its default."""
    defaults = {name: one.default for name, one in parameters.items() if one.default is not None}
    return tuple(sorted({**defaults, **given}.items()))


def _plugged(name: str, given: Mapping[str, Value], find: Finder) -> Plugged:
    found = find(name)
    if found is None or isinstance(found, Broken):
        raise ValueError(f"there is no weight function {name}" if found is None else f"{name}: {found.why}")
    return Plugged(name, values(given, found.parameters))


def _keys(section: Section | None) -> dict[str, Any]:
    """Return the keys that are given."""
    return {} if section is None else _given({name: getattr(section, name) for name in type(section).model_fields})


def _given(some: Mapping[str, Any]) -> dict[str, Any]:
    return {name: value for name, value in some.items() if value is not None}
