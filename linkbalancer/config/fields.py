"""The kinds of values that a configuration has: how each is written, read and refused."""

import re
from collections.abc import Callable
from ipaddress import IPv4Address, IPv4Interface
from typing import Annotated, Final, TypeAlias

from pydantic import BeforeValidator, PlainSerializer, StrictBool, StrictInt, WithJsonSchema
from pydantic_core import PydanticCustomError

from linkbalancer.clock import MICROSECOND, MILLISECOND, SECOND, Duration
from linkbalancer.config.findings import FieldError, shown
from linkbalancer.config.rulefields import NAME, name

UNITS: Final = {"us": MICROSECOND, "ms": MILLISECOND, "s": SECOND, "min": 60 * SECOND}

DAY: Final[Duration] = 86400 * SECOND

_DURATION: Final = re.compile(r"([0-9]{1,9})(?:\.([0-9]{1,9}))? ?(us|ms|s|min)", re.ASCII)
_GROUP: Final = re.compile(r"[A-Za-z_][A-Za-z0-9_.-]{0,31}", re.ASCII)
_KEEP_UNITS: Final = {"h": 3600 * SECOND, "d": DAY}
_KEEP: Final = re.compile(r"([0-9]{1,6}) ?(h|d)", re.ASCII)
_SIZE_UNITS: Final = {"MiB": 1 << 20, "GiB": 1 << 30}
_SIZE: Final = re.compile(r"([0-9]{1,6}) ?(MiB|GiB)", re.ASCII)
_DEVICE: Final = re.compile(r"[A-Za-z0-9_][A-Za-z0-9_.:-]{0,14}", re.ASCII)


def text(raw: object, what: str, remedy: str) -> str:
    """Return a value that must be text.

    Raises:
        FieldError: YAML read it as something else.
    """
    if not isinstance(raw, str):
        raise FieldError(f"{shown(raw)} is no {what}", remedy)
    return raw


def parse_duration(raw: object) -> Duration:
    """Read `200ms`, `1.5s`, `2min`.

    Raises:
        FieldError: It is no duration, has no unit, is no whole number of nanoseconds, or is longer than a day.
    """
    if isinstance(raw, int) and not isinstance(raw, bool):
        raise FieldError(f"{raw} has no unit", f"write such as {raw}ms or {raw}s")
    match = _DURATION.fullmatch(text(raw, "duration", "write such as 200ms or 1s"))
    if match is None:
        raise FieldError(f"{raw!r} is no duration", "write a number and us, ms, s or min, such as 200ms or 1s")
    fraction = match[2] or ""
    scale: int = 10 ** len(fraction)
    nanoseconds, rest = divmod(int(match[1] + fraction) * UNITS[match[3]], scale)
    if rest:
        raise FieldError(f"{raw!r} is finer than a nanosecond", "write fewer digits")
    if nanoseconds > DAY:
        raise FieldError(f"{raw!r} is longer than a day", "write a day or less")
    return nanoseconds


def parse_keep(raw: object) -> Duration:
    """Read how long something is kept: `90d`, `12h`; from an hour to ten years.

    Raises:
        FieldError: It is none.
    """
    match = _KEEP.fullmatch(text(raw, "time to keep something", "write such as 90d or 12h"))
    if match is None:
        raise FieldError(f"{raw!r} is no time to keep something", "write a number and h or d, such as 90d")
    keep = int(match[1]) * _KEEP_UNITS[match[2]]
    if not _KEEP_UNITS["h"] <= keep <= 3653 * DAY:
        raise FieldError(f"{raw} will not do", "write 1h to 3653d")
    return keep


def write_keep(keep: Duration) -> str:
    """Write how long something is kept, in days where they are whole."""
    unit = "h" if keep % DAY else "d"
    return f"{keep // _KEEP_UNITS[unit]}{unit}"


def parse_size(raw: object) -> int:
    """Read a size of a file: `64MiB`, `1GiB`; from 1 MiB to 64 GiB.

    Raises:
        FieldError: It is none.
    """
    match = _SIZE.fullmatch(text(raw, "size", "write such as 64MiB"))
    if match is None:
        raise FieldError(f"{raw!r} is no size", "write a whole number and MiB or GiB, such as 64MiB")
    size = int(match[1]) * _SIZE_UNITS[match[2]]
    if not _SIZE_UNITS["MiB"] <= size <= 64 * _SIZE_UNITS["GiB"]:
        raise FieldError(f"{raw} will not do", "write 1MiB to 64GiB")
    return size


def write_size(size: int) -> str:
    """Write a size in its largest whole unit."""
    unit = "MiB" if size % _SIZE_UNITS["GiB"] else "GiB"
    return f"{size // _SIZE_UNITS[unit]}{unit}"


def write_duration(duration: Duration) -> str:
    """Write a duration as a configuration does, exactly, in its largest whole unit."""
    for unit in ("s", "ms", "us"):
        if duration % UNITS[unit] == 0 and duration < UNITS[unit] * 1_000_000_000:
            return f"{duration // UNITS[unit]}{unit}"
    return f"{duration // SECOND}.{duration % SECOND:09}s"


def parse_range(raw: object) -> tuple[Duration, Duration]:
    """Read `200ms` (fixed) or `[100ms, 200ms]` (drawn anew each time), at least 10 ms.

    Raises:
        FieldError: It is neither, runs backwards, or is too short.
    """
    if isinstance(raw, tuple | list):
        if len(raw) != 2:
            raise FieldError(f"{len(raw)} durations, not two", "write [shortest, longest], such as [100ms, 200ms]")
        first, last = parse_duration(raw[0]), parse_duration(raw[1])
    else:
        first = last = parse_duration(raw)
    if last < first:
        raise FieldError("the range runs backwards", f"write [{write_duration(last)}, {write_duration(first)}]")
    if first < 10 * MILLISECOND:
        raise FieldError(f"{write_duration(first)} is too short", "probe every 10ms or less often")
    return first, last


def parse_advert_interval(raw: object) -> Duration:
    """Read an advertisement interval: 10 ms to 40.95 s, in steps of 10 ms (RFC 9568 5.2.7: 12 bits of centiseconds).

    Raises:
        FieldError: It is none.
    """
    interval = parse_duration(raw)
    if not 10 * MILLISECOND <= interval <= 40950 * MILLISECOND:
        raise FieldError(f"{raw} is out of range", "write 10ms to 40.95s")
    if interval % (10 * MILLISECOND):
        down = interval // (10 * MILLISECOND) * 10
        raise FieldError(f"{raw} is no multiple of 10ms", f"write {down}ms or {down + 10}ms")
    return interval


def parse_detect(raw: object) -> Duration:
    """Read what counts as silence: whole milliseconds, as the wire has it, from 10 ms to an hour.

    Raises:
        FieldError: It is none.
    """
    detect = parse_duration(raw)
    if detect % MILLISECOND or not 10 * MILLISECOND <= detect <= 3600 * SECOND:
        raise FieldError(f"{raw} will not do", "write whole milliseconds, from 10ms to 60min")
    return detect


def parse_address(raw: object) -> IPv4Address:
    """Read the IPv4 address of a host.

    Raises:
        FieldError: It is none.
    """
    if isinstance(raw, IPv4Address) and not isinstance(raw, IPv4Interface):
        return raw
    word = text(raw, "IPv4 address", "write such as 192.0.2.1")
    try:
        address = IPv4Address(word)
    except ValueError:
        raise FieldError(f"{word!r} is no IPv4 address", "write such as 192.0.2.1") from None
    if address.is_multicast or address.is_unspecified or address == IPv4Address("255.255.255.255"):
        raise FieldError(f"{address} is no host's address", "write the address of one host")
    return address


def parse_virtual_ip(raw: object) -> IPv4Interface:
    """Read a virtual IP with the prefix length that it is installed with.

    Raises:
        FieldError: It is none, or the address of the network itself.
    """
    if isinstance(raw, IPv4Interface):
        return raw
    word = text(raw, "virtual IP", "write such as 192.0.2.251/24")
    if "/" not in word:
        raise FieldError(f"the virtual IP {word} has no prefix length", f"write the LAN's, such as {word}/24")
    address, _, length = word.partition("/")
    host = parse_address(address)
    if not re.fullmatch("[0-9]{1,2}", length, re.ASCII) or not 1 <= int(length) <= 32:
        raise FieldError(f"{word!r} has no prefix length from 1 to 32", f"write the LAN's, such as {host}/24")
    interface = IPv4Interface(f"{host}/{length}")
    network = interface.network
    if int(length) < 31 and interface.ip in {network.network_address, network.broadcast_address}:
        raise FieldError(f"{word} is the network's own address", f"write a host's address within {network}")
    return interface


def parse_name(raw: object) -> str:
    """Read the name of a node or link.

    Raises:
        FieldError: It is none.
    """
    return name(text(raw, "name", "put it in quotes if it is one"))


def parse_device(raw: object) -> str:
    """Read the name of a network device.

    Raises:
        FieldError: It is none.
    """
    word = text(raw, "device", "write such as eth0, in quotes if it is a number")
    if not _DEVICE.fullmatch(word):
        raise FieldError(f"the device {word!r} cannot be", "write a device's name, at most 15 characters, such as eth0")
    return word


def parse_user_group(raw: object) -> str:
    """Read the name of a group of this host's users.

    Raises:
        FieldError: It is none.
    """
    word = text(raw, "group", "write a group's name, such as linkbalancer-read")
    if not _GROUP.fullmatch(word):
        raise FieldError(f"the group {word!r} cannot be", "write a group's name, such as linkbalancer-read")
    return word


def parse_file(raw: object) -> str:
    """Read the path of a file beside the configuration.

    Raises:
        FieldError: It is none.
    """
    remedy = "write a file's path, relative to this file's folder"
    word = text(raw, "path", remedy)
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
    word = text(raw, "place to listen", remedy)
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


def _reader(parse: Callable[[object], object]) -> BeforeValidator:
    """Let pydantic read a value by `parse`, and carry its words."""

    def read(raw: object) -> object:
        try:
            return parse(raw)
        except FieldError as error:
            raise PydanticCustomError("field", "{what}", {"what": error.what, "remedy": error.remedy}) from None

    return BeforeValidator(read)


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
VirtualIp: TypeAlias = Annotated[IPv4Interface, _reader(parse_virtual_ip), _schema(pattern="^[0-9.]+/[0-9]+$")]
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
