"""The kinds of values that groups have: their keys, and how each is written, read and refused."""

import re
from dataclasses import dataclass
from ipaddress import IPv4Address, IPv4Network, IPv6Address, IPv6Network, ip_interface
from typing import Annotated, Final, TypeAlias

from pydantic import PlainSerializer, PlainValidator, ValidationInfo, WithJsonSchema

from linkbalancer.config.fields import parse_address, parse_device, reading
from linkbalancer.config.findings import FieldError, as_text, shown
from linkbalancer.links import Address, DeviceName, Family, GroupId, Interface
from linkbalancer.routing.marks import LAST_VID

_IPV6: Final = re.compile("([1-9][0-9]{0,2})/ipv6", re.ASCII)
_LONGEST: Final = {Family.IPV4: 32, Family.IPV6: 128}
_USUAL: Final = {Family.IPV4: 24, Family.IPV6: 64}


@dataclass(frozen=True, slots=True)
class VirtualIp:
    """An address of a group, with the prefix length it is installed with, and its device where that is another one."""

    interface: Interface
    device: DeviceName | None = None

    def __str__(self) -> str:
        return str(self.interface) if self.device is None else f"{self.interface} dev {self.device}"

    @property
    def ip(self) -> Address:
        """The address alone."""
        return self.interface.ip

    @property
    def network(self) -> IPv4Network | IPv6Network:
        """The network that the prefix length makes."""
        return self.interface.network

    @property
    def family(self) -> Family:
        """Its family."""
        return Family(self.interface.version)


def parse_host(raw: object) -> Address:
    """Read the address of a host, of either family.

    Raises:
        FieldError: It is none.
    """
    if isinstance(raw, IPv6Address) or (isinstance(raw, str) and ":" in raw):
        return _ipv6(raw)
    return parse_address(raw)


def parse_host6(raw: object) -> IPv6Address:
    """Read the IPv6 address of a host, link-local or not.

    Raises:
        FieldError: It is none.
    """
    remedy = "write such as fe80::1 or 2001:db8::1"
    return _ipv6(raw if isinstance(raw, IPv6Address) else as_text(raw, "IPv6 address", remedy))


def _ipv6(raw: str | IPv6Address) -> IPv6Address:
    try:
        address = IPv6Address(raw)
    except ValueError:
        raise FieldError(f"{raw!r} is no IPv6 address", "write such as fe80::1 or 2001:db8::1") from None
    if address.scope_id is not None:
        raise FieldError(
            f"{raw} names a device", f"write {str(address).partition('%')[0]} alone, and the device by its key"
        )
    if address.ipv4_mapped is not None:
        raise FieldError(f"{raw} is an IPv4 address in disguise", f"write {address.ipv4_mapped}")
    if address.is_multicast or address.is_unspecified or address.is_loopback:
        raise FieldError(f"{address} is no host's address", "write the address of one host")
    return address


def parse_virtual_ip(raw: object) -> VirtualIp:
    """Read a virtual IP with the prefix length that it is installed with: `192.0.2.1/24`, `fe80::1/64 dev eth1`.

    Raises:
        FieldError: It is none, or the address of the network itself.
    """
    if isinstance(raw, VirtualIp):
        return raw
    words = as_text(raw, "virtual IP", "write such as 192.0.2.251/24").split()
    match words:
        case [word]:
            return VirtualIp(_interface(word))
        case [word, "dev", device]:
            return VirtualIp(_interface(word), parse_device(device))
        case _:
            remedy = "write such as 192.0.2.251/24, or 192.0.2.251/24 dev eth2"
            raise FieldError(f"{shown(raw)} is no virtual IP", remedy)


def _interface(word: str) -> Interface:
    address, slash, length = word.partition("/")
    host = parse_host(address)
    family = Family(host.version)
    usual = f"{host}/{_USUAL[family]}"
    if not slash:
        raise FieldError(f"the virtual IP {word} has no prefix length", f"write the LAN's, such as {usual}")
    if not re.fullmatch("[0-9]{1,3}", length, re.ASCII) or not 1 <= int(length) <= _LONGEST[family]:
        raise FieldError(
            f"{word!r} has no prefix length from 1 to {_LONGEST[family]}", f"write the LAN's, such as {usual}"
        )
    interface = ip_interface(f"{host}/{int(length)}")
    network = interface.network
    last = {network.broadcast_address} if family is Family.IPV4 else set()
    if int(length) < _LONGEST[family] - 1 and interface.ip in {network.network_address, *last}:
        raise FieldError(f"{word} is the network's own address", f"write a host's address within {network}")
    return interface


def parse_ttl(raw: object) -> tuple[int, int]:
    """Read which TTLs adverts may arrive with: `255`, or `[254, 255]`.

    Raises:
        FieldError: They are none.
    """
    ends = tuple(raw) if isinstance(raw, tuple | list) else (raw, raw)
    remedy = "write [lowest, highest], such as [254, 255], each 0 to 255"
    if len(ends) != 2:
        raise FieldError(f"{len(ends)} numbers, not two", remedy)
    lowest, highest = ends
    for one in ends:
        if not isinstance(one, int) or isinstance(one, bool) or not 0 <= one <= 255:
            raise FieldError(f"{shown(one)} is no TTL", remedy)
    if lowest > highest:
        raise FieldError("the range runs backwards", f"write [{highest}, {lowest}]")
    return lowest, highest


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
_ADDRESS: Final = "[0-9A-Fa-f:.]+"

VirtualIpField: TypeAlias = Annotated[
    VirtualIp,
    PlainValidator(reading(parse_virtual_ip)),
    PlainSerializer(str, return_type=str),
    WithJsonSchema({"type": "string", "pattern": f"^{_ADDRESS}/[0-9]+( +dev +[A-Za-z0-9_][A-Za-z0-9_.:-]*)?$"}),
]
Host: TypeAlias = Annotated[
    IPv4Address | IPv6Address,
    PlainValidator(reading(parse_host)),
    PlainSerializer(str, return_type=str),
    WithJsonSchema({"type": "string", "pattern": f"^{_ADDRESS}$"}),
]
Host6: TypeAlias = Annotated[
    IPv6Address,
    PlainValidator(reading(parse_host6)),
    PlainSerializer(str, return_type=str),
    WithJsonSchema({"type": "string", "format": "ipv6"}),
]
_TTL: Final = {"type": "integer", "minimum": 0, "maximum": 255}
Ttl: TypeAlias = Annotated[
    tuple[int, int],
    PlainValidator(reading(parse_ttl)),
    PlainSerializer(list, return_type=list[int]),
    WithJsonSchema({"anyOf": [_TTL, {"type": "array", "items": _TTL, "minItems": 2, "maxItems": 2}]}),
]
