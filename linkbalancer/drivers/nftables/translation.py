"""The chains that translate what leaves, that have answers leave by the way on which they were asked, and that clamp.

They are base chains of their own, beside the skeleton's; the skeleton asks for them by `chains`, and for what its
steering must do first by `answers`. A chain that has nothing to do is not there: no packet pays for it.

Sources are translated once a connection, by where its first packet leaves: the device, and the VID's mark where several
gateways stand behind one device. What already bears an address of that device bears the right one. Prefixes (NPTv6) are
translated by connection tracking too, in both directions: only so are the packets within ICMPv6's errors translated.

A connection that begins on a way where answers must go back the same way (a plain gateway's, a translated link's) has
its VID and one bit noted in its mark. Its answers get the VID's guarded mark: that table leads over this very way also
while the VID does not work, for who has asked by it can be reached by it.

A translation begins with its connection, so what is met in its middle cannot be translated as its far end knows it.
What would leave a translated way like that is held back: TCP of an application that was pointed elsewhere hears a
reset, and what tracking remembers without a translation is noted, for its entry to be deleted (`strays`).
"""

from collections.abc import Iterable, Iterator, Sequence
from typing import Final

from linkbalancer.drivers.nftables.layout import Layout
from linkbalancer.drivers.nftables.ways import MOVED
from linkbalancer.links import DeviceName, Vid
from linkbalancer.routing.marks import Marks
from linkbalancer.routing.translation import Prefixes, Way

UPSTREAMS: Final = "upstreams"
"""The map from a device and a gateway's MAC to what a connection from there notes: who stands behind one device."""

SOURCES: Final = "translate_sources"
DESTINATIONS: Final = "translate_destinations"
CLAMP: Final = "clamp_segments"
ASKED: Final = "asked"
REDIRECTS: Final = "hide_redirects"
ASKED_BY: Final = "asked_by_"
ANSWER: Final = "answer"
HELD: Final = "hold_back"
UNTRANSLATED: Final = "untranslated"
STRAYS: Final = "strays"
"""The set of applications of which entries were noted that are to be deleted; packets fill it."""

_ALL_BITS: Final = 0xFFFFFFFF
_STRAYS_KIND: Final = "type mark; size 65535; flags dynamic,timeout; timeout 1m;"
"""With a timeout, or the kernel would refuse the rule that fills it when it is given back as it was listed."""
_SYN: Final = "tcp flags & (syn | rst) == syn"


def chains(table: str, layout: Layout) -> list[str]:
    """Return the lines that make all of it as the layout has it, and take away base chains that it does not have."""
    marks, ways = layout.marks, layout.ways
    bound = answering(ways)
    lines = [
        f"add map inet {table} {UPSTREAMS} {{ type ifname . ether_addr : verdict; }}",
        f"flush map inet {table} {UPSTREAMS}",
        *_filled(table, ANSWER, [_answer(way.vids[0], marks) for way in bound]),
        f"add set inet {table} {STRAYS} {{ {_STRAYS_KIND} }}",
        *_filled(table, UNTRANSLATED, _untranslated(marks) if any(way.translation.of_ipv4 for way in ways) else []),
    ]
    for way in bound:
        lines += _filled(table, f"{ASKED_BY}{way.vids[0]}", [_noted(way.vids[0], marks)]) if way.shared else []
    for name, hook, rules in (
        (SOURCES, "type nat hook postrouting priority srcnat", _sources(layout)),
        (DESTINATIONS, "type nat hook prerouting priority dstnat", _destinations(ways)),
        (CLAMP, "type filter hook forward priority mangle", _clamped(ways)),
        (HELD, "type filter hook forward priority filter - 2", _held(layout)),
        (ASKED, "type filter hook prerouting priority mangle - 5", _asked(bound, marks)),
        (REDIRECTS, "type filter hook output priority filter - 2", _hidden(layout.entrances)),
    ):
        wanted = list(rules)
        lines += _filled(table, name, wanted, f" {{ {hook}; policy accept; }}")
        lines += [] if wanted else [f"delete chain inet {table} {name}"]
    return lines


def stale(layout: Layout, present: Iterable[str]) -> list[str]:
    """Return those of the present chains that nothing leads to in this layout."""
    kept = {f"{ASKED_BY}{way.vids[0]}" for way in answering(layout.ways) if way.shared}
    return [one for one in present if one.startswith(ASKED_BY) and one not in kept]


def answers(layout: Layout) -> list[str]:
    """Return the rule that comes before all steering: an answer goes by the way on which it was asked for."""
    asked = f"ct direction reply ct mark and {layout.marks.inbound_bit:#010x} != 0"
    return [f"{asked} goto {ANSWER}"] if answering(layout.ways) else []


def answering(ways: Sequence[Way]) -> list[Way]:
    """Return the ways that have answers leave as they were asked for: where another one would show another address.

    Across a link that is not translated both LANs know each other; there answers are steered as everything else.
    """
    return [way for way in ways if way.vids and (way.gateway is not None or way.translation.of_ipv4)]


def _sources(layout: Layout) -> Iterator[str]:
    """Yield the rules for sources; LVrrp, VRRP and what is for many bear what they were given."""
    rules = [rule for device in _devices(layout.ways) for rule in _at(device, layout)]
    if rules:
        yield "ip daddr 224.0.0.0/4 return"
        yield "meta l4proto 112 return"
        keys = ", ".join(f"{peer.address} . {peer.port}" for peer in layout.peers)
        yield from ([f"ip daddr . udp dport {{ {keys} }} return"] if keys else [])
    yield from rules


def _devices(ways: Iterable[Way]) -> list[DeviceName]:
    return list(dict.fromkeys(way.device for way in ways))


def _at(device: DeviceName, layout: Layout) -> Iterator[str]:
    """Yield the rules of one device: by the VIDs' marks where several share it, then for whoever leaves there.

    What has no VID's mark is as the first way has it; on a LAN, where that is for the hosts there, as it is.
    """
    here = [way for way in layout.ways if way.device == device]
    leaves = f'oifname "{device}"'
    steered = "" if layout.twins is not None else " meta nfproto ipv4"
    for way in here if here[0].shared else ():
        mark = f"meta mark and {layout.marks.packet_mask:#010x} == {layout.marks.packet_mark(way.vids[0]):#010x}"
        yield from (f"{leaves} {mark} {verdict}" for verdict in _ipv4(way))
        if layout.twins is not None and way.translation.nptv6 is not None:
            yield f"{leaves} {mark} {_prefix(way.translation.nptv6)}"
        yield f"{leaves} {mark}{steered} return"
    if not here[0].shared or device not in layout.lan_devices:
        yield from (f"{leaves} {verdict}" for verdict in _ipv4(here[0]))
    for pair in dict.fromkeys(way.translation.nptv6 for way in here if way.translation.nptv6 is not None):
        yield f"{leaves} {_prefix(pair)}"


def _prefix(pair: Prefixes) -> str:
    return f"ip6 saddr {pair.inside} snat ip6 prefix to {pair.outside}"


def _ipv4(way: Way) -> Iterator[str]:
    """Yield what becomes of IPv4's sources on a way.

    Untranslated, with other ways beside it, only this gateway's own packets are touched: their route was looked up, and
    their source chosen, before anything could mark them.
    """
    elsewhere = "fib saddr . oif type != local masquerade"
    if way.translation.snat is not None:
        yield f"meta nfproto ipv4 snat ip to {way.translation.snat}"
    elif way.translation.masquerade:
        yield f"meta nfproto ipv4 {elsewhere}"
    elif way.gateway is not None and way.others:
        yield f"meta nfproto ipv4 fib saddr type local {elsewhere}"


def _destinations(ways: Sequence[Way]) -> Iterator[str]:
    """Yield the rules by which hosts are reached at their address outside; this gateway's own stay its own."""
    pairs = dict.fromkeys((way.device, way.translation.nptv6) for way in ways)
    for device, pair in pairs:
        if pair is not None:
            enters = f'iifname "{device}" ip6 daddr {pair.outside}'
            yield f"{enters} fib daddr type != local dnat ip6 prefix to {pair.inside}"


def _held(layout: Layout) -> Iterator[str]:
    """Yield what leads to `UNTRANSLATED`: what runs the way that its connection began, out by a translated way."""
    for way in layout.ways:
        if not way.translation.of_ipv4:
            continue
        marks, begun = layout.marks, "meta nfproto ipv4 ct direction original ip daddr != 224.0.0.0/4"
        mark = f" meta mark and {marks.packet_mask:#010x} == {marks.packet_mark(way.vids[0]):#010x}"
        right = "" if way.translation.snat is None else f" ip saddr != {way.translation.snat}"
        yield f'oifname "{way.device}"{mark if way.shared else ""} {begun}{right} goto {UNTRANSLATED}'


def _untranslated(marks: Marks) -> list[str]:
    """Return what becomes of what cannot be translated any more, and lets the rest pass.

    A gateway that has forgotten a connection gives it the port that it had, mostly, and it lives on: of an application
    that was never pointed elsewhere, TCP may begin in its middle. Of another one, the port may be that of an older
    connection of the same host, which the far end still knows, and answers with neither data nor a reset.
    """
    keep = _ALL_BITS & ~(marks.flow_mask | marks.inbound_bit)
    application = f"ct mark and {marks.connection_mask:#010x}"
    return [
        f"tcp flags & (syn | rst) == 0 ct status & confirmed == 0 {application} @{MOVED} reject with tcp reset",
        "ct status & (confirmed | snat) != confirmed return",
        f"add @{STRAYS} {{ {application} }}",
        f"ct mark set ct mark and {keep:#010x} or {marks.inbound_bit:#010x}",
        "tcp flags & rst == 0 reject with tcp reset",
        "drop",
    ]


def _clamped(ways: Sequence[Way]) -> Iterator[str]:
    """Yield the rules that lower what each end is told; nothing ever raises it.

    What a SYN that leaves says is how large the answers may be, what one that enters says how large what leaves may.
    The route of one that enters is that into the LAN: it knows nothing of the way's MTU, which is why that can be said.
    """
    for way in {way.device: way for way in reversed(ways) if way.clamp is not None}.values():
        for direction in ("oifname", "iifname"):
            head = f'{direction} "{way.device}" {_SYN}'
            for family in (4, 6):
                size = way.segment(family)
                if size is not None:
                    yield f"{head} meta nfproto ipv{family} tcp option maxseg size set {size}"
            if way.clamp == "auto":
                yield f"{head} tcp option maxseg size set rt mtu"


def _asked(bound: Sequence[Way], marks: Marks) -> Iterator[str]:
    """Yield the rules that note by which way a connection begins, also one with this gateway itself."""
    for way in bound:
        if not way.shared:
            yield f'iifname "{way.device}" ct state new {_noted(way.vids[0], marks)}'
    shared = [f'"{device}"' for device in _devices(way for way in bound if way.shared)]
    if shared:
        yield f"iifname {{ {', '.join(shared)} }} ct state new iifname . ether saddr vmap @{UPSTREAMS}"


def _noted(vid: Vid, marks: Marks) -> str:
    """Return what has a connection remember by which way it began."""
    keep = _ALL_BITS & ~(marks.flow_mask | marks.inbound_bit)
    return f"ct mark set ct mark and {keep:#010x} or {marks.flow_mark(vid) | marks.inbound_bit:#010x}"


def _answer(vid: Vid, marks: Marks) -> str:
    """Return the rule that sends a way's answers by its VID's second table."""
    keep, mark = _ALL_BITS & ~marks.rule_mask, marks.packet_mark(vid, guard=True)
    flow = f"ct mark and {marks.flow_mask:#010x} == {marks.flow_mark(vid):#010x}"
    return f"{flow} meta mark set meta mark and {keep:#010x} or {mark:#010x} accept"


def _hidden(devices: Sequence[DeviceName]) -> Iterator[str]:
    """Yield the rule that tells hosts of no shorter way round this gateway; IPv4 has a switch for that."""
    if devices:
        names = ", ".join(f'"{device}"' for device in sorted(devices))
        yield f"oifname {{ {names} }} icmpv6 type nd-redirect drop"


def _filled(table: str, name: str, rules: Iterable[str], hook: str = "") -> list[str]:
    """Return the lines that make a chain hold these rules alone, whether it exists or not."""
    lines = [f"add chain inet {table} {name}{hook}", f"flush chain inet {table} {name}"]
    return lines + [f"add rule inet {table} {name} {rule}" for rule in rules]
