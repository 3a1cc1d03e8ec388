"""What the kernel's table is made for, from the configuration, and in words for a successor."""

import hashlib
from collections.abc import Iterator, Mapping
from dataclasses import replace
from ipaddress import IPv4Address, ip_address
from typing import Any

from linkbalancer.config.load import Loaded
from linkbalancer.config.ways import lan_devices, twins, ways
from linkbalancer.drivers.macvlan import Macvlan
from linkbalancer.drivers.nftables.layout import Layout, Peer, PeerRoute
from linkbalancer.drivers.nftables.pools import pool_chain, pool_of
from linkbalancer.drivers.nftables.refusal import Refused
from linkbalancer.links import Address
from linkbalancer.routing.balance import pools
from linkbalancer.routing.marks import LAST_VID
from linkbalancer.vrrp.group import OWNER_PRIORITY, Group


def layout_of(loaded: Loaded) -> Layout:
    """Return what the kernel's table is made for."""
    config = loaded.config
    members = [group.vrrp(id_) for id_, group in config.groups.items() if group.mode == "member"]
    lans = lan_devices(config)
    links = {link.device for link in config.links.values()}
    links |= {group.device for group in config.groups.values() if group.mode == "static"} - lans
    ends = twins(config)
    return Layout(
        marks=config.marks,
        role=config.role,
        lan_devices=tuple(sorted(lans)),
        link_devices=tuple(sorted(links)),
        vids=config.vids,
        peers=tuple(sorted({Peer(link.peer, link.port) for link in config.links.values()})),
        peer_routes=tuple(
            sorted(PeerRoute(one.peer, one.via, one.device) for one in config.links.values() if one.via is not None)
        ),
        macvlans=tuple(
            sorted(_macvlan(group, steers_ipv6=ends is not None) for group in members if group.mac is not None)
        ),
        refused=tuple(sorted({one for group in members for one in _refused(group)}, key=str)),
        pools=pools(loaded.rules.applications.values()),
        ways=ways(config),
        twins=ends,
        firewall=config.firewall,
    )


def reserved(loaded: Loaded) -> set[Address]:
    """Return the virtual IPs that are no device's own addresses, wherever they stand: all but those of owners."""
    groups = (group.vrrp(id_) for id_, group in loaded.config.groups.items() if group.priority != OWNER_PRIORITY)
    return {one.ip for group in groups for one in (*group.virtual_ips, *group.excluded_ips)}


def _macvlan(group: Group, *, steers_ipv6: bool) -> Macvlan:
    """Return the device of a group's virtual MAC; by it comes, where that is steered, what IPv6 others send there."""
    device, mac = group.address_device, group.mac or b""
    ipv6 = steers_ipv6 or any(one.version == 6 for one in group.places().get(device, ()))
    return Macvlan(device, group.device, mac, ipv6)


def _refused(group: Group) -> Iterator[Refused]:
    """Yield the addresses of a group at which nothing is accepted: their owner accepts (RFC 9568 6.1)."""
    if not group.accept and group.priority != OWNER_PRIORITY:
        for device, interfaces in group.places().items():
            yield from (Refused(device, interface.ip) for interface in interfaces)


def layout_in_words(layout: Layout) -> dict[str, Any]:
    """Return what a successor must know of the table that this agent works with, JSON-able."""
    return {
        "lan_devices": layout.lan_devices,
        "link_devices": layout.link_devices,
        "vids": layout.vids,
        "peers": [[str(peer.address), peer.port] for peer in layout.peers],
        "macvlans": [[one.device, one.parent, one.mac.hex(), one.ipv6] for one in layout.macvlans],
        "refused": [[one.device, str(one.address)] for one in layout.refused],
        "pools": [pool_chain(one) for one in layout.pools],
    }


def layout_from_words(words: object, own: Layout) -> Layout:
    """Return a predecessor's layout, with the marks and ways of `own`; `own` where the words make no sense."""
    try:
        fields = dict(words)  # type: ignore[call-overload]
        return replace(
            own,
            lan_devices=tuple(map(str, fields["lan_devices"])),
            link_devices=tuple(map(str, fields["link_devices"])),
            vids=tuple(vid for vid in map(int, fields["vids"]) if 1 <= vid <= LAST_VID),
            peers=tuple(Peer(IPv4Address(address), int(port)) for address, port in fields["peers"]),
            macvlans=tuple(
                Macvlan(str(device), str(parent), bytes.fromhex(mac), bool(ipv6))
                for device, parent, mac, ipv6 in fields.get("macvlans", ())
            ),
            refused=tuple(Refused(str(device), ip_address(one)) for device, one in fields.get("refused", ())),
            pools=tuple(pool for pool in map(pool_of, map(str, fields.get("pools", ()))) if pool is not None),
        )
    except (KeyError, TypeError, ValueError):
        return own


def all_but_rules(layout: Layout, app_ids: Mapping[str, int]) -> str:
    """Return a digest (SHA-256, hex) of all that decides what is loaded, but the rules.

    Where it is the same at two agents of one program, each may put its classifier in the place of the other's.
    """
    return hashlib.sha256(repr((layout, sorted(app_ids.items()))).encode()).hexdigest()
