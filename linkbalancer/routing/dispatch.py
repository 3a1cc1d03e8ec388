"""The classifier as a kernel walks it: by family and protocol to a group of rules, in each group a few small trees.

Each protocol with ports that rules name is a group of its own, for only there may a packet be told by its ports; all
other protocols are one, in which the protocol is a field as others are.

A group's trees hold its rules apart by the field that tells them apart best, so that hardly any rule has to stand in
several places. A packet tries the trees one after the other. A rule that an earlier one of a later tree may overtake
only becomes a *candidate*: the packet notes its rank and leaves the tree, and a rule of a later tree wins only if its
own rank is better (higher). A packet that leaves the last tree with a candidate's rank tries the trees once more,
and now the first candidate of just that rank wins. So two rules are compared by rank only where they overlap and where
the order of the trees is not the order of the rules.
"""

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from typing import Final, Literal, TypeAlias

from linkbalancer.routing.rule import Rule
from linkbalancer.routing.selector import LAST_PORT, PROTOCOLS_WITH_PORTS, Interval, Ranges, Selector, merged

SOURCE, DESTINATION, SOURCE_PORT, DESTINATION_PORT, DSCP, PROTOCOL = range(6)
"""The fields of a packet within its family."""

Family: TypeAlias = Literal[4, 6]
Fields: TypeAlias = tuple[Ranges | None, ...]
"""What a rule takes in each field; None: everything."""
Cell: TypeAlias = tuple[Interval, ...]
"""The packets that a place in a tree sees: of each field one range."""
Lookups: TypeAlias = tuple[tuple[int, tuple[str, ...]], ...]
"""Fields whose values are not known when the trees are made, each with the host names that have them."""

FAMILIES: Final[tuple[Family, ...]] = (4, 6)
LAST_ADDRESS: Final[Mapping[Family, int]] = {4: 2**32 - 1, 6: 2**128 - 1}
LAST_DSCP: Final = 63
LAST_PROTOCOL: Final = 255
MIRRORED: Final = (DESTINATION, SOURCE, DESTINATION_PORT, SOURCE_PORT, DSCP, PROTOCOL)
"""Of each field that of the answers."""


@dataclass(frozen=True, slots=True)
class Choice:
    """An application that is found; with a `rank`, a candidate only, until the later trees were tried."""

    application: str
    rank: int = 0


@dataclass(frozen=True, slots=True)
class Entry:
    """A rule in a tree; with `beats`, it wins only if no candidate has that rank or a better one.

    `lookups` are asked last, in sets of the kernel's; until then their fields may be anything.
    """

    fields: Fields
    choice: Choice
    beats: int | None = None
    lookups: Lookups = ()

    def takes_all(self, cell: Cell) -> bool:
        """Return whether the rule takes every packet of a cell."""
        return not self.lookups and covers(self.fields, cell)


@dataclass(frozen=True, slots=True)
class Leaf:
    """Rules to try one by one; a packet that none of them means leaves the tree."""

    entries: tuple[Entry, ...]


@dataclass(frozen=True, slots=True)
class Cut:
    """A field's ranges, each with what to do next; a packet in none of them leaves the tree."""

    field: int
    parts: tuple[tuple[Interval, "Node"], ...]


Node: TypeAlias = Choice | Leaf | Cut


@dataclass(frozen=True, slots=True)
class Group:
    """The trees for a family's packets of some protocols; `name` is that of the first of them, or `other`.

    Ranks compare rules of one round of trees; a candidate is settled before a packet comes to the next round.
    """

    name: str
    rounds: tuple[tuple[Node, ...], ...]

    @property
    def trees(self) -> tuple[Node, ...]:
        """All of them, in the order in which packets try them."""
        return tuple(tree for trees in self.rounds for tree in trees)


@dataclass(frozen=True, slots=True)
class Protocols:
    """A family's groups: of every protocol with ports that rules name, and of all others."""

    named: Mapping[int, Group]
    other: Group

    @property
    def groups(self) -> tuple[Group, ...]:
        """Each group once."""
        return tuple({group.name: group for group in (*self.named.values(), self.other)}.values())


def everything(family: Family) -> Cell:
    """Return the cell of all packets of a family."""
    address, port = Interval(0, LAST_ADDRESS[family]), Interval(0, LAST_PORT)
    return (address, address, port, port, Interval(0, LAST_DSCP), Interval(0, LAST_PROTOCOL))


def covers(fields: Fields, cell: Cell) -> bool:
    """Return whether a rule takes every packet of a cell."""
    for ranges, whole in zip(fields, cell, strict=True):
        if ranges is not None:
            for one in ranges:
                if one.first <= whole.first and whole.last <= one.last:
                    break
            else:
                return False
    return True


def fields_of(selector: Selector) -> Fields:
    """Return a selector's fields without its family; what names select by may be anything there."""
    protocols = None
    if selector.protocols is not None:
        protocols = merged(Interval(protocol, protocol) for protocol in selector.protocols)
    return (
        None if selector.source_names else selector.source,
        None if selector.destination_names else selector.destination,
        selector.source_port,
        selector.destination_port,
        selector.dscp,
        protocols,
    )


def lookups_of(selector: Selector) -> Lookups:
    """Return the fields of a selector that names select by."""
    ends = ((SOURCE, selector.source_names), (DESTINATION, selector.destination_names))
    return tuple((field, names) for field, names in ends if names)


def by_protocol(rules: Sequence[Rule], family: Family) -> tuple[dict[int, tuple[int, ...]], tuple[int, ...]]:
    """Return the numbers of the rules for each protocol with ports that rules name, and for all other protocols."""
    ours = [(number, rule.selector) for number, rule in enumerate(rules) if rule.selector.family in {None, family}]
    named = {selector.protocols for _number, selector in ours}
    every = {protocol for each in named for protocol in each or ()}
    found: dict[int | None, list[int]] = {protocol: [] for protocol in sorted(every.intersection(PROTOCOLS_WITH_PORTS))}
    found[None] = []
    takers = {
        each: [found[one] for one in (found if each is None else {one if one in found else None for one in each})]
        for each in named
    }
    for number, selector in ours:
        for numbers in takers[selector.protocols]:
            numbers.append(number)
    others = found.pop(None)
    return {one: tuple(numbers) for one, numbers in found.items() if one is not None}, tuple(others)
