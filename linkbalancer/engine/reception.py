"""Which of the adverts that arrive are for a VID of this gateway, and why the others are not (RFC 9568 7.1)."""

from collections.abc import Callable, Mapping

from linkbalancer.engine.events import AdvertReceived
from linkbalancer.engine.membership import Membership
from linkbalancer.links import Address, Family, GroupId
from linkbalancer.vrrp.events import Heard
from linkbalancer.vrrp.group import Group
from linkbalancer.vrrp.packet import Received, decode


def admit(
    event: AdvertReceived, memberships: Mapping[GroupId, Membership], own: Callable[[Group], Address | None]
) -> tuple[Membership, Heard] | str:
    """Return whom an advert concerns and what its router hears, or in a word why nobody.

    Args:
        event: the packet.
        memberships: those of this gateway.
        own: from which address a group is advertised here, None while there is none.
    """
    received = decode(event.packet)
    if not isinstance(received, Received):
        return str(received)
    membership = memberships.get(GroupId(received.advertisement.vrid, Family(received.source.version)))
    if membership is None or membership.upstream is not None or membership.group.device != event.device:
        return "vrid"
    if received.source == own(membership.group):
        return "looped"
    advertisement = received.advertisement
    return membership, Heard(advertisement.priority, advertisement.interval, received.source)
