"""The ways out of a gateway: links, and the plain gateways of static groups, with what becomes of what leaves there."""

from collections import Counter
from collections.abc import Iterator
from dataclasses import replace

from linkbalancer.config.model import Config
from linkbalancer.links import DeviceName, Family
from linkbalancer.routing.translation import Way
from linkbalancer.routing.twins import Twin


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


def twins(config: Config) -> tuple[Twin, ...] | None:
    """Return the far ends of the ways over IPv6; None where IPv6 is not steered."""
    links = [Twin(one.device, None, one.peer6) for one in config.links.values() if one.peer6 is not None]
    static = [Twin(one.device, one.gateway, one.gateway6) for one in config.groups.values() if one.gateway6 is not None]
    steered = bool(links or static) if config.steer_ipv6 is None else config.steer_ipv6
    return tuple(sorted(links) + sorted(static)) if steered else None


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
