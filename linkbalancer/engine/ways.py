"""The ways that links are: the next hop over one, and over any that is open."""

from collections.abc import Iterable
from ipaddress import IPv4Address

from linkbalancer.links import ViaLink
from linkbalancer.lvrrp.link import Link


def way_over(link: Link, source: IPv4Address | None) -> ViaLink:
    """Return the next hop over a link for packets that leave with a source."""
    return ViaLink(link.settings.device, link.settings.gateway, source)


def any_way(links: Iterable[Link], source: IPv4Address | None) -> ViaLink | None:
    """Return that over the first open link, for guarded packets of a VID that has none here: they may not turn back."""
    return next((way_over(link, source) for link in links if link.is_open), None)
