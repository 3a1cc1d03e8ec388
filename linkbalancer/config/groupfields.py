"""The kinds of values that groups have: their keys, and how each is written, read and refused."""

import re
from typing import Annotated, Final, TypeAlias

from pydantic import PlainSerializer, PlainValidator, ValidationInfo, WithJsonSchema

from linkbalancer.config.fields import reading
from linkbalancer.config.findings import FieldError, shown
from linkbalancer.links import Family, GroupId
from linkbalancer.routing.marks import LAST_VID

_IPV6: Final = re.compile("([1-9][0-9]{0,2})/ipv6", re.ASCII)


def parse_group(raw: object) -> GroupId:
    """Read which group is meant: `1`, the VRID of an IPv4 group, or `1/ipv6`.

    Raises:
        FieldError: None is.
    """
    if isinstance(raw, GroupId):
        return raw
    match = _IPV6.fullmatch(raw) if isinstance(raw, str) else None
    vid = raw if isinstance(raw, int) and not isinstance(raw, bool) else int(match[1]) if match else None
    if vid is None:
        raise FieldError(f"{shown(raw)} is no VID", "write such as 1 (IPv4), without quotes, or 1/ipv6")
    if not 1 <= vid <= LAST_VID:
        word, limit = ("large", f"{LAST_VID} or less") if vid > LAST_VID else ("small", "1 or more")
        raise FieldError(f"{shown(vid)} is too {word}", f"use {limit}")
    return GroupId(vid, Family.IPV6 if match else Family.IPV4)


def _read_key(raw: object, info: ValidationInfo) -> object:
    """Read the key of a group, which in JSON (between our own processes) is text in any case."""
    number = info.mode == "json" and isinstance(raw, str) and raw.isdecimal()
    return reading(parse_group)(int(str(raw)) if number else raw)


GroupKey: TypeAlias = Annotated[
    GroupId,
    PlainValidator(_read_key),
    PlainSerializer(lambda group: group.name, return_type=int | str),
    WithJsonSchema({"type": "string", "pattern": "^[1-9][0-9]{0,2}(/ipv6)?$"}),
]
