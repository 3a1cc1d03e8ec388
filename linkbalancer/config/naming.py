"""The section `names`: how the host names of sets are asked for."""

from typing import Annotated, Final, TypeAlias

from pydantic import BeforeValidator, Field, PlainSerializer, WithJsonSchema

from linkbalancer.clock import SECOND, Duration
from linkbalancer.config.fields import Time, reading
from linkbalancer.config.findings import FieldError
from linkbalancer.config.groupfields import Host
from linkbalancer.config.quantities import parse_range, write_duration
from linkbalancer.config.section import Section

RESOLVERS_MAX: Final = 8
TTL_MIN: Duration = SECOND


def parse_ttl_range(raw: object) -> tuple[Duration, Duration]:
    """Read the least and the greatest TTL, from a second up; one alone is both.

    Raises:
        FieldError: It is no such pair.
    """
    first, last = parse_range(raw)
    if first < TTL_MIN:
        raise FieldError(f"{write_duration(first)} is too short", "ask for an address once in a second at most: 1s")
    return first, last


_TIME: Final = {"type": "string", "pattern": "^[0-9]"}

TtlRange: TypeAlias = Annotated[
    tuple[int, int],
    BeforeValidator(reading(parse_ttl_range)),
    PlainSerializer(lambda ends: [write_duration(end) for end in ends], return_type=list[str]),
    WithJsonSchema({"anyOf": [_TIME, {"type": "array", "items": _TIME, "minItems": 2, "maxItems": 2}]}),
]


class Names(Section):
    """How the host names of sets are asked for (docs/rules.md).

    `resolvers` none: those of the host, in /etc/resolv.conf. `ttl`: no address is asked for again sooner, none later,
    whatever its TTL. `grace`: how long an address stays that is not answered any more, once its TTL is over.
    """

    resolvers: Annotated[tuple[Host, ...], Field(max_length=RESOLVERS_MAX)] = ()
    ttl: TtlRange = (30 * SECOND, 3600 * SECOND)
    grace: Time = 3600 * SECOND
