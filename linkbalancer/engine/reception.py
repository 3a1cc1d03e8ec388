"""Which of the adverts that arrive are for a VID of this gateway, and why the others are not (RFC 9568 7.1)."""

from collections.abc import Mapping
from ipaddress import IPv4Address

from linkbalancer.engine.events import AdvertReceived
from linkbalancer.engine.membership import Membership
from linkbalancer.links import Vid
from linkbalancer.vrrp.events import Heard
from linkbalancer.vrrp.packet import Received, decode


def admit(
    event: AdvertReceived, memberships: Mapping[Vid, Membership], own: IPv4Address | None
) -> tuple[Membership, Heard] | str:
    """Return whom an advert concerns and what its router hears, or in a word why nobody.

    Args:
        event: the packet.
        memberships: those of this gateway.
        own: the address that this gateway sends from on that device; None while it has none.
    """
    received = decode(event.packet)
    if not isinstance(received, Received):
        return str(received)
    membership = memberships.get(received.advertisement.vrid)
    if membership is None or membership.group.device != event.device or not isinstance(received.source, IPv4Address):
        return "vrid"
    if received.source == own:
        return "looped"
    advertisement = received.advertisement
    return membership, Heard(advertisement.priority, advertisement.interval, received.source)
