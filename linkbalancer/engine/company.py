"""Who else serves a LAN, and by which rules: the gateways of one side tell each other, beside VRRP (mission A2).

All gateways of a group must steer alike. What travels over a link shows whether its two ends do; that the gateways
beside each other do, they say themselves: every two seconds a datagram to the multicast group that they are all in.
It is not signed, like VRRP itself; so what it says of rules moves nothing, and all that comes of it is a sentence to
the operator. What it says of links is for those whose rules ask for a service level (`engine.assurance`).
"""

import struct
from collections import Counter
from collections.abc import Callable, Iterable, Sequence
from contextlib import suppress
from dataclasses import dataclass, replace
from typing import Any, Final

from linkbalancer.clock import SECOND, Duration, Instant
from linkbalancer.engine.effects import Record, SendHerald
from linkbalancer.links import DeviceName, NodeName, Vid
from linkbalancer.lvrrp import tlv

EVERY: Duration = 2 * SECOND
"""How often a gateway tells the others: a difference shows within five seconds, also where one datagram is lost."""

SILENT: Duration = 10 * SECOND
"""After so long what somebody said counts no more: it has left, or the LAN is cut."""

TELL_EVERY: Duration = SECOND // 2
"""At most so often something is worth a record: what is not signed must not flood the history. The status has all."""

NEIGHBOURS_MAX: Final = 64
"""Who is heard on one LAN beside these is counted, not remembered."""

_MAGIC: Final = b"LH\x01"
_REFUSED6: Final = 33
"""The number of the element that names VIDs, a byte each; LVrrp's own count from 1, tidings are 32."""
_HEAD: Final = struct.Struct("!BH")
LONGEST: Final = 1400
"""Bytes of a herald, with what a gateway tells of its links, or a later version of whatever."""


@dataclass(frozen=True, slots=True)
class Herald:
    """What a gateway says of itself: its name, a digest of its rules, and the VIDs that it is Master of without IPv6.

    Who is older says nothing of the last: then IPv6 gets on.
    """

    node: NodeName
    rules: bytes
    refused6: frozenset[Vid] = frozenset()


@dataclass(slots=True)
class _Neighbour:
    """What was last heard from an address, and whether it was told that its rules differ."""

    herald: Herald
    at: Instant
    told: bool = False


def encode(herald: Herald) -> bytes:
    """Write a herald: three bytes `LH` and version 1, then LVrrp's elements NODE and DIGEST, and the VIDs if any."""
    vids = bytes(sorted(herald.refused6))
    return (
        _MAGIC
        + tlv.encode(tlv.Body(node=herald.node, digest=herald.rules))
        + (_HEAD.pack(_REFUSED6, len(vids)) + vids if vids else b"")
    )


def elements(data: bytes) -> bytes:
    """Return the elements of what is a herald; nothing where it is none."""
    return data.removeprefix(_MAGIC) if data.startswith(_MAGIC) and len(data) <= LONGEST else b""


def decode(data: bytes) -> Herald | None:
    """Read a herald, None where the bytes are none; elements of a later version are skipped."""
    if not data.startswith(_MAGIC) or len(data) > LONGEST:
        return None
    try:
        body = tlv.decode(data[len(_MAGIC) :])
    except ValueError:
        return None
    refused = frozenset(vid for kind, vids in tlv.elements(data[len(_MAGIC) :]) if kind == _REFUSED6 for vid in vids)
    return Herald(body.node, body.digest, refused) if body.node and body.digest else None


class Company:
    """The gateways beside this one.

    Args:
        own: what this gateway tells.
        devices: the LAN devices to tell it on.
        boot: the present instant.

    Attributes:
        counters: what was refused, by reason.
    """

    def __init__(self, own: Herald, devices: Iterable[DeviceName], boot: Instant) -> None:
        self._own = own
        self._devices = tuple(sorted(devices))
        self._next_at = boot
        self._tell_at = boot
        self._heard: dict[tuple[DeviceName, str], _Neighbour] = {}
        self.counters: Counter[str] = Counter()

    def deadline(self) -> Instant | None:
        """Return when to speak again, None where there is nobody to speak to."""
        return self._next_at if self._devices else None

    def hurry(self, now: Instant) -> None:
        """Speak at once: there is something that the others should not have to wait for."""
        self._next_at = now

    @property
    def refuses(self) -> dict[tuple[DeviceName, str], frozenset[Vid]]:
        """The neighbours that say that they carry no IPv6 of some VIDs, by device and address, and those VIDs."""
        return {place: one.herald.refused6 for place, one in self._heard.items() if one.herald.refused6}

    def refused(self, device: DeviceName, source: str) -> frozenset[Vid]:
        """Return the VIDs of which the neighbour at an address carries no IPv6; none where it has said nothing."""
        known = self._heard.get((device, source))
        return frozenset() if known is None else known.herald.refused6

    def speak(
        self,
        now: Instant,
        pages: Callable[[], Sequence[bytes]] = tuple,
        refused6: Callable[[], frozenset[Vid]] = frozenset,
    ) -> list[SendHerald | Record]:
        """Tell every LAN, and forget who has fallen silent; nothing before the deadline.

        `pages`: what is told beside, as elements, each in a datagram. `refused6`: the VIDs that carry no IPv6 here.
        """
        if not self._devices or now < self._next_at:
            return []
        self._next_at = now + EVERY
        said = encode(replace(self._own, refused6=refused6()))
        gone = [(place, self._heard.pop(place)) for place, one in list(self._heard.items()) if now - one.at >= SILENT]
        beside = pages() or (b"",)
        sent = [SendHerald(device, said + page) for device in self._devices for page in beside]
        text = "is not heard any more: whether its rules still differ is not known"
        return [*sent, *(record for place, one in gone if one.told for record in self._tell(now, place, one, text))]

    def hear(self, now: Instant, device: DeviceName, source: str, data: bytes) -> list[Record]:
        """Take in what came from an address of a LAN; a record says that somebody's rules differ, or no longer do."""
        herald = decode(data)
        place = device, source
        if herald is None:
            self.counters["herald:malformed"] += 1
            return []
        if herald.node == self._own.node:
            self.counters["herald:same-name"] += 1
            return []
        if place not in self._heard and sum(one == device for one, _ in self._heard) >= NEIGHBOURS_MAX:
            self.counters["herald:too-many"] += 1
            return []
        one = self._heard.setdefault(place, _Neighbour(herald, now))
        one.herald, one.at = herald, now
        if self._differs(herald) == one.told:
            return []
        text = "steers by the same rules again" if one.told else "steers by other rules than this gateway"
        told = self._tell(now, place, one, text)
        one.told ^= bool(told)
        return told

    def snapshot(self) -> list[list[Any]]:
        """Return who was heard, when, and of whom it was told that its rules differ: for a successor, JSON-able."""
        return [
            [*place, one.herald.node, one.herald.rules.hex(), sorted(one.herald.refused6), one.at, one.told]
            for place, one in self._heard.items()
        ]

    def recall(self, now: Instant, left: object) -> None:
        """Go on from what a predecessor heard and told; what makes no sense is nothing."""
        for one in left[: NEIGHBOURS_MAX * len(self._devices)] if isinstance(left, list) else ():
            match one:
                case [str(device), str(source), str(node), str(rules), [*vids], int(at), bool(told)]:
                    if device not in self._devices or not all(isinstance(vid, int) for vid in vids):
                        continue
                    with suppress(ValueError):
                        herald = Herald(node, bytes.fromhex(rules), frozenset(vids))
                        self._heard[device, source] = _Neighbour(herald, min(at, now), told)
                case _:
                    pass

    def differences(self) -> list[dict[str, Any]]:
        """Return who steers by other rules, JSON-able."""
        return [
            {"node": one.herald.node, "address": source, "device": device}
            for (device, source), one in sorted(self._heard.items(), key=lambda item: item[0])
            if self._differs(one.herald)
        ]

    def _differs(self, herald: Herald) -> bool:
        return herald.rules != self._own.rules

    def _tell(self, now: Instant, place: tuple[DeviceName, str], one: _Neighbour, text: str) -> list[Record]:
        """Return the record, or none so soon after another: a neighbour says it again, and is told of then."""
        if now < self._tell_at:
            return []
        self._tell_at = now + TELL_EVERY
        return [_record(place, one.herald, text)]


def _record(place: tuple[DeviceName, str], herald: Herald, text: str) -> Record:
    device, source = place
    return Record("rules", herald.node, f"{text} ({source} on {device})", (("device", device),))
