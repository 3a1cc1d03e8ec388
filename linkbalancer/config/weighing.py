"""How links are weighed: the keys of `weight`, at a link for all its VIDs and at a group for its own.

Every key is None where it is not written, so that a group's keys can be laid over its link's, and defaults are those of
`linkbalancer.weights`. What several keys must be together is in `weightchecks`.
"""

from typing import Annotated, Any, Final, Literal, TypeVar

from pydantic import BeforeValidator, Field

from linkbalancer.config.fields import Integer, Name, Switch, Time
from linkbalancer.config.section import Section
from linkbalancer.config.weightfields import (
    BitRate,
    CheckName,
    DaysField,
    ExpressionText,
    Factor,
    HoursField,
    Number,
    Share,
    Short,
    StepsField,
    Volume,
    WeightNumber,
)
from linkbalancer.weights.bandwidth import Direction
from linkbalancer.weights.mapping import HIGHEST, LOWEST
from linkbalancer.weights.spread import Spread

SectionT = TypeVar("SectionT", bound=Section)
PluginValue = bool | int | float | str

PARTS: Final = ("available-bandwidth", "latency", "loss", "cost", "checks", "expression")
"""The functions whose parameters stand under their own name, and of which composites may be made."""


class Bandwidth(Section):
    """Parameters of available-bandwidth."""

    best: BitRate | None = None
    busy: Share | None = None
    direction: Direction | None = None


class LatencyKeys(Section):
    """Parameters of latency."""

    good: Time | None = None
    bad: Time | None = None
    jitter: Number | None = None


class LossKeys(Section):
    """Parameters of loss."""

    good: Share | None = None
    bad: Share | None = None


class TariffKeys(Section):
    """A price, and when it holds."""

    price: Number
    days: DaysField | None = None
    hours: HoursField | None = None


class CostKeys(Section):
    """Parameters of cost."""

    price: Number | None = None
    dear: Factor | None = None
    schedule: Annotated[tuple[TariffKeys, ...], Field(max_length=64)] = ()
    cap: Volume | None = None
    careful: Share | None = None
    resets: Annotated[Integer, Field(ge=1, le=28)] | None = None


class MappingKeys(Section):
    """How a weight becomes a priority."""

    kind: Literal["linear", "logarithmic", "steps"] = "linear"
    min: Annotated[Integer, Field(ge=LOWEST, le=HIGHEST)] | None = None
    max: Annotated[Integer, Field(ge=LOWEST, le=HIGHEST)] | None = None
    steps: StepsField | None = None


class DampingKeys(Section):
    """How flaps count."""

    active: Switch | None = None
    half_life: Time | None = None
    suppress: Factor | None = None
    reuse: Factor | None = None
    longest: Time | None = None


def _kind(raw: object) -> object:
    return {"kind": raw} if isinstance(raw, str) else raw


def _function(raw: object) -> object:
    return {"function": raw} if isinstance(raw, str) else raw


class Weight(Section):
    """How a link is weighed; a text alone is the function."""

    function: Name | None = None
    unknown: WeightNumber | None = None
    available_bandwidth: Bandwidth | None = Field(default=None, alias="available-bandwidth")
    latency: LatencyKeys | None = None
    loss: LossKeys | None = None
    cost: CostKeys | None = None
    checks: Annotated[tuple[CheckName, ...], Field(min_length=1, max_length=64)] | None = None
    expression: ExpressionText | None = None
    composite: dict[Name, Factor] | None = None
    plugins: dict[Name, dict[Name, PluginValue]] | None = None
    mapping: Annotated[MappingKeys | None, BeforeValidator(_kind), Short()] = None
    hysteresis: Annotated[WeightNumber, Field(le=50)] | None = None
    hold: Time | None = None
    spread: Spread | None = None
    damping: DampingKeys | None = None

    @property
    def given(self) -> dict[str, Any]:
        """What is written, by the keys of the document."""
        values = {info.alias or name: getattr(self, name) for name, info in type(self).model_fields.items()}
        return {key: value for key, value in values.items() if value is not None}


WeightField = Annotated[Weight, BeforeValidator(_function), Short()]
NOTHING: Final = Weight()

_WHOLE: Final = frozenset({"mapping", "composite", "plugins", "checks"})
"""Keys of a group that stand in place of the link's; of others, each key within them does."""


def laid_over(top: Weight, base: Weight) -> Weight:
    """Return a link's keys with its group's over them."""
    return _laid(top, base)


def _laid(top: SectionT, base: SectionT) -> SectionT:
    """Return the upper keys, and below them the lower ones."""
    merged: dict[str, Any] = {}
    for name in type(top).model_fields:
        upper, lower = getattr(top, name), getattr(base, name)
        if isinstance(upper, Section) and isinstance(lower, Section) and name not in _WHOLE:
            merged[name] = _laid(upper, lower)
        else:
            merged[name] = lower if upper is None or upper == () else upper
    return top.model_copy(update=merged)
