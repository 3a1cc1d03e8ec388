"""Flow files: a packet a line as JSON, `{"src", "dst", "proto", "sport", "dport", "tos"}`."""

import json
from collections.abc import Iterator
from functools import lru_cache
from ipaddress import ip_address
from typing import Any, Final

from linkbalancer.config import rulefields
from linkbalancer.config.findings import FieldError, Finding
from linkbalancer.routing.packet import Address, Packet
from linkbalancer.routing.protocols import protocol_name
from linkbalancer.routing.selector import PROTOCOLS_WITH_PORTS

_REMEDY: Final = (
    'write such as {"src": "192.0.2.1", "dst": "198.51.100.1", "proto": "tcp", "sport": 40000, "dport": 80}'
)


def flow(fields: dict[str, Any]) -> Packet:
    """Return the packet that a flow's fields describe.

    `proto`, `tos` and ports are numbers, or text as in a rule file; ports and `tos` not given (or null) are 0. Other
    keys stay unread, so that a line can carry notes of its own.

    Raises:
        FieldError: A field is missing or wrong.
    """
    source, destination = _address(fields, "src"), _address(fields, "dst")
    if source.version != destination.version:
        raise FieldError(f"src is IPv{source.version}, dst IPv{destination.version}", "give both in one family")
    protocol = _word(fields, "proto")
    if protocol == rulefields.ANY:
        raise FieldError("proto is *", "name one protocol: a packet has just one")
    return Packet(
        source=source,
        destination=destination,
        protocol=rulefields.protocol(protocol),
        source_port=rulefields.port(_word(fields, "sport", "0")),
        destination_port=rulefields.port(_word(fields, "dport", "0")),
        tos=rulefields.tos(_word(fields, "tos", "0")),
    )


def read_flows(text: str, file: str) -> Iterator[Packet | Finding]:
    """Yield the packet of each line in order, or what is wrong with the line; empty lines are skipped."""
    read = lru_cache(maxsize=65536)(_line)
    for number, line in enumerate(text.split("\n"), start=1):
        if line.strip():
            try:
                yield read(line)
            except FieldError as error:
                yield Finding(file, number, 1, error.what, error.remedy)


def _line(line: str) -> Packet:
    try:
        fields = json.loads(line)
    except (ValueError, RecursionError):
        raise FieldError("the line is not JSON", _REMEDY) from None
    if not isinstance(fields, dict):
        raise FieldError("the line is no JSON object", _REMEDY)
    return flow(fields)


def _word(fields: dict[str, Any], key: str, default: str | None = None) -> str:
    value = fields.get(key)
    if value is None:  # null is not given, as some programs write it
        value = default
    if value is None:
        raise FieldError(f"{key} is missing", _REMEDY)
    if isinstance(value, bool) or not isinstance(value, str | int):
        raise FieldError(f"{key} is neither text nor a whole number", _REMEDY)
    return value if isinstance(value, str) else _digits(key, value)


def _digits(key: str, value: int) -> str:
    if not 0 <= value <= 65535:
        raise FieldError(f"{key} is out of range", "ports are 0 to 65535, protocols and TOS bytes 0 to 255")
    return str(value)


def _address(fields: dict[str, Any], key: str) -> Address:
    return _known_address(key, _word(fields, key))


@lru_cache(maxsize=65536)
def _known_address(key: str, word: str) -> Address:
    try:
        return ip_address(word)
    except ValueError:
        raise FieldError(f"{key} {word!r} is no address", "write such as 192.0.2.1 or 2001:db8::1") from None


def shown(packet: Packet) -> str:
    """Write a packet for people."""
    ported, six = packet.protocol in PROTOCOLS_WITH_PORTS, packet.source.version == 6
    source, destination = (f"[{one}]" if ported and six else str(one) for one in (packet.source, packet.destination))
    if ported:
        source, destination = f"{source}:{packet.source_port}", f"{destination}:{packet.destination_port}"
    return f"{protocol_name(packet.protocol)} {source} -> {destination}, TOS {packet.tos:#04x}"
