"""What `linkbalancer weight set` is told in words, as the value that `weight` has in a configuration.

`latency good=20ms hold=30s` means `{function: latency, latency: {good: 20ms}, hold: 30s}`: a word that is no key of
`weight` itself is a parameter of the function.
"""

from collections.abc import Iterable, Mapping
from typing import Any, Final

from linkbalancer.config.document import Value, parse
from linkbalancer.config.findings import FieldError

KEYS: Final = frozenset(
    (
        *("unknown", "mapping", "hysteresis", "hold", "spread", "damping"),
        *("available-bandwidth", "latency", "loss", "cost", "checks", "expression", "composite", "plugins"),
    )
)
"""The keys of `weight` beside `function`."""

_TEXT: Final = frozenset({"expression"})
"""Whose values are taken as they are written."""


def section(function: str, words: Iterable[str], *, plugin: bool) -> Value:
    """Return the value of `weight`; the function alone where nothing else is said.

    Args:
        function: its name.
        words: `KEY=VALUE` each; `KEY` may be a path, `mapping.min`.
        plugin: the function is somebody else's, so its parameters stand under `plugins`.

    Raises:
        FieldError: a word says nothing, or one contradicts another.
    """
    said: dict[str, Any] = {}
    for word in words:
        key, equals, text = word.partition("=")
        if not equals or not all(key.split(".")):
            raise FieldError(f"{word!r} is no setting", "write KEY=VALUE, such as hold=30s or latency.good=20ms")
        path = key.split(".")
        if path[0] not in KEYS:
            path = ["plugins", function, *path] if plugin else [function, *path]
        _put(said, path, text if path[-1] in _TEXT else _read(word, text))
    return {"function": function, **said} if said else function


def _put(into: dict[str, Any], path: list[str], value: Value) -> None:
    for step in path[:-1]:
        inner = into.setdefault(step, {})
        if not isinstance(inner, dict):
            raise FieldError(f"{'.'.join(path)} is said beside {step}={inner}", "say one of the two")
        into = inner
    if path[-1] in into:
        raise FieldError(f"{'.'.join(path)} is said twice", "say it once")
    into[path[-1]] = value


def _read(word: str, text: str) -> Value:
    document = parse(f"value: {text}", "")
    values = document.values
    if document.errors or not isinstance(values, Mapping) or values.keys() != {"value"}:
        raise FieldError(
            f"the value of {word!r} is not read", "write it as in the configuration: 20ms, 5, [a, b], {a: 1}"
        )
    return values["value"]
