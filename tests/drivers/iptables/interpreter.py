"""Follows a packet through chains of iptables as the kernel does."""

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from ipaddress import ip_address, ip_network

from linkbalancer.drivers.iptables.render import APPLICATION, LAN, LEARN, LINK
from linkbalancer.drivers.iptables.rule import Options, Rule
from linkbalancer.routing.packet import Packet

_RETURN = "RETURN"


@dataclass
class Marked:
    """A packet's mark and its connection's, and by which application's chain it left."""

    packet: int = 0
    connection: int = 0
    left_by: str = ""


class Interpreter:
    """The chains of one family; what they ask of a packet and this does not know is an error."""

    def __init__(self, chains: Mapping[str, Sequence[Rule]]) -> None:
        self._chains = chains

    def follow(self, packet: Packet, begin: str, *, connection: int = 0, tracked: bool = True) -> Marked:
        """Send a packet in at a chain; return what became of its marks."""
        found = Marked(connection=connection)
        self._through(begin, packet, found, tracked=tracked)
        return found

    def _through(self, name: str, packet: Packet, found: Marked, *, tracked: bool) -> None:
        if name.startswith((APPLICATION, LEARN)) and name not in {LAN, LINK}:
            found.left_by = name
        for rule in self._chains[name]:
            if not _means(rule, packet, found, tracked=tracked):
                continue
            if rule.target == _RETURN:
                return
            if rule.target:
                self._mark(rule, found, tracked=tracked)
                continue
            self._through(rule.chain, packet, found, tracked=tracked)
            if not rule.returns:
                return

    @staticmethod
    def _mark(rule: Rule, found: Marked, *, tracked: bool) -> None:
        ((option, text),) = rule.options
        assert option == "set-xmark"
        value, mask = (int(one, 16) for one in text.split("/"))
        if rule.target == "MARK":
            found.packet = (found.packet & ~mask) ^ value
        elif tracked:
            assert rule.target == "CONNMARK"
            found.connection = (found.connection & ~mask) ^ value


def _means(rule: Rule, packet: Packet, found: Marked, *, tracked: bool) -> bool:
    sides = ((rule.source, packet.source), (rule.destination, packet.destination))
    if any(net and address not in ip_network(net) for net, address in sides):
        return False
    if rule.protocol not in {None, packet.protocol}:
        return False
    return all(_asks(name, options, packet, found, tracked=tracked) for name, options in rule.matches)


def _asks(name: str, options: Options, packet: Packet, found: Marked, *, tracked: bool) -> bool:
    ((option, value),) = options
    if name == "connmark":
        return tracked and _masked(value, found.connection)
    if name == "conntrack":
        assert (option, value) == ("ctstate", "SNAT")
        return False
    if name == "tos":
        return _masked(value, packet.tos)
    if name == "iprange":
        first, last = map(ip_address, value.split("-"))
        address = packet.source if option == "src-range" else packet.destination
        return int(first) <= int(address) <= int(last)
    assert name == "multiport"
    parts = value.split(",")
    assert sum(1 + (":" in part) for part in parts) <= 15, "there is room for no more"
    port = packet.source_port if option == "sports" else packet.destination_port
    return any(int(part.split(":")[0]) <= port <= int(part.split(":")[-1]) for part in parts)


def _masked(text: str, mark: int) -> bool:
    value, mask = (int(one, 16) for one in text.split("/"))
    return mark & mask == value
