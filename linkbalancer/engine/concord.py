"""Whether the gateways at both ends of a link have the same rules: each tells the other a digest of its rule file.

Rules count as they are written, so that both ends have the same digest though one applies them mirrored. Gateways of
one side do not talk with each other: who has one link knows of one peer.
"""

from dataclasses import dataclass, field

from linkbalancer.engine.effects import Record
from linkbalancer.links import LinkName
from linkbalancer.lvrrp.link import Link

SHOWN = 8
"""Digits of a digest that are enough for people to compare."""


@dataclass(slots=True)
class Concord:
    """The digest of this gateway's rules, and the links whose peer has told another one.

    A closed link, or a peer that tells none, is no news.
    """

    digest: bytes
    differing: set[LinkName] = field(default_factory=set)

    def compare(self, name: LinkName, link: Link) -> list[Record]:
        """Take in what a link's peer has told; return a record where that is news."""
        theirs = link.peer.digest
        if not link.is_open or not theirs or (theirs != self.digest) == (name in self.differing):
            return []
        peer = link.peer.node or "the peer"
        if theirs == self.digest:
            self.differing.discard(name)
            text = f"{peer} has the same rules as this gateway again"
        else:
            self.differing.add(name)
            text = f"{peer} has other rules ({shown(theirs)}) than this gateway ({shown(self.digest)})"
        return [Record("rules", name, text, (("link", name), ("digest", shown(self.digest)), ("peer", shown(theirs))))]

    def recall(self, left: object) -> None:
        """Go on from what a predecessor told; what makes no sense is nothing."""
        if isinstance(left, list):
            self.differing.update(name for name in left if isinstance(name, str))


def shown(digest: bytes) -> str:
    """Return a digest as people compare it."""
    return digest.hex()[:SHOWN]
