"""What `nat`, `mss_clamp` and `mtu` must be together, and where they contradict the rest of a configuration."""

from collections.abc import Iterator
from typing import Any

from linkbalancer.config.outline import Complaint, Outline, known
from linkbalancer.config.parts import Part
from linkbalancer.config.translating import KEYS, Nat, PrefixPair
from linkbalancer.routing.translation import HEADERS, Clamp


def check(outline: Outline) -> Iterator[Complaint]:
    """Yield everything that is wrong, or doubtful."""
    links = tuple(outline.links.values())
    static = [one for one in outline.groups.values() if one.knows("mode") and one["mode"] == "static"]
    for way in (*links, *static):
        yield from _alone(way)
        yield from _address(way, outline)
    for link in links:
        yield from _far_end(link)
    for group in outline.groups.values():
        if group.knows("mode") and group["mode"] != "static":
            yield from _elsewhere(group)
    off = outline.top.knows("steer_ipv6") and outline.top["steer_ipv6"] is False
    yield from _prefixes((*links, *static), steered=not off)
    yield from _shared(static, outline)


def _alone(way: Part) -> Iterator[Complaint]:
    """Check what the keys of one way are together."""
    if way.knows("nat"):
        nat: Nat = way["nat"]
        path = (*way.path, "nat")
        if nat.masquerade and nat.snat is not None:
            what = f"masquerade, and SNAT to {nat.snat} too"
            yield Complaint((*path, "snat"), what, "keep one: masquerade takes the device's own address")
        if nat.nptv6 is not None:
            yield from _pair((*path, "nptv6"), nat.nptv6)
    if way.knows("mss_clamp", "mtu") and way["mtu"] is not None:
        clamp: Clamp = way["mss_clamp"]
        fits = way["mtu"] - HEADERS[4]
        if isinstance(clamp, int) and clamp > fits:
            what = f"segments of {clamp} bytes do not fit into an MTU of {way['mtu']}: {fits} will be told"
            yield Complaint((*way.path, "mss_clamp"), what, "write auto, or a smaller number", warning=True)


def _pair(path: tuple[str | int, ...], pair: PrefixPair) -> Iterator[Complaint]:
    """Check that two prefixes can stand for each other."""
    inside, outside = pair.inside, pair.outside
    if inside.prefixlen != outside.prefixlen:
        what = f"{inside} has not as many addresses as {outside}"
        longer = max(inside.prefixlen, outside.prefixlen)
        remedy = f"write both as prefixes of one length, such as /{longer}: each host has one address outside"
        yield Complaint((*path, "outside"), what, remedy)
    elif inside == outside:
        yield Complaint((*path, "outside"), "inside and outside are one prefix", "remove nptv6: nothing is translated")


def _address(way: Part, outline: Outline) -> Iterator[Complaint]:
    """Check the address of SNAT against those that are somebody's already."""
    if not way.knows("nat") or way["nat"].snat is None:
        return
    snat, path = way["nat"].snat, (*way.path, "nat", "snat")
    for key, whose in (("peer", "the far end's"), ("gateway", "the provider's router's"), ("via", "the next router's")):
        if way.knows(key) and way[key] == snat:
            what = f"{snat} is {whose} own address"
            yield Complaint(path, what, "name an address of this gateway, or one that is routed to it")
    for group, part in outline.groups.items():
        for virtual_ip in known(part, "virtual_ips"):
            if virtual_ip.ip == snat:
                what = f"{snat} is a virtual IP of VID {group}: while another gateway is its Master, answers go there"
                yield Complaint(path, what, "name an address that this gateway always has", warning=True)


def _far_end(link: Part) -> Iterator[Complaint]:
    """Warn of translation where the far end knows this side's hosts by their own addresses, and steers by them."""
    if not link.knows("nat"):
        return
    translation = link["nat"].translation
    if translation.of_ipv4:
        what = (
            f"the far end sees what crosses this link come from this gateway ({translation.of_ipv4}): its rules by"
            " source mean none of it, its hosts reach nobody here, and a connection that changes its link breaks"
        )
        remedy = "leave nat out: both ends of a link route each other's LAN (docs/nat.md has what remains)"
        yield Complaint((*link.path, "nat"), what, remedy, warning=True)


def _elsewhere(group: Part) -> Iterator[Complaint]:
    for key in KEYS:
        if key in group.given:
            remedy = "write it at its link, where its packets leave"
            if group["mode"] == "observe" or not (group.knows("link") and group["link"]):
                remedy = "remove it: what leaves by a plain VRRP gateway's LAN is translated by nobody"
            yield Complaint((*group.path, key), f"{key} says nothing in a VRRP group", remedy, at_key=True)


def _prefixes(ways: tuple[Part, ...], *, steered: bool) -> Iterator[Complaint]:
    """Check that no two ways claim one prefix outside, and that those behind one device can be told apart.

    Where IPv6 is `steered`, two gateways of which each has an address over IPv6 are: by the VID's mark.
    """
    seen: list[tuple[Any, PrefixPair, bool]] = []
    for way in ways:
        if not way.knows("nat", "device") or way["nat"].nptv6 is None:
            continue
        pair: PrefixPair = way["nat"].nptv6
        path = (*way.path, "nat", "nptv6")
        apart = steered and way.knows("gateway6") and way["gateway6"] is not None
        for device, other, told_apart in seen:
            if device == way["device"] and pair != other and not (apart and told_apart):
                what = f"the device {device} translates {other.inside} as {other.outside} already"
                remedy = "give a device one nptv6, or each gateway there its gateway6: then the VIDs tell them apart"
                yield Complaint(path, what, remedy)
            elif (device != way["device"] or pair != other) and pair.outside.overlaps(other.outside):
                what = f"{pair.outside} is outside of {device} already"
                remedy = "write the prefix that this provider gave you: answers come back by the one who routes it"
                yield Complaint((*path, "outside"), what, remedy)
        seen.append((way["device"], pair, apart))


def _shared(static: list[Part], outline: Outline) -> Iterator[Complaint]:
    """Check gateways behind one device: what enters by it has no VID, so that sizes are the device's."""
    first: dict[str, Part] = {}
    for way in static:
        if not way.knows("device", "mss_clamp", "mtu", "nat"):
            continue
        device = way["device"]
        other = first.setdefault(device, way)
        for key in ("mss_clamp", "mtu"):
            if way[key] != other[key]:
                what = f"the {key} of {device} is said otherwise by VID {other.path[-1]}"
                yield Complaint((*way.path, key), what, "write the smaller one at both", at_key=key in way.given)
        lan = device in outline.lans or any(
            one.knows("device", "mode") and one["mode"] != "static" and one["device"] == device
            for one in outline.groups.values()
        )
        if lan and way["nat"].nptv6 is not None:
            what = f"{device} is a LAN of this gateway: prefixes are translated where a device leads outside alone"
            yield Complaint((*way.path, "nat", "nptv6"), what, "put the provider's router on a device of its own")
