"""Rtnetlink messages as values, with pyroute2's message classes as codec."""

from collections.abc import Iterable, Mapping
from typing import Any, Final, TypeAlias

from pyroute2.netlink.rtnl.fibmsg import fibmsg
from pyroute2.netlink.rtnl.ifaddrmsg import ifaddrmsg
from pyroute2.netlink.rtnl.ndmsg import ndmsg
from pyroute2.netlink.rtnl.rtmsg import rtmsg

from linkbalancer.drivers.netlink.codec import HEADER, message

ADDRESS: Final[Any] = ifaddrmsg
NEIGHBOUR: Final[Any] = ndmsg
ROUTE: Final[Any] = rtmsg
RULE: Final[Any] = fibmsg

NEW_LINK, DELETE_LINK, GET_LINK, SET_LINK = 16, 17, 18, 19
NEW_ADDRESS, DELETE_ADDRESS, GET_ADDRESS = 20, 21, 22
NEW_ROUTE, DELETE_ROUTE, GET_ROUTE = 24, 25, 26
NEW_NEIGHBOUR, DELETE_NEIGHBOUR, GET_NEIGHBOUR = 28, 29, 30
NEW_RULE, DELETE_RULE, GET_RULE = 32, 33, 34

PROTOCOL: Final = 112
"""Who put it there: the number, VRRP's, by which our addresses, routes, rules and neighbour entries are known."""

Fields: TypeAlias = Mapping[str, int]
Attributes: TypeAlias = Iterable[tuple[str, Any]]


def payload(kind: Any, fields: Fields, attributes: Attributes = ()) -> bytes:  # noqa: ANN401 - pyroute2 has no types
    """Return a message's content: the fixed part, then the attributes by their kernel names."""
    built = kind()
    for name, value in fields.items():
        built[name] = value
    built["attrs"] = list(attributes)
    built.encode()
    return bytes(built.data[HEADER.size :])


def request(
    kind: Any,  # noqa: ANN401 - pyroute2 has no types
    number: int,
    flags: int,
    fields: Fields,
    attributes: Attributes,
) -> bytes:
    """Return a whole request of type `number`."""
    return message(number, flags, payload(kind, fields, attributes))


def parse(kind: Any, content: bytes) -> tuple[dict[str, Any], dict[str, Any]]:  # noqa: ANN401 - pyroute2 has no types
    """Return the fixed fields and the attributes of a received message's content."""
    parsed = kind(HEADER.pack(HEADER.size + len(content), 0, 0, 0, 0) + content)
    parsed.decode()
    fields = {name: parsed[name] for name, _format in kind.fields}
    return fields, dict(parsed["attrs"])
