"""The kinds of values that a configuration has: how each is written, read and refused."""

import re
from collections.abc import Callable
from ipaddress import IPv4Address, IPv4Interface
from typing import Annotated, Final, TypeAlias

from pydantic import BeforeValidator, PlainSerializer, StrictBool, StrictInt, WithJsonSchema
from pydantic_core import PydanticCustomError

from linkbalancer.config.findings import FieldError, as_text, shown
from linkbalancer.config.quantities import (
    parse_advert_interval,
    parse_detect,
    parse_duration,
    parse_keep,
    parse_range,
    parse_size,
    write_duration,
    write_keep,
    write_size,
)
from linkbalancer.config.rulefields import NAME, name

_GROUP: Final = re.compile(r"[A-Za-z_][A-Za-z0-9_.-]{0,31}", re.ASCII)
_DEVICE: Final = re.compile(r"[A-Za-z0-9_][A-Za-z0-9_.:-]{0,14}", re.ASCII)


def parse_address(raw: object) -> IPv4Address:
    """Read the IPv4 address of a host.

    Raises:
        FieldError: It is none.
    """
    if isinstance(raw, IPv4Address) and not isinstance(raw, IPv4Interface):
        return raw
    word = as_text(raw, "IPv4 address", "write such as 192.0.2.1")
    try:
        address = IPv4Address(word)
    except ValueError:
        raise FieldError(f"{word!r} is no IPv4 address", "write such as 192.0.2.1") from None
    if address.is_multicast or address.is_unspecified or address == IPv4Address("255.255.255.255"):
        raise FieldError(f"{address} is no host's address", "write the address of one host")
    return address


def parse_name(raw: object) -> str:
    """Read the name of a node or link.

    Raises:
        FieldError: It is none.
    """
    return name(as_text(raw, "name", "put it in quotes if it is one"))


def parse_device(raw: object) -> str:
    """Read the name of a network device.

    Raises:
        FieldError: It is none.
    """
    word = as_text(raw, "device", "write such as eth0, in quotes if it is a number")
    if not _DEVICE.fullmatch(word):
        raise FieldError(f"the device {word!r} cannot be", "write a device's name, at most 15 characters, such as eth0")
    return word


def parse_user_group(raw: object) -> str:
    """Read the name of a group of this host's users.

    Raises:
        FieldError: It is none.
    """
    word = as_text(raw, "group", "write a group's name, such as linkbalancer-read")
    if not _GROUP.fullmatch(word):
        raise FieldError(f"the group {word!r} cannot be", "write a group's name, such as linkbalancer-read")
    return word


def parse_file(raw: object) -> str:
    """Read the path of a file beside the configuration.

    Raises:
        FieldError: It is none.
    """
    remedy = "write a file's path, relative to this file's folder"
    word = as_text(raw, "path", remedy)
    if not word:
        raise FieldError("the path is empty", remedy)
    try:
        encoded = word.encode()
    except UnicodeEncodeError:  # half of a surrogate pair, by an escape
        encoded = b"\0"
    if b"\0" in encoded:
        raise FieldError(f"the path {shown(word)} cannot be", remedy)
    return word


def parse_listen(raw: object) -> str:
    """Read where metrics are served: `unix`, `off`, or the IPv4 address and port of a TCP listener.

    Raises:
        FieldError: It is none of them.
    """
    remedy = "write unix, off, or an address and a port, such as 127.0.0.1:9586"
    if raw is False:  # YAML 1.1 reads `off` so
        return "off"
    word = as_text(raw, "place to listen", remedy)
    if word in {"unix", "off"}:
        return word
    host, _, port = word.rpartition(":")
    try:
        address = IPv4Address(host)
    except ValueError:
        raise FieldError(f"nobody can listen on {shown(word)}", remedy) from None
    if not re.fullmatch("[0-9]{1,5}", port, re.ASCII) or not 1 <= int(port) <= 65535:
        raise FieldError(f"{shown(word)} has no port from 1 to 65535", remedy)
    return f"{address}:{int(port)}"


def reading(parse: Callable[[object], object]) -> Callable[[object], object]:
    """Return `parse` as pydantic reads a value by it, carrying its words."""

    def read(raw: object) -> object:
        try:
            return parse(raw)
        except FieldError as error:
            raise PydanticCustomError("field", "{what}", {"what": error.what, "remedy": error.remedy}) from None

    return read


def _reader(parse: Callable[[object], object]) -> BeforeValidator:
    return BeforeValidator(reading(parse))


def _schema(**words: str | int) -> WithJsonSchema:
    return WithJsonSchema({"type": "string", **words})


_DURATION_SCHEMA: Final = {"type": "string", "pattern": r"^[0-9]+(\.[0-9]+)? ?(us|ms|s|min)$"}
_AS_DURATION: Final = PlainSerializer(write_duration, return_type=str)

Integer: TypeAlias = StrictInt
Switch: TypeAlias = StrictBool
Name: TypeAlias = Annotated[str, _reader(parse_name), _schema(pattern=f"^{NAME.pattern}$")]
Device: TypeAlias = Annotated[str, _reader(parse_device), _schema(pattern=f"^{_DEVICE.pattern}$")]
UserGroup: TypeAlias = Annotated[str, _reader(parse_user_group), _schema(pattern=f"^{_GROUP.pattern}$")]
File: TypeAlias = Annotated[str, _reader(parse_file), _schema(minLength=1)]
Address: TypeAlias = Annotated[IPv4Address, _reader(parse_address), _schema(format="ipv4")]
Listen: TypeAlias = Annotated[str, _reader(parse_listen), _schema(pattern="^(unix|off|[0-9.]+:[0-9]{1,5})$")]
Time: TypeAlias = Annotated[int, _reader(parse_duration), _AS_DURATION, WithJsonSchema(_DURATION_SCHEMA)]
Detect: TypeAlias = Annotated[int, _reader(parse_detect), _AS_DURATION, WithJsonSchema(_DURATION_SCHEMA)]
AdvertInterval: TypeAlias = Annotated[
    int, _reader(parse_advert_interval), _AS_DURATION, WithJsonSchema(_DURATION_SCHEMA)
]
TimeRange: TypeAlias = Annotated[
    tuple[int, int],
    _reader(parse_range),
    PlainSerializer(lambda ends: [write_duration(end) for end in ends], return_type=list[str]),
    WithJsonSchema(
        {"anyOf": [_DURATION_SCHEMA, {"type": "array", "items": _DURATION_SCHEMA, "minItems": 2, "maxItems": 2}]}
    ),
]
Keep: TypeAlias = Annotated[
    int, _reader(parse_keep), PlainSerializer(write_keep, return_type=str), _schema(pattern="^[0-9]+ ?(h|d)$")
]
Size: TypeAlias = Annotated[
    int, _reader(parse_size), PlainSerializer(write_size, return_type=str), _schema(pattern="^[0-9]+ ?(MiB|GiB)$")
]
