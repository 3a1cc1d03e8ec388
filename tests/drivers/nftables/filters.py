"""Rule files to be exact about: ClassBench's where they are at hand, and our own generators', for both families."""

import random
import re
from collections.abc import Iterator, Sequence
from functools import cache
from ipaddress import IPv4Address, IPv4Network, IPv6Address, IPv6Network
from pathlib import Path

from linkbalancer.config.rules import parse_rules
from linkbalancer.routing.packet import Address, Packet
from linkbalancer.routing.rule import Rule
from linkbalancer.routing.selector import LAST_PORT, PROTOCOLS_WITH_PORTS, Interval, Ranges
from tests.routing.filtersets import KINDS, filter_set

BENCH = Path(__file__).parents[4] / "shared" / "data" / "classbench"
OWN = [f"{kind}-{family}" for kind in KINDS for family in ("ipv4", "ipv6")]
NAMES = [*OWN, *(path.stem for path in sorted(BENCH.glob("*.conf")))]
OWN_RULES = 1500

_LOCAL: tuple[IPv4Network | IPv6Network, ...] = (
    *map(IPv4Network, ("0.0.0.0/8", "127.0.0.0/8", "224.0.0.0/3", "192.0.2.0/24", "10.1.0.0/30")),
    *map(IPv6Network, ("::/8", "fe80::/10", "ff00::/8")),
)
"""Where the packets of a test do not go: what no VID may carry, and the test's own addresses."""


@cache
def rules(name: str) -> tuple[Rule, ...]:
    """Return the rules of a file or of a generator."""
    kind, _dash, family = name.partition("-")
    text = filter_set(kind, OWN_RULES, seed=3) if family else (BENCH / f"{name}.conf").read_text()
    if family == "ipv6":
        text = as_ipv6(text)
    parsed = parse_rules(text, name)
    assert parsed.errors == []
    return parsed.ruleset.rules


def as_ipv6(text: str) -> str:
    """Return a rule file with every prefix of IPv4 as one of IPv6."""
    return re.sub(r"(?<=[ =])(\d+\.\d+\.\d+\.\d+)/(\d+)", _as_ipv6, text)


def _as_ipv6(found: re.Match[str]) -> str:
    """Write an IPv4 prefix as one of IPv6, its bits at the place of the network's number."""
    return f"{IPv6Address(0x20010DB8 << 96 | int(IPv4Address(found[1])) << 64)}/{32 + int(found[2])}"


def corners(some: Sequence[Rule], count: int, seed: int) -> Iterator[Packet]:
    """Draw packets at the corners of rules: most at one rule's, others with fields of a second rule or just outside.

    No two of them are of one flow, in either direction: a flow is classified once.
    """
    chance = random.Random(f"{seed} {len(some)}")
    flows: set[tuple[object, ...]] = set()
    while count:
        packet = _corner(some, chance)
        ends = sorted([(int(packet.source), packet.source_port), (int(packet.destination), packet.destination_port)])
        flow = (packet.source.version, packet.protocol, *ends)
        if flow in flows or _stays_here(packet):
            if chance.random() < 0.001:
                count -= 1  # rules that mean few flows have no more of them at some time
            continue
        flows.add(flow)
        count -= 1
        yield packet


def _stays_here(packet: Packet) -> bool:
    ends = (packet.source, packet.destination)
    return any(end.version == one.version and end in one for end in ends for one in _LOCAL)


def _corner(some: Sequence[Rule], chance: random.Random) -> Packet:
    one = chance.choice(some).selector
    other = chance.choice(some).selector if chance.random() < 0.3 else one
    family = one.family or other.family or chance.choice([4, 6])
    if other.family not in {None, family}:
        other = one
    outside = chance.random() < 0.2
    kind: type[Address] = IPv4Address if family == 4 else IPv6Address
    last = 2 ** (32 if family == 4 else 128) - 1
    source = _value(chance.choice([one.source, other.source]), last, chance, outside=outside)
    target = _value(chance.choice([one.destination, other.destination]), last, chance, outside=outside)
    protocol = chance.choice(one.protocols or other.protocols or (6, 17, 1, 47))
    ports = [0, 0]
    if protocol in PROTOCOLS_WITH_PORTS:
        sides = ((one.source_port, other.source_port), (one.destination_port, other.destination_port))
        ports = [_value(chance.choice(side), LAST_PORT, chance, outside=outside) for side in sides]
    tos = _value(chance.choice([one.dscp, other.dscp]), 63, chance, outside=outside) << 2 | chance.randrange(4)
    return Packet(kind(source), kind(target), protocol, ports[0], ports[1], tos)


def _value(ranges: Ranges | None, last: int, chance: random.Random, *, outside: bool) -> int:
    """Return a value at an end of a range, or beside it; somewhere, where everything will do."""
    if ranges is None:
        return chance.randrange(last + 1)
    found: Interval = chance.choice(ranges)
    value = chance.choice([found.first, found.last, chance.randint(found.first, found.last)])
    return min(last, max(0, value + chance.choice([-1, 1]))) if outside else value
