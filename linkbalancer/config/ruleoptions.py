"""The options of an `App=` line: each a key, and what reads its value.

To add one: a field with a default in `routing.application.Application` (which writes it, too), and its reader here.
"""

from collections.abc import Callable, Mapping
from typing import Any, Final

from linkbalancer.clock import SECOND, Duration
from linkbalancer.config.balancing import STICKY, sticky
from linkbalancer.config.findings import FieldError, nearest, suggestion
from linkbalancer.config.quantities import parse_duration
from linkbalancer.config.servicelevels import service_level
from linkbalancer.routing.handover import Handover, Mode

NAME: Final = "name"
"""The option that says which application the line belongs to."""

_DRAIN: Final = Mode.DRAIN.value
_SHORTEST_DRAIN: Duration = 1 * SECOND


def handover(word: str) -> Handover:
    """Read what becomes of running flows: `move`, `keep`, `drain:60s`, `reset`.

    Raises:
        FieldError: It is none of them, or a time stands where none can, or none where one must.
    """
    name, colon, time = word.partition(":")
    modes = {mode.value: mode for mode in Mode}
    if name not in modes:
        near = nearest(name, modes)
        remedy = f"did you mean {near}?" if near else f"write one of: {', '.join(modes)} ({_DRAIN} with a time)"
        raise FieldError(f"{word!r} is no handover", remedy)
    if name != _DRAIN:
        if colon:
            raise FieldError(f"{name} takes no time", f"write {name}, or {_DRAIN}:{time or '60s'}")
        return Handover(modes[name])
    if not time:
        raise FieldError(f"{_DRAIN} says not how long flows may stay", f"write such as {_DRAIN}:60s")
    stay = parse_duration(time)
    if stay < _SHORTEST_DRAIN:
        raise FieldError(f"{word} is shorter than a second", "write move, or a second or more")
    return Handover(Mode.DRAIN, stay)


READERS: Final[Mapping[str, Callable[[str], Any]]] = {
    "handover": handover,
    "failback": handover,
    "good-for": parse_duration,
    "sla": service_level,
    STICKY: sticky,
}
"""What reads the value of each option but the name."""

NOT_DONE_YET: Final[frozenset[str]] = frozenset()
"""The fields of options that no gateway can do: they are read, and refused where one would steer by them."""


def field_of(key: str) -> str:
    """Return which field of an application an option sets."""
    return key.replace("-", "_")


def unknown(key: str) -> FieldError:
    """Return what to say of an option that there is not."""
    return FieldError(f"the option {key!r} is not known", suggestion(key, (NAME, *READERS)))
