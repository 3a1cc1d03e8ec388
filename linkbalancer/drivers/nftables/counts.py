"""Counters by application and VID: a table of its own, so that whatever is done to the one that steers never loses one.

Nothing here moves a packet. What passes is counted after everything was decided, where it leaves this gateway or is
delivered to it, by its connection's mark alone: the application's bits and those of the VID that its flow took last are
the key of an element that counts. The kernel makes elements as they are needed; which applications are counted is one
set, so that one more or one less is one element.

    out    crosses a link of this gateway outwards, or goes to a plain gateway
    in     came over such a way

What goes to another gateway of the LAN, or comes from there, is counted where it crosses a link: once.
"""

import hashlib
import struct
from collections.abc import Collection, Iterator
from dataclasses import dataclass
from ipaddress import IPv4Address
from typing import Final, NamedTuple

from linkbalancer.drivers.errors import DriverError
from linkbalancer.drivers.netlink.codec import ACK, attributes, message, text
from linkbalancer.drivers.netlink.transport import NetlinkSocket
from linkbalancer.drivers.nftables.elements import BATCH, BATCH_BEGIN, BATCH_END, INET
from linkbalancer.links import DeviceName, Vid
from linkbalancer.routing.marks import Marks

TABLE: Final = "linkbalancer_counts"
COUNTED: Final = "counted"
"""The set of the applications that are counted."""

OUT: Final = "out"
IN: Final = "in"
DIRECTIONS: Final = (OUT, IN)
BEGUN: Final = "_begun"
"""After a direction: the set that counts the packets that begin a flow."""

FORM: Final = "form_"
CONTENT: Final = "content_"

PAIRS_MIN: Final = 1024
PAIRS_MAX: Final = 1 << 16

_NFT: Final = 10 << 8
_GET_TABLE, _DELETE_TABLE, _GET_CHAIN, _GET_RULE, _GET_ELEMENT = (_NFT | one for one in (1, 2, 4, 7, 13))
_OF: Final = 1
_CHAIN_NAME: Final = 3
_RULE_OWN: Final = frozenset({3, 6})
"""A rule's handle, and its place."""
_TABLE_HANDLE: Final = 4
_LIST_SET, _LIST_ELEMENTS = 2, 3
_KEY, _VALUE = 1, 1
_EXPRESSION, _EXPRESSION_DATA = 7, 2
_BYTES, _PACKETS = 1, 2
_DUMP_ATTEMPTS: Final = 10


class Beside(NamedTuple):
    """A plain gateway on a LAN, among the hosts: what passes it is told by its VID and its address."""

    device: DeviceName
    gateway: IPv4Address
    vid: Vid


@dataclass(frozen=True, slots=True)
class Plan:
    """What is counted: by which marks, on which devices, for which applications; `pairs` is room for so many elements.

    A difference in marks or room makes another form: then the table is made anew, and what it held is carried over.
    """

    marks: Marks
    devices: tuple[DeviceName, ...]
    beside: tuple[Beside, ...]
    applications: frozenset[int]
    pairs: int

    @property
    def key_mask(self) -> int:
        """The bits of a connection's mark that say what it is counted as."""
        return self.marks.connection_mask | self.marks.flow_mask

    @property
    def form(self) -> str:
        """The name of the empty chain that says how elements are to be read."""
        return FORM + _short(repr((self.marks, self.pairs)))

    @property
    def content(self) -> str:
        """The name of the empty chain that says which rules there are."""
        return CONTENT + _short("\n".join([self.form, *_rules(self)]))


class Counted(NamedTuple):
    """What one element says."""

    packets: int
    bytes: int


@dataclass(frozen=True, slots=True)
class Reading:
    """What the kernel holds: `table` changes when the table was made anew; elements by set and connection mark."""

    table: int
    sets: dict[str, dict[int, Counted]]


def room(applications: int, vids: int) -> int:
    """Return room for so many applications on so many VIDs, and on none: a power of two, for it cannot grow."""
    wanted = 2 * applications * (vids + 1)
    return min(PAIRS_MAX, max(PAIRS_MIN, 1 << (wanted - 1).bit_length()))


def made(plan: Plan, present: Collection[int] = (), *, anew: bool = False, old: Collection[str] = ()) -> str:
    """Return the text that makes or mends the table in one transaction; what counts is left as it is.

    Args:
        plan: what is counted.
        present: the applications that are counted already.
        anew: away with the table that there is.
        old: chains that say what was there.
    """
    lines = [f"add table inet {TABLE}"]
    if anew:
        lines += [f"delete table inet {TABLE}", f"add table inet {TABLE}"]
    lines.append(f"add set inet {TABLE} {COUNTED} {{ type mark; }}")
    lines += [
        f"add set inet {TABLE} {name} {{ type mark; size {plan.pairs}; flags dynamic; counter; }}" for name in sets()
    ]
    lines += _rules(plan)
    lines += [
        f"delete chain inet {TABLE} {one}" for one in ([] if anew else old) if one not in {plan.form, plan.content}
    ]
    lines += [f"add chain inet {TABLE} {one}" for one in (plan.form, plan.content)]
    return "\n".join([*lines, *_applications(plan, () if anew else present), ""])


def sets() -> list[str]:
    """Return the names of the sets that count."""
    return [direction + begun for direction in DIRECTIONS for begun in ("", BEGUN)]


def _applications(plan: Plan, present: Collection[int]) -> Iterator[str]:
    """Yield the lines that have these applications counted, and no others."""
    gone, new = set(present) - plan.applications, plan.applications - set(present)
    for verb, some in (("delete", gone), ("add", new)):
        if some:
            keys = ", ".join(f"{plan.marks.connection_mark(one):#010x}" for one in sorted(some))
            yield f"{verb} element inet {TABLE} {COUNTED} {{ {keys} }}"


def forgotten(plan: Plan, reading: Reading) -> str:
    """Return the text that takes away what counted applications that are counted no more; empty where nothing did."""
    lines = []
    for name, elements in reading.sets.items():
        keys = [f"{key:#010x}" for key in elements if plan.marks.application_of(key) not in plan.applications]
        if keys:
            lines.append(f"delete element inet {TABLE} {name} {{ {', '.join(keys)} }}\n")
    return "".join(lines)


def _rules(plan: Plan) -> list[str]:
    """Return the lines of the chains.

    An element that is there counts by being found, which is all that most packets need; only where there is none is it
    asked whether there should be. A connection that is not confirmed yet begins with this packet: it is confirmed after
    all chains.
    """
    key, application = f"ct mark and {plan.key_mask:#010x}", f"ct mark and {plan.marks.connection_mask:#010x}"
    lines = []
    for way in DIRECTIONS:
        begins = f"ct status & confirmed == 0 update @{way}{BEGUN} {{ {key} }}"
        lines += _chain(f"begun_{way}", [begins])
        known = f"{key} @{way} goto begun_{way}"
        lines += _chain(f"count_{way}", [known, f"{application} @{COUNTED} update @{way} {{ {key} }} goto begun_{way}"])
    lines += _chain("leaves", [*_in(plan), *_out(plan)], "hook postrouting priority mangle")
    return lines + _chain("arrives", _in(plan), "hook input priority mangle")


def _out(plan: Plan) -> Iterator[str]:
    if plan.devices:
        yield f"oifname {_names(plan.devices)} goto count_{OUT}"
    for one in plan.beside:
        yield f'oifname "{one.device}" rt ip nexthop {one.gateway} goto count_{OUT}'


def _in(plan: Plan) -> Iterator[str]:
    """Yield the rules for what came over a way.

    Beside hosts on a LAN, it is what answers flows on that gateway's VID, or flows that began there.
    """
    marks = plan.marks
    if plan.devices:
        yield f"iifname {_names(plan.devices)} goto count_{IN}"
    bits = marks.flow_mask | marks.inbound_bit
    for one in plan.beside:
        for direction, began in (("reply", 0), ("original", marks.inbound_bit)):
            flow = f"ct mark and {bits:#010x} == {marks.flow_mark(one.vid) | began:#010x}"
            yield f'iifname "{one.device}" ct direction {direction} {flow} goto count_{IN}'


def _names(devices: Collection[DeviceName]) -> str:
    return "{ " + ", ".join(f'"{one}"' for one in devices) + " }"


def _chain(name: str, rules: Collection[str] | Iterator[str], hook: str = "") -> list[str]:
    kind = f" {{ type filter {hook}; policy accept; }}" if hook else ""
    lines = [f"add chain inet {TABLE} {name}{kind}", f"flush chain inet {TABLE} {name}"]
    return lines + [f"add rule inet {TABLE} {name} {rule}" for rule in rules]


# -- by netlink --------------------------------------------------------------------------------------------------------


def chains(netlink: NetlinkSocket) -> list[str]:
    """Return the names of the table's chains; none where there is no table. Raises DriverError."""
    found = []
    for reply in netlink.dump(_GET_CHAIN, INET, "list the chains"):
        parts = dict(attributes(reply, len(INET)))
        if _name(parts.get(_OF)) == TABLE:
            found.append(_name(parts.get(_CHAIN_NAME)))
    return found


def digest(netlink: NetlinkSocket) -> str:
    """Return what changes when somebody changes a chain or a rule of the table. Raises DriverError."""
    seen = hashlib.sha256(repr(chains(netlink)).encode())
    for reply in netlink.dump(_GET_RULE, INET + text(_OF, TABLE), "list the rules"):
        seen.update(repr([one for one in attributes(reply, len(INET)) if one[0] not in _RULE_OWN]).encode())
    return seen.hexdigest()


def counted(netlink: NetlinkSocket, marks: Marks) -> list[int]:
    """Return the applications that are counted. Raises DriverError (no such table)."""
    return [marks.application_of(key) for key in _elements(netlink, COUNTED)]


def read(netlink: NetlinkSocket) -> Reading:
    """Return what was counted. Raises DriverError (no such table)."""
    reply = netlink.ask(message(_GET_TABLE, 0, INET + text(_OF, TABLE)), "look for the table of counters")
    handle = dict(attributes(reply, len(INET))).get(_TABLE_HANDLE, bytes(8))
    return Reading(struct.unpack("!Q", handle)[0], {name: _elements(netlink, name) for name in sets()})


def remove(netlink: NetlinkSocket) -> None:
    """Remove the table where there is one. Raises DriverError."""
    if chains(netlink):
        delete = message(_DELETE_TABLE, ACK, INET + text(_OF, TABLE))
        frame = (message(BATCH_BEGIN, 0, BATCH), delete, message(BATCH_END, 0, BATCH))
        netlink.request(b"".join(frame), "remove the table of counters")


def _elements(netlink: NetlinkSocket, name: str) -> dict[int, Counted]:
    """Return the elements of a set. Raises DriverError.

    A dump that meets the set growing has some of them twice and others not at all, and is asked for again.
    """
    content = INET + text(_OF, TABLE) + text(_LIST_SET, name)
    for _attempt in range(_DUMP_ATTEMPTS):
        found, many = {}, 0
        for reply in netlink.dump(_GET_ELEMENT, content, f"list the elements of {name}"):
            for _kind, item in attributes(dict(attributes(reply, len(INET))).get(_LIST_ELEMENTS, b"")):
                parts = dict(attributes(item))
                many += 1
                found[struct.unpack("=I", dict(attributes(parts[_KEY]))[_VALUE])[0]] = _count(parts)
        if many == len(found):
            return found
    raise DriverError(f"list the elements of {name}: it grows all the time", 0)


def _count(parts: dict[int, bytes]) -> Counted:
    values = dict(attributes(dict(attributes(parts.get(_EXPRESSION, b""))).get(_EXPRESSION_DATA, b"")))
    empty = bytes(8)
    packets, octets = (struct.unpack("!Q", values.get(one, empty))[0] for one in (_PACKETS, _BYTES))
    return Counted(packets, octets)


def _name(value: bytes | None) -> str:
    return (value or b"").rstrip(b"\0").decode()


def _short(content: str) -> str:
    return hashlib.sha256(content.encode()).hexdigest()[:12]
