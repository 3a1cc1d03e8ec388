"""A compiled classifier as nft chains: named by their content where they never change, by their place where they do.

A chain of a tree bears the digest of its rules, and they name other chains by theirs. So after an edit the chains that
did not change are known by name and used again; what is new stands beside them, and packets come to it when the few
chains with names of their own, the entrances, are filled anew in one transaction.
"""

import hashlib
from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass, field
from typing import Final, TypeAlias

from linkbalancer.drivers.nftables.conditions import name, of_lookups, of_ranges, values
from linkbalancer.routing.dispatch import MIRRORED, Choice, Cut, Entry, Family, Group, Leaf, Node, Protocols
from linkbalancer.routing.marks import FINAL, Marks

TREE: Final = "tree_"
ENTRANCE: Final = "next_"

_NAME_LENGTH: Final = 16
_ALL_BITS: Final = 0xFFFFFFFF


@dataclass(slots=True)
class Chains:
    """Chains by name, with their rules: those that never change, and the entrances."""

    fixed: dict[str, tuple[str, ...]] = field(default_factory=dict)
    entrances: dict[str, tuple[str, ...]] = field(default_factory=dict)


@dataclass(frozen=True, slots=True)
class Way:
    """One direction of packets: how its entrances are named, and where a found application's id leads to."""

    name: str
    mirrored: bool
    ending: Callable[[str | None], str]
    """The verdict for an application; for None that of packets that no rule means."""


@dataclass(frozen=True, slots=True)
class Drawn:
    """What a node became: the verdict that leads to it, its chains, and whether a candidate is among them."""

    node: Node
    verdict: str
    chains: tuple[tuple[str, tuple[str, ...]], ...]
    candidates: bool


Known: TypeAlias = dict[tuple[str, Family, int], Drawn]
"""What nodes became, by direction, family, and the node's identity; each keeps its node, so that no other has that."""


def rendered(
    families: Mapping[Family, Protocols], way: Way, marks: Marks, chains: Chains, known: Known | None = None
) -> tuple[str, ...]:
    """Add a classifier's chains for one direction; return the rules by which packets come to them.

    `known` is what nodes became before, with the same marks and the same verdict for each application.
    """
    known = {} if known is None else known
    roots = {
        family: _Renderer(way, family, marks, chains, known).family(protocols) for family, protocols in families.items()
    }
    return (f"meta nfproto ipv4 {roots[4]}", roots[6])


class _Renderer:
    """One family's packets in one direction."""

    def __init__(self, way: Way, family: Family, marks: Marks, chains: Chains, known: Known) -> None:
        self._way, self._family, self._marks, self._chains, self._known = way, family, marks, chains, known
        self._candidates = False
        self._made: list[tuple[str, tuple[str, ...]]] = []

    def family(self, protocols: Protocols) -> str:
        """Return the verdict that leads into a family's groups."""
        verdicts = {group.name: self._grouped(group) for group in protocols.groups}
        rules = [verdicts[protocols.other.name]]
        if protocols.named:
            named = (f"{number} : {verdicts[group.name]}" for number, group in sorted(protocols.named.items()))
            rules.insert(0, f"meta l4proto vmap {{ {', '.join(named)} }}")
        return self._fixed(*rules)

    def _grouped(self, group: Group) -> str:
        """Return the verdict that leads into a group: round after round of trees."""
        following = self._way.ending(None)
        number = len(group.trees)
        for trees in reversed(group.rounds):
            number -= len(trees)
            following = self._round(trees, f"{ENTRANCE}{self._way.name}_{self._family}_{group.name}", number, following)
        return following

    def _round(self, trees: Sequence[Node], name: str, number: int, following: str) -> str:
        """Return the verdict that leads to trees: one after the other, and once more for the sake of a candidate."""
        self._candidates = False
        jumps = []
        for place, tree in enumerate(trees, number):
            self._chains.entrances[f"{name}_{place}"] = (self._node(tree),)
            jumps.append(f"jump {name}_{place}")
        again = []
        if self._candidates:
            rank, final = f"meta mark and {self._marks.packet_mask:#010x}", self._marks.packet_mark(FINAL)
            again = [f"{rank} == 0 {following}", f"meta mark set meta mark or {final:#010x}", *jumps[:-1]]
        return self._fixed(*jumps, *again, following)

    def _fixed(self, *rules: str) -> str:
        """Return the verdict that leads to a chain of these rules, which is there from now on."""
        own = TREE + hashlib.sha256("\n".join(rules).encode()).hexdigest()[:_NAME_LENGTH]
        self._chains.fixed[own] = rules
        self._made.append((own, rules))
        return f"goto {own}"

    def _node(self, node: Node) -> str:
        """Return the verdict that leads to a node, whose chains are there from now on."""
        key = (self._way.name, self._family, id(node))
        drawn = self._known.get(key)
        if drawn is None:
            begun, before, self._candidates = len(self._made), self._candidates, False
            verdict = self._drawn(node)
            drawn = self._known[key] = Drawn(node, verdict, tuple(self._made[begun:]), self._candidates)
            self._candidates |= before
        else:
            self._chains.fixed.update(drawn.chains)
            self._made += drawn.chains
            self._candidates |= drawn.candidates
        return drawn.verdict

    def _drawn(self, node: Node) -> str:
        match node:
            case Choice(rank=0):
                return self._way.ending(node.application)
            case Choice():
                return self._fixed(*self._entry(Entry((), node)))
            case Leaf():
                return self._fixed(*(rule for entry in node.entries for rule in self._entry(entry)))
            case Cut():
                return self._fixed(self._cut(node))

    def _cut(self, cut: Cut) -> str:
        number = MIRRORED[cut.field] if self._way.mirrored else cut.field
        parts = [
            f"{value} : {verdict}"
            for interval, child in cut.parts
            for verdict in [self._node(child)]
            for value in values(number, self._family, interval)
        ]
        return f"{name(number, self._family)} vmap {{ {', '.join(parts)} }}"

    def _entry(self, entry: Entry) -> list[str]:
        """Return a rule's rules; a candidate's are two: one for the first time, one for the second."""
        conditions, ending = self._conditions(entry), self._way.ending(entry.choice.application)
        mask, rank = self._marks.packet_mask, entry.choice.rank
        below = f"meta mark and {self._marks.packet_mark(FINAL):#010x} == 0 "
        if entry.beats is not None:
            below = f"meta mark and {mask:#010x} < {self._marks.packet_mark(entry.beats):#010x} "
        if not rank:
            return [conditions + (below if entry.beats is not None else "") + ending]
        self._candidates = True
        noted = f"{_ALL_BITS & ~mask:#010x} or {self._marks.packet_mark(rank):#010x}"
        again = f"meta mark and {mask:#010x} == {self._marks.packet_mark(FINAL | rank):#010x} "
        return [f"{conditions}{below}meta mark set meta mark and {noted} return", conditions + again + ending]

    def _conditions(self, entry: Entry) -> str:
        fields, lookups = entry.fields, entry.lookups
        if not fields:
            return ""
        text = ""
        for number, turned in enumerate(MIRRORED):
            ranges = fields[turned if self._way.mirrored else number]
            condition = "" if ranges is None else of_ranges(number, self._family, ranges)
            if condition:
                text += f"{condition} "
        if lookups and self._way.mirrored:
            lookups = tuple((MIRRORED[number], names) for number, names in lookups)
        return text + "".join(f"{condition} " for condition in of_lookups(self._family, lookups))
