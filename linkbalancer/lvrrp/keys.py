"""The shared keys of a link: their file, one derived key per direction, and which one the controller sends with.

Every direction of every link has a key of its own, so that a datagram which comes back to its sender, or which belongs
to another link, is never authentic (design 4.2).
"""

import hashlib
import hmac
from dataclasses import dataclass, field

from linkbalancer.clock import SECOND, Duration, Instant
from linkbalancer.links import LinkName, Role
from linkbalancer.lvrrp.packet import TAG_LENGTH, Rejection

SECRET_LENGTH_MIN = 16
KEYS_MAX = 2
RETRY: Duration = 60 * SECOND
"""How long the controller stays with the other key before it tries the preferred one again."""

_CONTEXT = b"lvrrp1"


@dataclass(frozen=True, slots=True)
class Key:
    """A shared key: its number 1..255 on the wire, and the secret, which is never shown."""

    id: int
    secret: bytes = field(repr=False)


INSECURE = Key(0, b"")
"""Stands in where a link is configured `insecure`: finds damage and reflections, keeps nobody out."""


def parse_keys(text: str) -> tuple[Key, ...]:
    """Read a key file: one or two lines `ID HEX`, the preferred key first; `#` begins a comment.

    Raises:
        ValueError: in one sentence what is wrong, with the line's number and never with the secret.
    """
    keys: list[Key] = []
    for number, line in enumerate(text.splitlines(), start=1):
        words = line.partition("#")[0].split()
        if words:
            keys.append(_parse_line(number, words))
    if not 1 <= len(keys) <= KEYS_MAX:
        raise ValueError(f"a key file has one or two lines `ID HEX`, not {len(keys)}")
    if len({key.id for key in keys}) != len(keys):
        raise ValueError(f"both keys have the number {keys[0].id}")
    return tuple(keys)


def _parse_line(number: int, words: list[str]) -> Key:
    if len(words) != 2:
        raise ValueError(f"line {number} is not `ID HEX`")
    if not words[0].isdecimal() or not 1 <= int(words[0]) <= 255:
        raise ValueError(f"line {number}: a key's number must be within 1..255")
    try:
        secret = bytes.fromhex(words[1])
    except ValueError:
        raise ValueError(f"line {number}: the secret is not hexadecimal") from None
    if len(secret) < SECRET_LENGTH_MIN:
        raise ValueError(f"line {number}: the secret has {len(secret)} bytes, it needs at least {SECRET_LENGTH_MIN}")
    return Key(int(words[0]), secret)


def derive(key: Key, link: LinkName, sender: Role) -> bytes:
    """Return a direction's 32-byte key: HMAC-SHA-256(secret, "lvrrp1" | length of name | name | role of the sender)."""
    name = link.encode()
    return hmac.digest(key.secret, _CONTEXT + bytes([len(name)]) + name + sender.value.encode(), "sha256")


class Signing:
    """HMAC-SHA-256 with one key (RFC 2104), whose two padded blocks are hashed once: every datagram is signed."""

    def __init__(self, key: bytes) -> None:
        block = key.ljust(hashlib.sha256().block_size, b"\0")
        self._inner = hashlib.sha256(bytes(byte ^ 0x36 for byte in block))
        self._outer = hashlib.sha256(bytes(byte ^ 0x5C for byte in block))

    def __deepcopy__(self, _memo: object) -> "Signing":
        return self  # it never changes, and what has hashed something cannot be copied by parts

    def tag(self, signed: bytes) -> bytes:
        """Return the first 128 bits of the MAC."""
        inner, outer = self._inner.copy(), self._outer.copy()
        inner.update(signed)
        outer.update(inner.digest())
        return outer.digest()[:TAG_LENGTH]


class Keyring:
    """The keys of one end of a link: `tag` what it sends, `verify` what it receives."""

    def __init__(self, keys: tuple[Key, ...], link: LinkName, role: Role) -> None:
        self.ids, self.link = tuple(key.id for key in keys), link
        self._own = {key.id: Signing(derive(key, link, role)) for key in keys}
        self._peer = {key.id: Signing(derive(key, link, role.opposite)) for key in keys}

    def __repr__(self) -> str:
        return f"Keyring(ids={self.ids})"

    def tag(self, key_id: int, signed: bytes) -> bytes:
        """Return the tag of what this end sends."""
        return self._own[key_id].tag(signed)

    def verify(self, key_id: int, signed: bytes, tag: bytes) -> Rejection | None:
        """Return None when the peer wrote it, else why not: no such key, our own writing come back, or no true tag."""
        if key_id not in self._peer:
            return Rejection.KEY
        if hmac.compare_digest(self._peer[key_id].tag(signed), tag):
            return None
        if hmac.compare_digest(self.tag(key_id, signed), tag):
            return Rejection.REFLECTED
        return Rejection.TAG


class KeyChoice:
    """Which key the controller sends with: the first of its file, the other one after two misses (design 4.2).

    In an outage it therefore tries both in turn. From the other key it goes back to try the first one every minute.
    """

    def __init__(self, ids: tuple[int, ...]) -> None:
        self._ids = ids
        self._index = 0
        self._retry_at: Instant = 0
        self._unanswered: list[Instant] = []

    @property
    def current(self) -> int:
        """The key's number."""
        return self._ids[self._index]

    def choose(self, now: Instant, patience: Duration) -> None:
        """Choose the key for a query that is sent now; a query is missed when `patience` has passed over it."""
        if self._index and now >= self._retry_at:
            self._index, self._unanswered = 0, []
        elif len(self._unanswered) == 2 and now >= self._unanswered[-1] + patience:
            self._index, self._unanswered = (self._index + 1) % len(self._ids), []
            self._retry_at = now + RETRY
        if len(self._unanswered) < 2:
            self._unanswered.append(now)

    def answered(self) -> None:
        """Note that a query was answered."""
        self._unanswered = []
