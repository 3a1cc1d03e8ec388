"""The JSON Schema of linkbalancer.yaml, for editors, and the list of its keys."""

from collections.abc import Iterator
from typing import Any, get_args, get_origin

from linkbalancer.config.annotations import section_of
from linkbalancer.config.model import Config


def json_schema() -> dict[str, Any]:
    """Return the JSON Schema (2020-12) of a gateway's configuration."""
    return Config.model_json_schema(by_alias=True, mode="serialization") | {
        "$schema": "https://json-schema.org/draft/2020-12/schema",
        "title": "linkbalancer.yaml",
    }


def keys(model: object = Config, above: str = "", seen: set[type] | None = None) -> Iterator[str]:
    """Yield every key in dotted form, with `*` where the operator chooses the key: `links.*.probe.interval`.

    The entries of a list have no level of their own. What stands at several places has its keys at the first alone.
    """
    known = set() if seen is None else seen
    if get_origin(model) is dict:
        yield from keys(get_args(model)[1], f"{above}*.", known)
    elif (section := section_of(model)) is not None and section not in known:
        known.add(section)
        for name, info in section.model_fields.items():
            key = info.alias or name
            yield above + key
            yield from keys(info.annotation, f"{above}{key}.", known)
