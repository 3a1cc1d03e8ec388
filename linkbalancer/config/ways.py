"""The ways out of a gateway: links, and the plain gateways of static groups, with what becomes of what leaves there."""

from collections import Counter
from collections.abc import Iterator, Mapping
from dataclasses import replace

from linkbalancer.config.model import Config, Group
from linkbalancer.links import DeviceName, Family, NextHop, ViaLink, ViaMain, Vid
from linkbalancer.routing.translation import Way
from linkbalancer.routing.twins import Twin, carries


def lan_devices(config: Config) -> frozenset[DeviceName]:
    """Return the devices that hosts are on."""
    return frozenset(config.lans) | {one.device for one in config.groups.values() if one.mode != "static"}


def ways(config: Config) -> tuple[Way, ...]:
    """Return them, the links first, each in the order of its VIDs."""
    found = tuple(_ways(config))
    lans, users = lan_devices(config), Counter(way.device for way in found)
    return tuple(
        replace(way, shared=way.device in lans or users[way.device] > 1, others=len(found) > 1) for way in found
    )


def translates(config: Config) -> bool:
    """Return whether what leaves by any way has its IPv4 source translated."""
    return any(way.translation.of_ipv4 for way in _ways(config))


def twins(config: Config) -> tuple[Twin, ...] | None:
    """Return the far ends of the ways over IPv6; None where IPv6 is not steered."""
    links = [Twin(one.device, None, one.peer6) for one in config.links.values() if one.peer6 is not None]
    static = [Twin(one.device, one.gateway, one.gateway6) for one in config.groups.values() if one.gateway6 is not None]
    steered = bool(links or static) if config.steer_ipv6 is None else config.steer_ipv6
    return tuple(sorted(links) + sorted(static)) if steered else None


def own_hop(config: Config, group: Group) -> NextHop:
    """Return where a VID leads from here while this gateway is its Master, or its plain gateway answers."""
    if group.mode == "static":
        assert group.gateway is not None, "a static group has one"
        return ViaLink(group.device, group.gateway)
    if group.link is None:
        return ViaMain()
    link = config.links[group.link]
    return ViaLink(link.device, link.via or link.peer)


def carries_ipv6(config: Config, group: Group) -> bool | None:
    """Return whether IPv6 packets of a VID get on by this gateway's own way: False is refused, None as main says."""
    return carries(own_hop(config, group), twins(config))


def vids_over_ipv6(config: Config) -> Mapping[Vid, bool | None] | None:
    """Return the same of every VID that this gateway may carry; None where IPv6 is not steered."""
    if twins(config) is None:
        return None
    carried = {
        id_.vid: one for id_, one in config.groups.items() if id_.family is Family.IPV4 and one.mode != "observe"
    }
    return {vid: carries_ipv6(config, one) for vid, one in carried.items()}


def _ways(config: Config) -> Iterator[Way]:
    for name, link in sorted(config.links.items()):
        vids = {id_.vid for id_, one in config.groups.items() if one.link == name and id_.family is Family.IPV4}
        nat = link.nat.translation
        yield Way(device=link.device, vids=tuple(sorted(vids)), translation=nat, clamp=link.mss_clamp, mtu=link.mtu)
    for id_, one in sorted(config.groups.items()):
        if one.mode == "static" and id_.family is Family.IPV4:
            yield Way(
                device=one.device,
                vids=(id_.vid,),
                gateway=one.gateway,
                translation=one.nat.translation,
                clamp=one.mss_clamp,
                mtu=one.mtu,
            )
