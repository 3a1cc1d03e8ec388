"""What the kernel's table is made for, from the configuration, and in words for a successor."""

from dataclasses import replace
from ipaddress import IPv4Address
from typing import Any

from linkbalancer.config.load import Loaded
from linkbalancer.drivers.nftables.render import Layout, Peer
from linkbalancer.routing.marks import LAST_VID


def layout_of(loaded: Loaded) -> Layout:
    """Return what the kernel's table is made for."""
    config = loaded.config
    lans = {group.device for group in config.groups.values() if group.mode != "static"} | set(config.lans)
    links = {link.device for link in config.links.values()}
    links |= {group.device for group in config.groups.values() if group.mode == "static"} - lans
    return Layout(
        marks=config.marks,
        role=config.role,
        lan_devices=tuple(sorted(lans)),
        link_devices=tuple(sorted(links)),
        vids=config.vids,
        peers=tuple(sorted({Peer(link.peer, link.port) for link in config.links.values()})),
    )


def layout_in_words(layout: Layout) -> dict[str, Any]:
    """Return what a successor must know of the table that this agent works with, JSON-able."""
    return {
        "lan_devices": layout.lan_devices,
        "link_devices": layout.link_devices,
        "vids": layout.vids,
        "peers": [[str(peer.address), peer.port] for peer in layout.peers],
    }


def layout_from_words(words: object, own: Layout) -> Layout:
    """Return a predecessor's layout, with the marks of `own`; `own` where the words make no sense."""
    try:
        fields = dict(words)  # type: ignore[call-overload]
        return replace(
            own,
            lan_devices=tuple(map(str, fields["lan_devices"])),
            link_devices=tuple(map(str, fields["link_devices"])),
            vids=tuple(vid for vid in map(int, fields["vids"]) if 1 <= vid <= LAST_VID),
            peers=tuple(Peer(IPv4Address(address), int(port)) for address, port in fields["peers"]),
        )
    except (KeyError, TypeError, ValueError):
        return own
