"""What is said of adverts that are refused, or differ from ours: once, with who sent them, and never as a flood.

Each group says each reason once, and again only after it changed its state or followed a new Master: refused packets
themselves re-arm nothing, whatever sources they claim. What no group can be found for is said once a device. Adverts
of VRIDs that are not ours are only counted: other routers may well use this LAN (`linkbalancer scan` shows them).
"""

from collections.abc import Callable
from typing import Final

from linkbalancer.clock import SECOND, Duration, Instant, in_words
from linkbalancer.engine.chronicle import named
from linkbalancer.engine.effects import Record
from linkbalancer.engine.events import AdvertReceived
from linkbalancer.engine.verdict import Verdict, differences, is_refused
from linkbalancer.links import Address, DeviceName, GroupId
from linkbalancer.vrrp.group import Group
from linkbalancer.vrrp.packet import SIMPLE_PASSWORD, Advertisement
from linkbalancer.vrrp.rejection import Rejection

PAUSE: Duration = 10 * SECOND
"""Re-armed or not, the same is not said again before: two Masters that take turns would re-arm it all the time."""

NAMED: Final = 4
"""Addresses that are named before the rest is counted."""

_UNSAID: Final = frozenset({Rejection.VRID})

_SENTENCES: Final = {
    Rejection.PACKET_LENGTH: "its length is not what its header says",
    Rejection.IP_VERSION: "it is neither IPv4 nor IPv6",
    Rejection.IP_CHECKSUM: "its IP header is damaged",
    Rejection.FRAGMENT: "it is a fragment: VRRP is never fragmented; give its sender fewer virtual IPs",
    Rejection.PROTOCOL: "it is not VRRP",
    Rejection.SOURCE: "no router can have its source address",
    Rejection.LOOPED: "its source is an address of this gateway: either our own adverts come back, by a loop in the "
    "network, or another host has the same address",
    Rejection.INVALID_TYPE: "its type is not 1, the only one there is",
    Rejection.CHECKSUM: "its checksum is wrong, whichever form it is taken for: it was damaged, or its addresses were "
    "translated on the way",
    Rejection.ZERO_COUNT: "it names no virtual IP",
    Rejection.INVALID_AUTH_TYPE: "its authentication type is none of VRRP's",
    Rejection.AUTH_FAILURE: "its password is not ours: compare `password_file` with what its sender has",
    Rejection.ZERO_INTERVAL: "its interval is 0, which would make every Backup a Master at once",
    Rejection.OWNER: "this gateway owns the addresses (priority 255) and heeds nobody; one router may own them",
}


class Refusals:
    """What was said already."""

    def __init__(self) -> None:
        self._said: dict[tuple[DeviceName, GroupId | None, Rejection], tuple[Instant, bool]] = {}

    def rearm(self, device: DeviceName, group: GroupId) -> None:
        """Let a group say everything again: it has another state, or another Master."""
        for key, (at, _spent) in self._said.items():
            if key[0] == device and key[1] in {group, None}:
                self._said[key] = at, False

    def record(self, now: Instant, event: AdvertReceived, verdict: Verdict, reason: Rejection) -> Record | None:
        """Return what is to be said of a packet, None where that was said already."""
        group = None if verdict.group is None else verdict.group.id
        key = event.device, group, reason
        at, spent = self._said.get(key, (None, False))
        if reason in _UNSAID or spent or (at is not None and now < at + PAUSE):
            return None
        self._said[key] = now, True
        source = "" if verdict.datagram is None else str(verdict.datagram.source)
        mac = event.source_mac.hex(":")
        done = "refused" if reason is verdict.reason else "accepted, though it differs"
        fields: list[tuple[str, str | int]] = [("reason", str(reason)), ("device", event.device), ("mac", mac)]
        fields += [("source", source)] if source else []
        fields += named(group) if group is not None else ()
        sender = f"{source} ({mac})" if source else mac
        subject = event.device if group is None else f"VID {group}"
        text = f"an advert of {sender} on {event.device} is {done}: {explain(verdict, reason)}"
        return Record("advert", subject, text, tuple(fields))


def explain(verdict: Verdict, reason: Rejection) -> str:
    """Say what is wrong with a packet, or different in it, and what to do where that is not plain."""
    sentence = _SENTENCES.get(reason)
    if sentence is not None:
        return sentence
    datagram, group, received = verdict.datagram, verdict.group, verdict.received
    assert datagram is not None, "rows beyond the header's have a datagram"
    match reason:
        case Rejection.ADDRESS:
            return f"it went to {datagram.destination}{_expected_at(group)}"
        case Rejection.UNKNOWN_PEER:
            return f"{datagram.source} is none of this group's `unicast` peers"
        case Rejection.IP_TTL:
            return f"its TTL is {datagram.ttl}: it came from another network, or its sender does not send 255"
        case Rejection.VERSION:
            return _version(group, datagram.message[0] >> 4)
        case Rejection.AUTH_TYPE_MISMATCH:
            return _authentication(datagram.message[4])
        case _:
            assert group is not None
            assert received is not None
            return _COMPARISONS[reason](group, received.advertisement)


def compared(group: Group, said: Advertisement) -> list[str]:
    """Say what a router of a group says otherwise than this gateway would."""
    if said.version != group.version:
        return [_version(group, said.version)]
    return [_COMPARISONS[reason](group, said) for reason in differences(said, group)]


def _version(group: Group | None, version: int) -> str:
    ours = "" if group is None else f", ours is {group.version}: configure all routers of a group alike"
    return f"its version of VRRP is {version}{ours}"


def _expected_at(group: Group | None) -> str:
    if group is None:
        return " and not to all routers of the LAN"
    way = "has `unicast` peers" if group.peers else "is heard by multicast"
    return f", and this group {way}: configure both ends alike"


def _authentication(stated: int) -> str:
    if stated == SIMPLE_PASSWORD:
        return "it has a password, and this group none: give it `password_file`, or take its sender's away"
    return "it has no password, and this group has `password_file`: configure all routers of a group alike"


def _interval(group: Group, said: Advertisement) -> str:
    ours = f"its interval is {in_words(said.interval)}, ours {in_words(group.advert_interval)}"
    return f"{ours}: in version 2 they must be equal" if group.version == 2 else ours


def _first_address(group: Group, said: Advertisement) -> str:
    sentence = f"its first address, {said.addresses[0]}, is not link-local"
    refused = is_refused(Rejection.FIRST_ADDRESS, said, group)
    return f"{sentence}: `tolerate: [first-address]` lets that pass" if refused else sentence


def _address_list(group: Group, said: Advertisement) -> str:
    ours = tuple(address.ip for address in group.virtual_ips)
    missing, more = (_named(set(one) - set(other)) for one, other in ((ours, said.addresses), (said.addresses, ours)))
    parts = [f"it lacks {missing}" if missing else "", f"it has {more} more" if more else ""]
    difference = " and ".join(filter(None, parts)) or "it names the same address more than once"
    refused = is_refused(Rejection.ADDRESS_LIST, said, group)
    return f"{difference}: `tolerate: [addresses]` lets that pass" if refused else difference


def _named(addresses: set[Address]) -> str:
    names = [str(address) for address in sorted(addresses, key=int)]
    return ", ".join(names[:NAMED]) + (f" and {len(names) - NAMED} others" if len(names) > NAMED else "")


_COMPARISONS: Final[dict[Rejection, Callable[[Group, Advertisement], str]]] = {
    Rejection.INTERVAL: _interval,
    Rejection.FIRST_ADDRESS: _first_address,
    Rejection.ADDRESS_LIST: _address_list,
}
