"""A model of what the kernel does with our chains: rules of nft text, read and followed one by one.

It knows the few statements that we write and refuses all others, keeps the kernel's limit of nested jumps, and returns
where the kernel would: to behind the last jump.
"""

import re
from bisect import bisect_right
from collections.abc import Callable, Collection, Mapping, Sequence
from dataclasses import dataclass
from ipaddress import ip_address, ip_network
from itertools import pairwise
from typing import Final

from linkbalancer.routing.packet import Packet

JUMPS_MAX: Final = 16
PORTS: Final = {6, 17, 33, 132, 136}


@dataclass(slots=True)
class Walker:
    """A packet under way: its mark, its connection's (None where it has none), and how many rules it met."""

    packet: Packet
    mark: int = 0
    connection: int | None = 0
    rules: int = 0
    steered: int | None = None


Step = Callable[[Walker], "str | bool"]
"""A statement: False ends the rule, True goes on, a text is a verdict."""

_FIELDS: Final[Mapping[str, Callable[[Packet], int | None]]] = {
    "ip saddr": lambda one: int(one.source) if one.source.version == 4 else None,
    "ip daddr": lambda one: int(one.destination) if one.source.version == 4 else None,
    "ip6 saddr": lambda one: int(one.source) if one.source.version == 6 else None,
    "ip6 daddr": lambda one: int(one.destination) if one.source.version == 6 else None,
    "ip dscp": lambda one: one.tos >> 2 if one.source.version == 4 else None,
    "ip6 dscp": lambda one: one.tos >> 2 if one.source.version == 6 else None,
    "th sport": lambda one: one.source_port if one.protocol in PORTS else 0xDEAD,
    "th dport": lambda one: one.destination_port if one.protocol in PORTS else 0xBEEF,
    "meta l4proto": lambda one: one.protocol,
    "meta nfproto": lambda one: one.source.version,
}
_NAMES: Final = {"ipv4": 4, "ipv6": 6}
_STATEMENTS: Final = re.compile(
    r"(?P<field>(?:ip6? [sd]addr|ip6? dscp|th [sd]port|meta l4proto|meta nfproto)) (?:vmap \{ (?P<map>[^}]*) \}|"
    r"\{ (?P<set>[^}]*) \}|@(?P<named>\w+)|(?P<one>[<>]= \d+|\S+))"
    r"|meta mark and (?P<mask>0x\w+) (?P<compare><|==) (?P<than>\w+)"
    r"|meta mark set meta mark (?:and (?P<keep>0x\w+))?(?: ?or (?P<add>0x\w+))?"
    r"|ct mark set ct mark and (?P<ckeep>0x\w+) or (?P<cadd>0x\w+)"
    r"|(?P<known>ct mark and 0x0000ffff) vmap @app2vid"
    r"|meta mark rshift 16 and 0x000000ff or (?P<page>0x\w+) vmap @app2vid"
    r"|(?P<verdict>goto \w+|jump \w+|return|accept)"
)


class Interpreter:
    """Chains by name, followed from one of them."""

    def __init__(self, chains: Mapping[str, Sequence[str]], sets: Mapping[str, Collection[int]] | None = None) -> None:
        self._texts = chains
        self.sets = dict(sets or {})
        self._read: dict[str, list[list[Step]]] = {}

    def follow(self, packet: Packet, chain: str, *, tracked: bool = True) -> Walker:
        """Follow a packet from the beginning of a chain until it is accepted or comes back."""
        walker = Walker(packet, connection=0 if tracked else None)
        back: list[tuple[str, int]] = []
        place, number = chain, 0
        while True:
            rules = self._chain(place)
            if number == len(rules):
                if not back:
                    return walker
                place, number = back.pop()
                continue
            verdict = self._verdict(rules[number], walker)
            number += 1
            word, _space, target = verdict.partition(" ")
            if word == "accept":
                return walker
            if word == "return":
                number = len(rules)
            elif word:
                if word == "jump":
                    back.append((place, number))
                    assert len(back) < JUMPS_MAX
                place, number = target, 0

    @staticmethod
    def _verdict(rule: list[Step], walker: Walker) -> str:
        walker.rules += 1
        for step in rule:
            done = step(walker)
            if isinstance(done, str):
                return done
            if not done:
                break
        return ""

    def _chain(self, name: str) -> list[list[Step]]:
        if name not in self._read:
            self._read[name] = [_read(rule, self.sets) for rule in self._texts[name]]
        return self._read[name]


def _read(rule: str, sets: Mapping[str, Collection[int]]) -> list[Step]:
    steps: list[Step] = []
    place = 0
    while place < len(rule):
        found = _STATEMENTS.match(rule, place)
        assert found is not None, rule[place:]
        steps.append(_step(found.groupdict(), sets))
        place = found.end()
        assert place == len(rule) or rule[place] == " ", rule
        place += 1
    return steps


def _step(parts: Mapping[str, str | None], sets: Mapping[str, Collection[int]]) -> Step:
    if parts["verdict"] is not None:
        verdict = parts["verdict"]
        return lambda _walker: verdict
    if parts["named"] is not None:
        return _member(_FIELDS[parts["field"] or ""], parts["named"], sets)
    if parts["field"] is not None:
        return _lookup(_FIELDS[parts["field"]], parts)
    if parts["known"] is not None:
        return _known
    if parts["page"] is not None:
        page = int(parts["page"], 16)
        return lambda walker: _steer(walker, walker.mark >> 16 & 0xFF | page)
    if parts["mask"] is not None:
        return _comparison(int(parts["mask"], 16), int(parts["than"] or "", 0), below=parts["compare"] == "<")
    if parts["ckeep"] is not None:
        return _learning(int(parts["ckeep"], 16), int(parts["cadd"] or "", 16))
    return _marking(int(parts["keep"] or "0xffffffff", 16), int(parts["add"] or "0", 16))


def _member(field: Callable[[Packet], int | None], name: str, sets: Mapping[str, Collection[int]]) -> Step:
    """Read a lookup in a set that has a name; what is in it is asked each time."""
    return lambda walker: field(walker.packet) in sets[name]


def _lookup(field: Callable[[Packet], int | None], parts: Mapping[str, str | None]) -> Step:
    """Read a condition on a field, or a map of its values to verdicts."""
    items: list[tuple[int, int, str]] = []
    for item in (parts["map"] or parts["set"] or parts["one"] or "").split(", "):
        values, _colon, verdict = item.partition(" : ")
        items.append((*_ends(values), verdict))
    items.sort()
    assert all(one[1] < other[0] for one, other in pairwise(items)), "elements overlap"
    starts = [first for first, _last, _verdict in items]

    def step(walker: Walker) -> str | bool:
        value = field(walker.packet)
        place = bisect_right(starts, value) - 1 if value is not None else -1
        if value is None or place < 0 or value > items[place][1]:
            return False
        return items[place][2] or True

    return step


def _ends(text: str) -> tuple[int, int]:
    """Read a value, a range, a network, or what lies on one side of a port."""
    if text.startswith((">=", "<=")):
        return (int(text[3:]), 0xFFFF) if text[0] == ">" else (0, int(text[3:]))
    if "/" in text:
        network = ip_network(text)
        return int(network[0]), int(network[-1])
    first, _dash, last = text.partition("-")
    return _number(first), _number(last or first)


def _number(text: str) -> int:
    if text in _NAMES:
        return _NAMES[text]
    return int(ip_address(text)) if "." in text or ":" in text else int(text, 0)


def _known(walker: Walker) -> str | bool:
    assert not walker.mark & 0x00FF0000, "the rank of a candidate is left in the mark"
    return False if walker.connection is None else _steer(walker, walker.connection)


def _steer(walker: Walker, key: int) -> str:
    walker.steered = key
    return "return"


def _comparison(mask: int, than: int, *, below: bool) -> Step:
    if below:
        return lambda walker: walker.mark & mask < than
    return lambda walker: walker.mark & mask == than


def _marking(keep: int, add: int) -> Step:
    def step(walker: Walker) -> bool:
        walker.mark = walker.mark & keep | add
        return True

    return step


def _learning(keep: int, add: int) -> Step:
    def step(walker: Walker) -> bool:
        if walker.connection is None:
            return False
        walker.connection = walker.connection & keep | add
        return True

    return step
