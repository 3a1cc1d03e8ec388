"""Our chains of the table mangle, as values: one family's at a time.

A packet goes through them as through the table of nftables (`drivers.nftables.render`), but for two things: a known
flow finds its application by trying one after the other, and a new one its rule likewise.

    LB-PREROUTING, LB-OUTPUT   what is steered at all; our bits of the mark start clean
    LB-MEMBERS                 what another gateway sent bears the guard bit
    LB-LAN, LB-LINK            flows of this era are known; the others are classified
    LB-NEW, LB-BACK            the rules, in the direction of what enters from the LAN, and of what a link brings
    LB-A<n>                    application n, for what is steered: the connection learns it, the packet takes its VID
    LB-L<n>                    application n, for what a link brought: its connection learns it, and no more
    LB-G-..., LB-E-<n>         empty: which classifier is in use, and which era it is
"""

import hashlib
from collections.abc import Iterable, Iterator, Mapping
from ipaddress import IPv4Address, IPv6Address
from typing import Final

from linkbalancer.drivers.iptables.rule import Options, Rule
from linkbalancer.drivers.nftables.layout import Layout
from linkbalancer.links import DeviceName, Mac, Role, Vid
from linkbalancer.routing.classifier import Classifier
from linkbalancer.routing.dispatch import FAMILIES, Family
from linkbalancer.routing.linear import Line, lines
from linkbalancer.routing.marks import DEFAULT_APPLICATION_ID, Marks
from linkbalancer.routing.selector import Interval, Ranges

OURS: Final = "LB-"
"""What the names of our chains begin with."""

PREROUTING: Final = "LB-PREROUTING"
OUTPUT: Final = "LB-OUTPUT"
MEMBERS: Final = "LB-MEMBERS"
LAN: Final = "LB-LAN"
LINK: Final = "LB-LINK"
NEW: Final = "LB-NEW"
BACK: Final = "LB-BACK"
APPLICATION: Final = "LB-A"
LEARN: Final = "LB-L"
GENERATION: Final = "LB-G-"
ERA: Final = "LB-E-"

HOOKS: Final = {"PREROUTING": PREROUTING, "OUTPUT": OUTPUT}
"""Which of our chains the kernel's own lead to, each by its first rule."""

FIXED: Final = frozenset({PREROUTING, OUTPUT, MEMBERS, LAN, LINK, NEW, BACK})

_VRRP: Final = 112
_UDP: Final = 17


def application(number: int, vid: Vid | None, marks: Marks) -> tuple[Rule, ...]:
    """Return the chain of an application that goes to a VID, None: to the main table. One rule has the VID."""
    learns = _set("CONNMARK", marks.connection_mark(number), marks.connection_mask)
    return (learns, _set("MARK", 0 if vid is None else marks.packet_mark(vid), marks.packet_mask))


def members(known: Mapping[DeviceName, Iterable[Mac]], marks: Marks) -> tuple[Rule, ...]:
    """Return the chain that knows the other gateways by their MAC addresses."""
    guard = _set("MARK", marks.guard_bit, marks.guard_bit)
    return tuple(
        guard._replace(device=device, matches=(("mac", (("mac-source", mac.hex(":")),)),))
        for device, macs in sorted(known.items())
        for mac in sorted(macs)
    )


def name(layout: Layout, classifier: Classifier, app_ids: Mapping[str, int]) -> str:
    """Return the name of the empty chain that says what is in use: the rules' digest, and one of all the rest."""
    frame = [(family, *map(str, chain)) for family in FAMILIES for chain in _frame(layout, family).values()]
    told = repr((sorted(app_ids.items()), frame, layout.role.value))
    return f"{GENERATION}{classifier.digest[:12]}-{hashlib.sha256(told.encode()).hexdigest()[:8]}"


def generation(
    layout: Layout, classifier: Classifier, app_ids: Mapping[str, int], era: int, family: Family
) -> dict[str, tuple[Rule, ...]]:
    """Return all chains but those of members and of applications that are steered; each leads to such after it too."""
    marks, far = layout.marks, layout.role is Role.CONTROLLED
    numbers = sorted({DEFAULT_APPLICATION_ID, *app_ids.values()})
    now = f"{marks.generation_mark(era):#x}/{marks.generation_mask:#x}"
    begins = _set("CONNMARK", marks.generation_mark(era), marks.generation_mask)
    both = marks.connection_mask | marks.generation_mask
    known = [
        Rule(
            f"{APPLICATION}{one}", matches=(_connection(marks.connection_mark(one) | marks.generation_mark(era), both),)
        )
        for one in numbers
    ]
    back = [
        Rule(target="RETURN", matches=(("connmark", (("mark", now),)),)),
        Rule(target="RETURN", matches=(("conntrack", (("ctstate", "SNAT"),)),)),
        Rule(BACK),
    ]
    ways = [classifier, classifier.mirrored()]
    new, answered = reversed(ways) if far else ways
    return {
        **_frame(layout, family),
        LAN: (*known, Rule(NEW)),
        LINK: tuple(back),
        NEW: (begins, *_classified(new, app_ids, APPLICATION, family)),
        BACK: (begins, *_classified(answered, app_ids, LEARN, family)),
        **{f"{LEARN}{one}": application(one, None, marks)[:1] for one in numbers},
        name(layout, classifier, app_ids): (),
        f"{ERA}{era}": (),
    }


def _frame(layout: Layout, family: Family) -> dict[str, tuple[Rule, ...]]:
    """Return what is the same for all classifiers."""
    marks = layout.marks
    clean = _set("MARK", 0, marks.rule_mask)
    guarded = ("mark", (("mark", f"!0x0/{marks.guard_bit:#x}"),))
    left = tuple(_not_steered(family))
    peers = [
        Rule(
            target="RETURN",
            destination=str(peer.address),
            protocol=_UDP,
            matches=(("udp", (("dport", str(peer.port)),)),),
        )
        for peer in sorted(set(layout.peers))
        if peer.address.version == family
    ]
    return {
        PREROUTING: (
            *left,
            clean,
            Rule(MEMBERS, returns=True),
            *(Rule(LAN, device=one) for one in sorted(layout.entrances)),
            *(Rule(LINK, device=one) for one in sorted(layout.link_devices)),
        ),
        OUTPUT: (
            *left,
            *peers,
            Rule(target="RETURN", protocol=_VRRP),
            Rule(target="RETURN", matches=(guarded,)),
            clean,
            Rule(LAN),
        ),
    }


def _not_steered(family: Family) -> Iterator[Rule]:
    """Yield the rules that leave out what no VID may carry: for this gateway itself, or for everybody."""
    for many in ("224.0.0.0/4",) if family == 4 else ("fe80::/10", "ff00::/8"):
        yield Rule(target="RETURN", destination=many)
    for kind in ("LOCAL", "BROADCAST") if family == 4 else ("LOCAL",):
        yield Rule(target="RETURN", matches=(("addrtype", (("dst-type", kind),)),))


def _classified(classifier: Classifier, app_ids: Mapping[str, int], ending: str, family: Family) -> Iterator[Rule]:
    """Yield the rules of one direction in order, and what becomes of what none of them means."""
    for box in classifier.boxes:
        for line in lines(box.selector, family):
            yield _line(line, f"{ending}{app_ids[box.application]}", family)
    yield Rule(f"{ending}{DEFAULT_APPLICATION_ID}")


def _line(line: Line, chain: str, family: Family) -> Rule:
    """Return the rule of a line; protocol 0 is to iptables every protocol, and is never meant here."""
    matches: list[tuple[str, Options]] = []
    prefixes = []
    for side, interval in (("src", line.source), ("dst", line.destination)):
        prefix = "" if interval is None else _prefix(interval, family)
        prefixes.append(prefix or "")
        if prefix is None and interval is not None:
            matches.append(("iprange", ((f"{side}-range", "-".join(map(str, _ends(interval, family)))),)))
    if line.dscp is not None:
        matches.append(("tos", (("tos", f"{line.dscp[0] << 2:#x}/{line.dscp[1] << 2:#x}"),)))
    for option, ports in (("sports", line.source_ports), ("dports", line.destination_ports)):
        if ports is not None:
            matches.append(("multiport", ((option, _ports(ports)),)))
    return Rule(chain, source=prefixes[0], destination=prefixes[1], protocol=line.protocol, matches=tuple(matches))


def _ends(interval: Interval, family: Family) -> tuple[IPv4Address | IPv6Address, IPv4Address | IPv6Address]:
    kind = IPv4Address if family == 4 else IPv6Address
    return kind(interval.first), kind(interval.last)


def _prefix(interval: Interval, family: Family) -> str | None:
    """Write a range of addresses as a prefix, where it is one."""
    size = interval.last - interval.first + 1
    if size & (size - 1) or interval.first & (size - 1):
        return None
    return f"{_ends(interval, family)[0]}/{(32 if family == 4 else 128) - size.bit_length() + 1}"


def _ports(ports: Ranges) -> str:
    return ",".join(str(one).replace("-", ":") for one in ports)


def _connection(value: int, mask: int) -> tuple[str, Options]:
    return "connmark", (("mark", f"{value:#x}/{mask:#x}"),)


def _set(target: str, value: int, mask: int) -> Rule:
    """Return the rule that sets these bits of a mark, and no other."""
    return Rule(target=target, options=(("set-xmark", f"{value:#x}/{mask:#x}"),))
