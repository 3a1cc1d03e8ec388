"""The same rules for iptables-nft, one after the other, as mwan3 writes them: what classifying is compared with.

A connection's mark is given back to its packets first; a packet without one walks through all rules, each of which asks
whether the packet is marked already, and the mark goes to the connection. MARK does not end the walk.
"""

import shutil
from collections.abc import Iterator, Mapping, Sequence
from ipaddress import IPv4Address, IPv6Address
from itertools import product
from typing import Final

from linkbalancer.routing.rule import Rule
from linkbalancer.routing.selector import LAST_PORT, Interval, Ranges, Selector

PROGRAMS: Final = {4: "iptables-nft-restore", 6: "ip6tables-nft-restore"}
MASK: Final = 0xFFFF
_NAMES: Final = {6: "tcp", 17: "udp"}
_UNMARKED = f"-m mark --mark 0/{MASK:#x}"
_BEFORE = (
    "*mangle",
    ":steer - [0:0]",
    ":rules - [0:0]",
    "-A PREROUTING -j steer",
    f"-A steer -j CONNMARK --restore-mark --nfmask {MASK:#x} --ctmask {MASK:#x}",
    f"-A steer {_UNMARKED} -j rules",
    f"-A steer -j CONNMARK --save-mark --nfmask {MASK:#x} --ctmask {MASK:#x}",
)


def missing(family: int) -> str | None:
    """Return the program that is not there, None if it is."""
    return None if shutil.which(PROGRAMS[family]) else PROGRAMS[family]


def text(rules: Sequence[Rule], ids: Mapping[str, int], family: int) -> str:
    """Return what `iptables-nft-restore` loads; addresses are networks, as our generators' and ClassBench's are.

    Of protocols with ports TCP and UDP stand for all: iptables asks for the ports of each by a rule of its own.
    """
    lines = list(_BEFORE)
    for rule in rules:
        if rule.selector.family in {None, family}:
            marked = f"{_UNMARKED} -j MARK --set-xmark {ids[rule.application]:#x}/{MASK:#x}"
            lines += [f"-A rules {match}{marked}" for match in _matches(rule.selector, family)]
    lines.append(f"-A rules {_UNMARKED} -j MARK --set-xmark 1/{MASK:#x}")  # or what no rule means would walk each time
    return "\n".join([*lines, "COMMIT", ""])


def _matches(selector: Selector, family: int) -> Iterator[str]:
    ported = selector.source_port or selector.destination_port
    protocols = [one for one in selector.protocols or () if not ported or one in _NAMES]
    choices = (
        [f"-s {one} " for one in _networks(selector.source, family)],
        [f"-d {one} " for one in _networks(selector.destination, family)],
        [f"-p {_NAMES.get(one, one)} " for one in protocols] or [""],
        [f"--sport {_ports(one)} " for one in selector.source_port or ()] or [""],
        [f"--dport {_ports(one)} " for one in selector.destination_port or ()] or [""],
        [f"-m dscp --dscp {number} " for one in selector.dscp or () for number in range(one.first, one.last + 1)]
        or [""],
    )
    yield from ("".join(parts) for parts in product(*choices))


def _networks(ranges: Ranges | None, family: int) -> list[str]:
    """Return networks as iptables writes them; the one of everything where all will do."""
    kind, bits = (IPv4Address, 32) if family == 4 else (IPv6Address, 128)
    found = []
    for one in ranges or (Interval(0, 2**bits - 1),):
        size = one.last - one.first + 1
        assert size & (size - 1) == 0, "a range that is no network"
        assert one.first % size == 0, "a range that is no network"
        found.append(f"{kind(one.first)}/{bits - size.bit_length() + 1}")
    return found


def _ports(one: Interval) -> str:
    return f"{one.first}:{one.last}" if one.last <= LAST_PORT and one.first != one.last else str(one.first)
