"""A pure model of what a kernel does with a compiled classifier: groups, trees, candidates and their ranks."""

from collections.abc import Callable, Mapping, Sequence

from linkbalancer.routing.dispatch import Choice, Cut, Family, Fields, Node, Protocols
from linkbalancer.routing.packet import Packet

FINAL = -1

Known = Callable[[tuple[str, ...]], frozenset[int]]
"""The addresses, of the packet's family, that some host names have."""


def _nothing(_names: tuple[str, ...]) -> frozenset[int]:
    return frozenset()


def found(families: Mapping[Family, Protocols], packet: Packet, known: Known = _nothing) -> str | None:
    """Return the application that a packet gets, None where no rule means it."""
    protocols = families[4 if packet.source.version == 4 else 6]
    group = protocols.named.get(packet.protocol, protocols.other)
    values = (
        int(packet.source),
        int(packet.destination),
        packet.source_port,
        packet.destination_port,
        packet.tos >> 2,
        packet.protocol,
    )
    for trees in group.rounds:
        best: tuple[int, str] = (0, "")
        for tree in trees:
            won = _walk(tree, values, best[0], known)
            if won is not None and not won.rank:
                return won.application
            if won is not None:
                best = (won.rank, won.application)
        if best[0]:
            return _second_time(trees, values, *best, known)
    return None


def _second_time(trees: Sequence[Node], values: tuple[int, ...], rank: int, application: str, known: Known) -> str:
    """Return the first candidate of the rank, which must be the one that noted it."""
    for tree in trees:
        won = _walk(tree, values, rank, known, again=True)
        if won is not None:
            assert won.application == application
            return won.application
    raise AssertionError("the candidate is not found again")


def _walk(node: Node, values: tuple[int, ...], rank: int, known: Known, *, again: bool = False) -> Choice | None:
    """Return what wins in a tree against a candidate's rank, None when the packet leaves it."""
    while isinstance(node, Cut):
        value = values[node.field]
        following = [child for part, child in node.parts if part.first <= value <= part.last]
        assert len(following) < 2
        if not following:
            return None
        node = following[0]
    if isinstance(node, Choice):
        return node if not again or node.rank == rank else None
    for entry in node.entries:
        if _means(entry.fields, values) and all(values[field] in known(names) for field, names in entry.lookups):
            if again and entry.choice.rank == rank:
                return entry.choice
            if not again and (entry.beats is None or rank < entry.beats):
                return entry.choice
    return None


def _means(fields: Fields, values: tuple[int, ...]) -> bool:
    return all(
        ranges is None or any(one.first <= value <= one.last for one in ranges)
        for ranges, value in zip(fields, values, strict=True)
    )
