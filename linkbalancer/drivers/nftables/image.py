"""The table as the kernel tells it: kept when it was loaded, compared when somebody was at it, put back by netlink.

Neither nft nor its library is needed for that: what the kernel lists is, but for a few attributes of its own, what it
takes. The whole table is put back in one transaction, which is refused where anything has changed since it was looked
at, so that nothing is put back over what was meant. An empty chain bears the digest of what was loaded: who adopts the
table knows by it whether it is still as it was loaded.
"""

import errno
import hashlib
import struct
from collections.abc import Iterable, Iterator, Mapping
from dataclasses import dataclass
from itertools import islice
from typing import Final

from linkbalancer.drivers.errors import DriverError
from linkbalancer.drivers.netlink.codec import ACK, CREATE, attribute, attributes, message, nested, text
from linkbalancer.drivers.netlink.transport import NetlinkSocket
from linkbalancer.drivers.nftables import namesets
from linkbalancer.drivers.nftables.elements import BATCH, BATCH_BEGIN, BATCH_END, INET, PER_MESSAGE
from linkbalancer.drivers.nftables.generation import generation
from linkbalancer.drivers.nftables.headeroptions import acceptable
from linkbalancer.drivers.nftables.render import MAP, MEMBERS, TABLE
from linkbalancer.drivers.nftables.translation import STRAYS, UPSTREAMS
from linkbalancer.drivers.nftables.ways import KEEPS, MOVED, RESETS, STANDING, WORKING

NOTE: Final = "image_"
"""How the chain's name begins that bears the digest."""

CHANGING: Final = frozenset({MAP, MEMBERS, STANDING, WORKING, KEEPS, RESETS, MOVED, UPSTREAMS, STRAYS})
"""What has its elements from the daemon's processes or from packets, at any time.

So have the sets of host names' addresses.
"""

_NFT: Final = 10 << 8
_NEW_TABLE, _GET_TABLE, _DELETE_TABLE = _NFT | 0, _NFT | 1, _NFT | 2
_NEW_CHAIN, _GET_CHAIN, _DELETE_CHAIN = _NFT | 3, _NFT | 4, _NFT | 5
_NEW_RULE, _GET_RULE = _NFT | 6, _NFT | 7
_NEW_SET, _GET_SET = _NFT | 9, _NFT | 10
_NEW_ELEMENT, _GET_ELEMENT = _NFT | 12, _NFT | 13
_APPEND: Final = 0x800
_BATCH_GENERATION: Final = 1

_OF: Final = 1
"""The attribute with the table's name, in messages of every kind."""
_TABLE_FLAGS: Final = 2
_CHAIN_NAME: Final = 3
_CHAIN_OWN: Final = frozenset({2, 6, 8, 11})
_RULE_CHAIN, _RULE_EXPRESSIONS = 2, 4
_RULE_OWN: Final = frozenset({3, 6})
_SET_NAME, _SET_ID = 2, 10
_SET_OWN: Final = frozenset({_SET_ID, 14, 16, 19, 20})
"""What the kernel lists and does not take: handles, counts, places."""
_ELEMENTS, _ITEM = 3, 1
_KEY, _ITEM_FLAGS = 1, 3
_ITEM_OWN: Final = frozenset({5, 7, 11})
_INTERVAL_END: Final = 1
_EXPRESSION_NAME: Final = 1
_COUNTING: Final = frozenset({b"counter\0", b"quota\0", b"last\0"})

_UNNAMED: Final = " __"
"""How the kernel's names of sets begin that have none; they go and come with the rules that have them."""

_ATTEMPTS: Final = 5


@dataclass(frozen=True, slots=True)
class Image:
    """The table at one moment.

    `chains` and `sets` have, by name, first the definition, then rules or elements, in the form that the kernel takes.
    """

    flags: bytes
    chains: Mapping[str, tuple[bytes, ...]]
    sets: Mapping[str, tuple[bytes, ...]]

    def digest(self) -> str:
        """Return the first digits of what names the content."""
        content = hashlib.sha256(self.flags)
        for parts in (self.chains, self.sets):
            for name, one in parts.items():
                content.update(repr((name, [_quiet(rule) for rule in one])).encode())
        return content.hexdigest()[:12]

    def difference(self, other: "Image | None") -> list[str]:
        """Return in words what another image does not have, or has otherwise; nothing where they are alike."""
        if other is None:
            return ["the table"]
        words = ["the table's flags"] if self.flags != other.flags else []
        for kind, mine, theirs in (("chain", self.chains, other.chains), ("set", self.sets, other.sets)):
            for name, parts in mine.items():
                if name not in theirs:
                    words.append(f"the {kind} {name}")
                elif parts != theirs[name] and list(map(_quiet, parts)) != list(map(_quiet, theirs[name])):
                    words.append(f"the {kind} {name} as it was")
            words += [f"the table without the {kind} {name}" for name in sorted(theirs.keys() - mine.keys())]
        return [one for one in words if _UNNAMED not in one] or words


def take(netlink: NetlinkSocket) -> tuple[Image | None, bytes]:
    """Return the table, None when there is none, and the generation in which it was so. Raises DriverError."""
    for _attempt in range(_ATTEMPTS):
        before = generation(netlink)
        image = _take(netlink)
        if generation(netlink) == before:
            return image, before
    raise DriverError("read the nftables table: it changes all the time", errno.EINTR)


def noted(netlink: NetlinkSocket) -> list[str]:
    """Return the digests that were noted in the table. Raises DriverError."""
    return [name.removeprefix(NOTE) for name in _chains(netlink) if name.startswith(NOTE)]


def note(netlink: NetlinkSocket, digest: str) -> bool:
    """Have the table bear the digest of what was loaded, in place of older ones; return False when it does already.

    Raises DriverError.
    """
    present = noted(netlink)
    if present == [digest]:
        return False
    gone = [_empty(_DELETE_CHAIN, 0, NOTE + one) for one in present]
    _send(netlink, [*gone, _empty(_NEW_CHAIN, CREATE, NOTE + digest)], "note what was loaded")
    return True


def put_back(
    netlink: NetlinkSocket, image: Image, present: Image | None, at: bytes, elements: Mapping[str, Iterable[bytes]]
) -> None:
    """Put the table back as it was, with these elements in what the daemon's processes fill.

    `present` and `at` are what `take` has just returned. Raises DriverError: with ERESTART somebody was quicker.
    """
    head = INET + text(_OF, TABLE)
    work = [] if present is None else [message(_DELETE_TABLE, 0, head)]
    work.append(message(_NEW_TABLE, CREATE, head + attribute(_TABLE_FLAGS, image.flags)))
    work += [message(_NEW_CHAIN, CREATE, parts[0]) for parts in image.chains.values()]
    work.append(_empty(_NEW_CHAIN, CREATE, NOTE + image.digest()))
    for number, parts in enumerate(image.sets.values(), 1):
        work.append(message(_NEW_SET, CREATE, parts[0] + attribute(_SET_ID, struct.pack("!I", number))))
    for name, parts in image.sets.items():
        items = iter(elements.get(name, ()) if _changes(name) else parts[1:])
        while some := list(islice(items, PER_MESSAGE)):
            work.append(message(_NEW_ELEMENT, CREATE, head + text(_SET_NAME, name) + nested(_ELEMENTS, *some)))
    work += [message(_NEW_RULE, CREATE | _APPEND, rule) for parts in image.chains.values() for rule in parts[1:]]
    _send(netlink, work, "put the nftables table back", at)


def _take(netlink: NetlinkSocket) -> Image | None:
    flags = [
        parts.get(_TABLE_FLAGS, bytes(4))
        for reply in netlink.dump(_GET_TABLE, INET, "list the tables")
        for parts in [dict(attributes(reply, len(INET)))]
        if _name(parts[_OF]) == TABLE
    ]
    if not flags:
        return None
    chains = {name: [head] for name, head in _chains(netlink).items() if not name.startswith(NOTE)}
    for reply in netlink.dump(_GET_RULE, INET + text(_OF, TABLE), "list the rules"):
        name = _name(dict(attributes(reply, len(INET)))[_RULE_CHAIN])
        if name in chains:
            chains[name].append(_rule(reply))
    sets = {}
    for reply in netlink.dump(_GET_SET, INET + text(_OF, TABLE), "list the sets"):
        name = _name(dict(attributes(reply, len(INET)))[_SET_NAME])
        sets[name] = (_taken(reply, _SET_OWN), *(() if _changes(name) else _items(netlink, name)))
    return Image(flags[0], {name: tuple(parts) for name, parts in chains.items()}, sets)


def _chains(netlink: NetlinkSocket) -> dict[str, bytes]:
    """Return the definitions of our table's chains by name, in the kernel's order."""
    found = {}
    for reply in netlink.dump(_GET_CHAIN, INET, "list the chains"):
        parts = dict(attributes(reply, len(INET)))
        if _name(parts[_OF]) == TABLE:
            found[_name(parts[_CHAIN_NAME])] = _taken(reply, _CHAIN_OWN)
    return found


def _items(netlink: NetlinkSocket, name: str) -> list[bytes]:
    """Return the elements of a set as list items; the ends of ranges before the beginnings of others at one key."""
    content = INET + text(_OF, TABLE) + text(_SET_NAME, name)
    found = []
    for reply in netlink.dump(_GET_ELEMENT, content, f"list the elements of {name}"):
        for _kind, item in attributes(dict(attributes(reply, len(INET))).get(_ELEMENTS, b"")):
            parts = dict(attributes(item))
            ends = parts.get(_ITEM_FLAGS, b"")[-1:] == bytes([_INTERVAL_END])
            kept = b"".join(attribute(kind, value) for kind, value in attributes(item) if kind not in _ITEM_OWN)
            found.append((parts.get(_KEY, b""), not ends, nested(_ITEM, kept)))
    return [item for _key, _begins, item in sorted(found)]


def _taken(reply: bytes, own: frozenset[int]) -> bytes:
    """Return a message's content without what is the kernel's own."""
    kept = (attribute(kind, value) for kind, value in attributes(reply, len(INET)) if kind not in own)
    return INET + b"".join(kept)


def _rule(reply: bytes) -> bytes:
    """Return a rule in the form that the kernel takes."""
    parts = [(kind, value) for kind, value in attributes(reply, len(INET)) if kind not in _RULE_OWN]
    whole = (attribute(kind, acceptable(value) if kind == _RULE_EXPRESSIONS else value) for kind, value in parts)
    return INET + b"".join(whole)


def _quiet(content: bytes) -> bytes:
    """Return a rule without what its packets have counted."""
    if not any(name in content for name in _COUNTING):
        return content
    return b"".join(_without_counts(content))


def _without_counts(content: bytes) -> Iterator[bytes]:
    for kind, value in attributes(content, len(INET)):
        if kind != _RULE_EXPRESSIONS:
            yield value
            continue
        for _item, expression in attributes(value):
            name = dict(attributes(expression)).get(_EXPRESSION_NAME, b"")
            yield name if name in _COUNTING else expression


def _empty(kind: int, flags: int, chain: str) -> bytes:
    """Return the message that makes or deletes a chain that is no hook's."""
    return message(kind, flags, INET + text(_OF, TABLE) + text(_CHAIN_NAME, chain))


def _send(netlink: NetlinkSocket, work: list[bytes], operation: str, at: bytes | None = None) -> None:
    """Do it all in one transaction, only in this generation where one is given."""
    last = bytearray(work[-1])
    struct.pack_into("=H", last, 6, struct.unpack_from("=H", last, 6)[0] | ACK)
    condition = b"" if at is None else attribute(_BATCH_GENERATION, at)
    begin = message(BATCH_BEGIN, 0, BATCH + condition)
    netlink.request(b"".join([begin, *work[:-1], bytes(last), message(BATCH_END, 0, BATCH)]), operation)


def _changes(name: str) -> bool:
    return name in CHANGING or name.startswith(namesets.PREFIX)


def _name(value: bytes) -> str:
    return value.rstrip(b"\0").decode()
