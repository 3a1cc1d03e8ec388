"""What changes between the `weight` of two configurations, key by key."""

from collections.abc import Iterator, Mapping
from typing import Any, Final

from linkbalancer.config.changes import Change, Kind
from linkbalancer.config.weighing import Weight

_ANEW: Final = "it is weighed anew at once, and the far end's priority follows"
_EFFECTS: Final = {
    "mapping": "the far end's priority follows at once",
    "spread": "the far end's priority follows at once",
    "hysteresis": "nothing moves now",
    "hold": "nothing moves now",
    "damping": "it is for the next flap",
}


def changes(subject: str, was: Weight, will: Weight) -> Iterator[Change]:
    """Yield a change for each key that is not the same."""
    before, after = (dict(_flat(_written(one))) for one in (was, will))
    for key in dict.fromkeys((*before, *after)):
        if before.get(key) != after.get(key):
            effect = _EFFECTS.get(key.partition(" ")[0], _ANEW)
            what = f"weight {key} {_value(before.get(key))} -> {_value(after.get(key))}"
            yield Change(Kind.CHANGED, subject, what, effect)


def _written(weight: Weight) -> dict[str, Any]:
    return weight.model_dump(mode="json", by_alias=True, exclude_none=True, exclude_defaults=True)


def _flat(values: Mapping[str, Any], prefix: str = "") -> Iterator[tuple[str, Any]]:
    for key, value in values.items():
        if isinstance(value, Mapping):
            yield from _flat(value, f"{prefix}{key} ")
        else:
            yield f"{prefix}{key}", value


def _value(value: object) -> str:
    """Write a value as a configuration does."""
    match value:
        case None:
            return "not said"
        case bool():
            return "true" if value else "false"
        case float():
            return f"{value:g}"
        case list():
            return "[" + ", ".join(map(_value, value)) + "]"
        case dict():
            return "{" + ", ".join(f"{key}: {_value(one)}" for key, one in value.items()) + "}"
        case _:
            return str(value)
