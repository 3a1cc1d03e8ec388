"""A rule of the kernel's routing policy, anybody's: whether it means a packet, and how `ip rule` writes it."""

from dataclasses import dataclass
from ipaddress import IPv4Network, IPv6Network
from typing import Final

from linkbalancer.links import DeviceName
from linkbalancer.routing.packet import Packet

OURS: Final = 112
"""The tag on our rules and routes."""

TO_TABLE, GOTO = 1, 2
NO_WAY: Final = {6: "blackhole", 7: "unreachable", 8: "prohibit"}
"""Actions that end the search without a way (FR_ACT_*, linux/fib_rules.h)."""

LOCAL_TABLE, MAIN_TABLE, DEFAULT_TABLE = 255, 254, 253
_TABLES: Final = {LOCAL_TABLE: "local", MAIN_TABLE: "main", DEFAULT_TABLE: "default"}
_NUMBERS_ALL: Final = (0, 0xFFFF)
_DSCP_MASK: Final = 0xFC


@dataclass(frozen=True, slots=True, kw_only=True)
class IpRule:
    """One rule: what is None, or a mask of 0, takes every packet.

    `tos` is compared without its two lowest bits; what is forwarded is root's (`uids`). `odd`: it looks at something
    besides that we do not know.
    """

    priority: int
    table: int = 0
    action: int = TO_TABLE
    protocol: int = 0
    inverted: bool = False
    source: IPv4Network | IPv6Network | None = None
    destination: IPv4Network | IPv6Network | None = None
    tos: int = 0
    mark: int = 0
    mask: int = 0
    iif: DeviceName | None = None
    oif: DeviceName | None = None
    ip_protocol: int = 0
    source_ports: tuple[int, int] = _NUMBERS_ALL
    destination_ports: tuple[int, int] = _NUMBERS_ALL
    uids: tuple[int, int] | None = None
    suppress_prefixlength: int | None = None
    goto: int | None = None
    odd: bool = False

    @property
    def ours(self) -> bool:
        """Whether it bears our tag."""
        return self.protocol == OURS

    def means(self, packet: Packet, mark: int, device: DeviceName | None) -> bool:
        """Return whether it means a packet with a mark that enters by a device (None: this host sends it itself)."""
        return self._matches(packet, mark, device) != self.inverted

    def _matches(self, packet: Packet, mark: int, device: DeviceName | None) -> bool:
        if self.oif is not None or (self.iif is not None and self.iif != (device or "lo")):
            return False  # by which device it leaves is not known yet: that is what is asked
        return (
            (self.source is None or packet.source in self.source)
            and (self.destination is None or packet.destination in self.destination)
            and (self.tos == 0 or (packet.tos ^ self.tos) & _DSCP_MASK == 0)
            and (mark ^ self.mark) & self.mask == 0
            and self.ip_protocol in {0, packet.protocol}
            and (self.uids is None or _within(0, self.uids))
            and _within(packet.source_port, self.source_ports)
            and _within(packet.destination_port, self.destination_ports)
        )

    def __str__(self) -> str:
        """Write it as `ip rule` does."""
        words = [f"{self.priority}:", *(["not"] if self.inverted else []), f"from {self.source or 'all'}"]
        if self.destination is not None:
            words.append(f"to {self.destination}")
        if self.tos:
            words.append(f"tos {self.tos:#04x}")
        if self.mask:
            words.append(f"fwmark {self.mark:#x}/{self.mask:#x}")
        words += [f"{key} {value}" for key, value in (("iif", self.iif), ("oif", self.oif)) if value is not None]
        if self.uids is not None:
            words.append(f"uidrange {_ranged(self.uids)}")
        if self.ip_protocol:
            words.append(f"ipproto {self.ip_protocol}")
        for key, ports in (("sport", self.source_ports), ("dport", self.destination_ports)):
            if ports != _NUMBERS_ALL:
                words.append(f"{key} {_ranged(ports)}")
        if self.odd:
            words.append("(and more)")
        return " ".join([*words, self._verdict()])

    def _verdict(self) -> str:
        if self.action == GOTO:
            return f"goto {self.goto}"
        if self.action != TO_TABLE:
            return NO_WAY.get(self.action, "nop")
        suppressed = self.suppress_prefixlength
        tail = "" if suppressed is None else f" suppress_prefixlength {suppressed}"
        return f"lookup {table_name(self.table)}{tail}"


def table_name(number: int) -> str:
    """Name a table as `ip` does."""
    return _TABLES.get(number, str(number))


def _within(number: int, limits: tuple[int, int]) -> bool:
    return limits[0] <= number <= limits[1]


def _ranged(limits: tuple[int, int]) -> str:
    return str(limits[0]) if limits[0] == limits[1] else f"{limits[0]}-{limits[1]}"


def lookups(rules: tuple[IpRule, ...], packet: Packet, mark: int, device: DeviceName | None) -> tuple[IpRule, ...]:
    """Return the rules that the kernel goes through for a packet, in order: each that means it, until one ends it.

    One whose table has no way for it does not end it, so more than one may follow.
    """
    found: list[IpRule] = []
    skip_to = 0
    for rule in rules:
        if rule.priority < skip_to or not rule.means(packet, mark, device):
            continue
        if rule.action == GOTO:
            skip_to = rule.goto or 0
            continue
        if rule.action == TO_TABLE or rule.action in NO_WAY:
            found.append(rule)
        if rule.action in NO_WAY:
            break
    return tuple(found)
