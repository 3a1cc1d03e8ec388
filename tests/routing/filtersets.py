"""Rule files of the kinds that real filter sets have, drawn from a seed: access list, firewall, chain.

An access list has long, exact prefixes and destination ports; a firewall has many wildcards and port ranges; a chain is
in between and nests its prefixes, so that rules overlap deeply.
"""

import random
from collections.abc import Iterator
from ipaddress import IPv4Address, IPv4Network, ip_network

from linkbalancer.routing.packet import Packet
from linkbalancer.routing.rule import Rule
from linkbalancer.routing.selector import Ranges

KINDS = ("acl", "firewall", "chain")
_PORTS = ("80", "443", "53", "1521", "161", "1024-65535", "20-23", "135-139", "0-65535")


def filter_set(kind: str, rules: int, seed: int) -> str:
    """Write a rule file of a kind with so many lines."""
    chance = random.Random(f"{kind} {seed}")
    nets = [_network(chance, "10.0.0.0/8") for _ in range(max(2, rules // 8))]
    # As in real lists, what is general stands further down, or hardly any rule would ever be met.
    lines = sorted(_lines(kind, rules, nets, chance), key=lambda line: (line.count("*"), chance.random()))
    return "".join(f"App={line} [1 2] name=r{number}\n" for number, line in enumerate(lines, 1))


def _lines(kind: str, rules: int, nets: list[IPv4Network], chance: random.Random) -> Iterator[str]:
    any_address = {"acl": 0.05, "firewall": 0.4, "chain": 0.2}[kind]
    any_port = {"acl": 0.3, "firewall": 0.4, "chain": 0.6}[kind]
    for _ in range(rules):
        source, destination = (
            "*" if chance.random() < any_address else str(_nested(chance, chance.choice(nets), kind)) for _ in range(2)
        )
        protocol = chance.choice(["tcp", "tcp", "udp", "*", "icmp", "gre"])
        ported = protocol in {"tcp", "udp", "*"}
        sport = chance.choice(_PORTS) if ported and kind != "acl" and chance.random() > any_port else "*"
        dport = chance.choice(_PORTS) if ported and chance.random() > any_port else "*"
        tos = chance.choice(["ef", "0x10", "af41"]) if chance.random() < 0.1 else "*"
        yield f"{source} {destination} {tos} {sport} {dport} {protocol}"


def disjoint_set(rules: int, seed: int) -> str:
    """Write a rule file with so many lines, no two of which mean the same packet: each has sources of its own."""
    chance = random.Random(f"disjoint {seed}")
    sources = chance.sample(range(2**20), rules)
    lines = []
    for number, source in enumerate(sources, 1):
        target, port = _network(chance, "172.16.0.0/12"), chance.choice(["80", "443", "53", "1024-65535"])
        fields = f"{IPv4Address((10 << 20 | source) << 4)}/28 {target} * * {port} {chance.choice(['tcp', 'udp'])}"
        lines.append(f"App={fields} [1 2] name=r{number}\n")
    return "".join(lines)


def _network(chance: random.Random, within: str) -> IPv4Network:
    whole = IPv4Network(within)
    length = chance.randrange(whole.prefixlen + 4, 25)
    address = int(whole.network_address) + chance.randrange(whole.num_addresses)
    return IPv4Network((address >> (32 - length) << (32 - length), length))


def _nested(chance: random.Random, network: IPv4Network, kind: str) -> IPv4Network:
    length = {"acl": chance.choice([30, 32]), "firewall": chance.randrange(network.prefixlen, 30)}.get(
        kind, chance.randrange(network.prefixlen, 33)
    )
    address = int(network.network_address) + chance.randrange(network.num_addresses)
    inside = ip_network((address >> (32 - length) << (32 - length), length))
    assert isinstance(inside, IPv4Network)
    return inside


def packets(rules: list[Rule], count: int, seed: int) -> Iterator[Packet]:
    """Draw IPv4 packets from the borders of rules, just inside and just outside, fields of several rules mixed."""
    chance = random.Random(seed)

    def near(intervals: list[tuple[int, int]], limit: int) -> int:
        first, last = chance.choice(intervals)
        return min(limit, max(0, chance.choice([first, last, first - 1, last + 1])))

    selectors = [rule.selector for rule in rules]
    for _ in range(count):
        one, other = chance.choice(selectors), chance.choice(selectors)
        ends = [one.source or other.source, one.destination or other.destination]
        source, destination = (IPv4Address(near(_borders(end, 2**32 - 1), 2**32 - 1)) for end in ends)
        ports = [
            near(_borders(end, 65535), 65535)
            for end in (one.source_port or other.source_port, one.destination_port or other.destination_port)
        ]
        protocol = chance.choice(one.protocols or other.protocols or (6, 17, 1))
        tos = (one.dscp[0].first << 2 if one.dscp else 0) + chance.randrange(4)
        yield Packet(source, destination, protocol, ports[0], ports[1], tos)


def _borders(ranges: Ranges | None, limit: int) -> list[tuple[int, int]]:
    return [(one.first, one.last) for one in ranges] if ranges else [(0, limit)]
