"""`metrics: count:`, which applications are counted by the kernel: none, all, or those of these names."""

from collections.abc import Collection, Iterator, Mapping
from typing import Annotated, Any, Final, TypeAlias

from pydantic import BeforeValidator, WithJsonSchema

from linkbalancer.config.fields import reading
from linkbalancer.config.findings import FieldError, suggestion
from linkbalancer.config.outline import Complaint
from linkbalancer.config.rulefields import NAME, name

OFF: Final = "off"
ALL: Final = "all"

_REMEDY: Final = "write off, all, or names of applications, such as [web, voice]"
_PATH: Final = ("metrics", "count")


def parse_count(raw: object) -> str | tuple[str, ...]:
    """Read which applications are counted.

    Raises:
        FieldError: It says neither one of the words nor names.
    """
    if raw is False:  # YAML 1.1 reads `off` so
        return OFF
    if isinstance(raw, str) and raw in {OFF, ALL}:
        return raw
    if not isinstance(raw, list | tuple) or not raw:
        raise FieldError("nothing says which applications are counted", _REMEDY)
    found = [_name(one) for one in raw]
    twice = next((one for one in found if found.count(one) > 1), None)
    if twice is not None:
        raise FieldError(f"the application {twice} is named twice", "name it once")
    return tuple(found)


def _name(raw: object) -> str:
    if not isinstance(raw, str):
        raise FieldError(f"{raw!r} is no application's name", _REMEDY)
    return name(raw)


Count: TypeAlias = Annotated[
    str | tuple[str, ...],
    BeforeValidator(reading(parse_count)),
    WithJsonSchema(
        {
            "anyOf": [
                {"enum": [OFF, ALL]},
                {"type": "array", "items": {"type": "string", "pattern": f"^{NAME.pattern}$"}, "minItems": 1},
            ]
        }
    ),
]


def chosen(count: str | tuple[str, ...], applications: Collection[str]) -> frozenset[str]:
    """Return which of these applications are counted."""
    if isinstance(count, str):
        return frozenset(applications if count == ALL else ())
    return frozenset(count).intersection(applications)


def check(configured: object, applications: Collection[str]) -> Iterator[Complaint]:
    """Refuse names that no application has, in a configuration's values as they are written."""
    metrics: Any = configured.get("metrics") if isinstance(configured, Mapping) else None
    count: Any = metrics.get("count") if isinstance(metrics, Mapping) else None
    for place, one in enumerate(count) if isinstance(count, list | tuple) else ():
        if isinstance(one, str) and one not in applications:
            known = suggestion(one, sorted(applications)) if applications else "there is no application to count"
            yield Complaint((*_PATH, place), f"there is no application {one}", known)
