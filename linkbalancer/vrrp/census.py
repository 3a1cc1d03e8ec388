"""Who uses which VRID on a LAN: a count of routers, from nothing but what is heard."""

from collections import Counter, deque
from dataclasses import dataclass, field
from typing import Final

from linkbalancer.clock import Instant
from linkbalancer.links import Address, Family, GroupId, Mac
from linkbalancer.vrrp.group import virtual_mac
from linkbalancer.vrrp.packet import Advertisement, ChecksumForm, Received, Rejection, decode, unwrap

ROUTERS_MAX: Final = 4096
"""Routers that are told apart; sources cost a liar nothing, and the rest is counted."""

REMEMBERED: Final = 8
"""Adverts of a router whose times are kept: enough to see whether two take turns."""

TOGETHER: Final = 2
"""So many adverts after another Master's first one are no longer a last word."""


@dataclass(slots=True)
class Router:
    """One source address that advertises a VRID, with its last advert, and when it spoke.

    `mac` is the frame's source; `here`: the frame left this computer.
    """

    group: GroupId
    source: Address
    mac: Mac
    said: Advertisement
    form: ChecksumForm
    first_at: Instant
    here: bool
    adverts: int = 0
    heard_at: deque[Instant] = field(default_factory=lambda: deque(maxlen=REMEMBERED))

    @property
    def is_master(self) -> bool:
        """Whether it is one, by its last word: priority 0 says that it leaves."""
        return self.said.priority > 0

    @property
    def has_virtual_mac(self) -> bool:
        """Whether it sends with the virtual router's MAC, and not with its own."""
        return self.mac == virtual_mac(self.group)

    @property
    def checksum(self) -> ChecksumForm | None:
        """The form of its checksum, None where there is one form alone."""
        told_apart = self.said.version == 3 and self.group.family is Family.IPV4
        return self.form if told_apart else None

    def spoke_since(self, at: Instant) -> int:
        """Return how many of the remembered adverts are later than an instant."""
        return sum(heard > at for heard in self.heard_at)


class Census:
    """What was heard so far."""

    def __init__(self) -> None:
        self._routers: dict[tuple[GroupId, Address, Mac], Router] = {}
        self.unreadable: Counter[tuple[str, Mac, Rejection]] = Counter()
        self.uncounted = 0

    def take(self, now: Instant, packet: bytes, mac: Mac, *, here: bool) -> None:
        """Take in a datagram; whatever it is, it is counted.

        Args:
            now: when it came.
            packet: the IP datagram.
            mac: its frame's source.
            here: whether this computer sent it.
        """
        received = decode(packet)
        if isinstance(received, Rejection):
            self._refuse(packet, mac, received)
            return
        group = GroupId(received.advertisement.vrid, Family(received.source.version))
        router = self._router(now, group, received, mac, here=here)
        if router is None:
            self.uncounted += 1
            return
        router.said, router.form = received.advertisement, received.form
        router.adverts += 1
        router.heard_at.append(now)

    def groups(self) -> dict[GroupId, list[Router]]:
        """Return the routers of every VRID and family, in order, the best Master first."""
        found: dict[GroupId, list[Router]] = {}
        for router in sorted(self._routers.values(), key=lambda one: (-one.said.priority, -int(one.source))):
            found.setdefault(router.group, []).append(router)
        return dict(sorted(found.items()))

    def contested(self, group: GroupId) -> bool:
        """Whether several routers are Master of one VRID at once, and do not just hand it over."""
        masters = [one for one in self._routers.values() if one.group == group and one.is_master]
        return any(_compete(one, other) for one in masters for other in masters if one is not other)

    def _router(self, now: Instant, group: GroupId, received: Received, mac: Mac, *, here: bool) -> Router | None:
        key = group, received.source, mac
        known = self._routers.get(key)
        if known is None and len(self._routers) < ROUTERS_MAX:
            known = Router(group, received.source, mac, received.advertisement, received.form, now, here=here)
            self._routers[key] = known
        return known

    def _refuse(self, packet: bytes, mac: Mac, reason: Rejection) -> None:
        datagram = unwrap(packet)
        source = "" if isinstance(datagram, Rejection) else str(datagram.source)
        key = source, mac, reason
        if key in self.unreadable or len(self.unreadable) < ROUTERS_MAX:
            self.unreadable[key] += 1
        else:
            self.uncounted += 1


def _compete(one: Router, other: Router) -> bool:
    """Whether each of two went on after the other had begun."""
    return one.spoke_since(other.first_at) >= TOGETHER and other.spoke_since(one.first_at) >= TOGETHER
