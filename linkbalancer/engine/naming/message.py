"""Questions to resolvers and their answers, as they are on the wire (RFC 1035 4, 2308, 6891): addresses alone.

What comes in may be anybody's: whatever it is, reading it ends soon and raises nothing.
"""

import struct
from dataclasses import dataclass
from ipaddress import IPv4Address, IPv6Address
from typing import Final, Literal, TypeAlias

from linkbalancer.clock import SECOND, Duration

Family: TypeAlias = Literal[4, 6]

ADDRESSES_MAX: Final = 64
"""Addresses of one answer that are taken; of more, the lowest."""
PAYLOAD: Final = 1232
"""Bytes of an answer by UDP that we take: what passes everywhere without fragments."""

_HEADER: Final = struct.Struct("!HHHHHH")
_RECORD: Final = struct.Struct("!HHIH")
_SOA: Final = struct.Struct("!IIIII")
_RESPONSE, _OPCODE, _TRUNCATED, _RECURSE, _CODE = 0x8000, 0x7800, 0x0200, 0x0100, 0x000F
_TYPES: Final[dict[Family, int]] = {4: 1, 6: 28}
_CNAME, _SOA_TYPE, _INTERNET = 5, 6, 1
_OPTIONS: Final = b"\0" + struct.pack("!HHIH", 41, PAYLOAD, 0, 0)
_NO_SUCH_NAME: Final = 3
_CODES: Final = {1: "format error", 2: "server failure", 4: "not implemented", 5: "refused"}
_RECORDS_MAX: Final = 512
_ALIASES_MAX: Final = 16
_NAME_MAX: Final = 255
_TTL_SIGN: Final = 1 << 31
_NOTHING: Duration = 60 * SECOND
"""How long it holds that there is nothing, where the answer does not say."""


@dataclass(frozen=True, slots=True, order=True)
class Question:
    """The addresses of one family that a host has."""

    name: str
    family: Family

    def __str__(self) -> str:
        """Write it for people."""
        return f"{self.name} (IPv{self.family})"


@dataclass(frozen=True, slots=True)
class Answer:
    """The addresses as sorted integers, none where there are none; `missing`: there is no such name at all."""

    addresses: tuple[int, ...]
    ttl: Duration
    missing: bool = False


@dataclass(frozen=True, slots=True)
class Refusal:
    """The resolver cannot say."""

    why: str


@dataclass(frozen=True, slots=True)
class Truncated:
    """The answer is too long for a datagram: it is to be asked for by TCP."""


Reply: TypeAlias = Answer | Refusal | Truncated


class _MalformedError(Exception):
    """What came makes no sense."""


def asked(number: int, question: Question) -> bytes:
    """Return a question as a message."""
    return _HEADER.pack(number, _RECURSE, 1, 0, 0, 1) + _question(question) + _OPTIONS


def read(data: bytes, number: int, question: Question) -> Reply | None:
    """Return what a message says to a question, None where it is no answer to it."""
    if len(data) < _HEADER.size:
        return None
    theirs, flags, questions, answers, authorities, _more = _HEADER.unpack_from(data)
    own = _question(question)
    said = data[_HEADER.size : _HEADER.size + len(own)]
    if theirs != number or flags & (_RESPONSE | _OPCODE) != _RESPONSE:
        return None
    code = flags & _CODE
    if questions != 1 or said.lower() != own.lower():
        # Who cannot read the question may leave it out of what he says (RFC 1035 4.1.1, code 1).
        return Refusal(_CODES[1]) if code == 1 and not questions else None
    if code not in {0, _NO_SUCH_NAME}:
        return Refusal(_CODES.get(code, f"error {code}"))
    if flags & _TRUNCATED:
        return Truncated()
    try:
        return _Message(data, _HEADER.size + len(own)).answer(question, answers, authorities, missing=bool(code))
    except (_MalformedError, struct.error, IndexError):
        return Refusal("an answer that makes no sense")


def usable(address: int, family: Family) -> bool:
    """Return whether a packet can go to an address beyond this host and its LAN."""
    one = IPv4Address(address) if family == 4 else IPv6Address(address)
    nowhere = one.is_unspecified or one.is_loopback or one.is_multicast or one.is_link_local
    return not nowhere and (family == 6 or address != 0xFFFFFFFF)


def _question(question: Question) -> bytes:
    labels = b"".join(bytes([len(one)]) + one.encode() for one in question.name.split("."))
    return labels + b"\0" + struct.pack("!HH", _TYPES[question.family], _INTERNET)


class _Message:
    """The records of a message, from where they begin."""

    def __init__(self, data: bytes, at: int) -> None:
        self._data, self._at = data, at
        self._aliases: dict[bytes, tuple[bytes, int]] = {}
        self._found: dict[bytes, list[tuple[int, int]]] = {}
        self._nothing: Duration = _NOTHING

    def answer(self, question: Question, answers: int, authorities: int, *, missing: bool) -> Answer:
        if answers + authorities > _RECORDS_MAX:
            raise _MalformedError
        for place in range(answers + authorities):
            self._record(question, authority=place >= answers)
        at, least = question.name.encode(), _TTL_SIGN
        for _alias in range(_ALIASES_MAX):
            if at in self._found or at not in self._aliases:
                break
            at, ttl = self._aliases[at]
            least = min(least, ttl)
        found = self._found.get(at, ())
        good = sorted({address for address, _ttl in found if usable(address, question.family)})[:ADDRESSES_MAX]
        if not good:
            return Answer((), self._nothing, missing and not found)
        return Answer(tuple(good), min(least, *(ttl for _address, ttl in found)) * SECOND)

    def _record(self, question: Question, *, authority: bool) -> None:
        owner = self._name()
        kind, of, ttl, length = _RECORD.unpack_from(self._data, self._at)
        self._at += _RECORD.size
        end = self._at + length
        if end > len(self._data):
            raise _MalformedError
        ttl = 0 if ttl >= _TTL_SIGN else ttl  # RFC 2181 8
        if of == _INTERNET and kind == _TYPES[question.family] and not authority:
            if length != (4 if question.family == 4 else 16):
                raise _MalformedError
            self._found.setdefault(owner, []).append((int.from_bytes(self._data[self._at : end]), ttl))
        elif of == _INTERNET and kind == _CNAME and not authority:
            self._aliases[owner] = self._name(), ttl
        elif of == _INTERNET and kind == _SOA_TYPE and authority:
            self._name()
            self._name()
            self._nothing = min(ttl, _SOA.unpack_from(self._data, self._at)[-1]) * SECOND
        self._at = end

    def _name(self) -> bytes:
        """Read a name in small letters and go behind it; what points, points back, so that there is an end."""
        labels: list[bytes] = []
        at, behind, size = self._at, None, 0
        for _step in range(_NAME_MAX):
            length = self._data[at]
            if length >= 0xC0:
                target = (length & 0x3F) << 8 | self._data[at + 1]
                behind = at + 2 if behind is None else behind
                if target >= at:
                    raise _MalformedError
                at = target
                continue
            at += 1
            size += length + 1
            if length > 63 or size > _NAME_MAX or at + length > len(self._data):
                raise _MalformedError
            if not length:
                self._at = at if behind is None else behind
                return b".".join(labels)
            labels.append(self._data[at : at + length].lower())
            at += length
        raise _MalformedError
