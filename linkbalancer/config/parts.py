"""The parts of a configuration that are good by themselves, so that one error hides no other."""

from collections.abc import Mapping
from dataclasses import dataclass
from functools import cache
from typing import Any

from pydantic import BaseModel, TypeAdapter, ValidationError

from linkbalancer.config.document import Path, Value


@dataclass(frozen=True, slots=True)
class Part:
    """One mapping: the good values of its keys (defaults included), the keys that are written, and where it is."""

    path: Path
    values: Mapping[str, Value]
    given: frozenset[str]
    inside: Mapping[str, "Part"]

    def knows(self, *keys: str) -> bool:
        """Tell whether the values of all these keys are good."""
        return all(key in self.values for key in keys)

    def __getitem__(self, key: str) -> Value:
        return self.values[key]

    def inner(self, key: str) -> "Part":
        """Return the part of a key that has keys of its own."""
        return self.inside.get(key, Part((*self.path, key), {}, frozenset(), {}))


def part(model: type[BaseModel], raw: object, path: Path) -> Part:
    """Return what is good in a mapping that should be a `model`; nothing is where it is no mapping at all."""
    if not isinstance(raw, dict):
        return Part(path, {}, frozenset(), {})
    values: dict[str, Value] = {}
    inside: dict[str, Part] = {}
    for key, (adapter, default, inner) in _keys(model).items():
        if inner is not None:
            inside[key] = part(inner, raw.get(key, {}), (*path, key))
        if key not in raw:
            values.update(default)
            continue
        try:
            values[key] = adapter.validate_python(raw[key])
        except ValidationError:
            continue
    return Part(path, values, frozenset(key for key in raw if isinstance(key, str)), inside)


@cache
def _keys(model: type[BaseModel]) -> Mapping[str, tuple[TypeAdapter[Any], Mapping[str, Any], type[BaseModel] | None]]:
    """Return how to read each key of a model alone, its default (if it has one), and its model if it is one."""
    keys = {}
    for name, info in model.model_fields.items():
        key = info.alias or name
        default = {} if info.is_required() else {key: info.get_default(call_default_factory=True)}
        inner = (
            info.annotation if isinstance(info.annotation, type) and issubclass(info.annotation, BaseModel) else None
        )
        keys[key] = (TypeAdapter(info.rebuild_annotation()), default, inner)
    return keys
