"""Messages as resolvers send them, made here from the RFCs' text: the other side of the codec."""

import struct
from collections.abc import Sequence
from ipaddress import ip_address


def name(word: str) -> bytes:
    """Write a name without compression."""
    return b"".join(bytes([len(one)]) + one.encode() for one in word.split(".") if one) + b"\0"


def record(owner: str | bytes, kind: int, ttl: int, content: bytes, of: int = 1) -> bytes:
    """Write a record."""
    head = owner if isinstance(owner, bytes) else name(owner)
    return head + struct.pack("!HHIH", kind, of, ttl, len(content)) + content


def address(owner: str | bytes, word: str, ttl: int = 60) -> bytes:
    """Write an A or AAAA record."""
    made = ip_address(word)
    return record(owner, 1 if made.version == 4 else 28, ttl, made.packed)


def alias(owner: str, target: str | bytes, ttl: int = 60) -> bytes:
    """Write a CNAME record."""
    return record(owner, 5, ttl, target if isinstance(target, bytes) else name(target))


def authority(owner: str, ttl: int, least: int) -> bytes:
    """Write a SOA record, which says how long it holds that there is nothing."""
    return record(owner, 6, ttl, name("ns.example") + name("root.example") + struct.pack("!IIIII", 1, 2, 3, 4, least))


def message(
    number: int,
    asked: str,
    kind: int = 1,
    answers: Sequence[bytes] = (),
    *,
    authorities: Sequence[bytes] = (),
    flags: int = 0x8180,
) -> bytes:
    """Write an answer."""
    head = struct.pack("!HHHHHH", number, flags, 1, len(answers), len(authorities), 0)
    return head + name(asked) + struct.pack("!HH", kind, 1) + b"".join([*answers, *authorities])
