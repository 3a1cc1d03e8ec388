"""What the far ends over IPv6 must be, and which packets of IPv6 would be refused because a VID leads nowhere."""

from collections.abc import Iterator, Mapping
from typing import Any

from linkbalancer.config.findings import Finding
from linkbalancer.config.outline import Complaint, Outline, known
from linkbalancer.config.parts import Part
from linkbalancer.config.rulefile import RuleFile
from linkbalancer.config.rules import NOT_STEERED
from linkbalancer.links import GroupId, Vid


def check(outline: Outline) -> Iterator[Complaint]:
    """Yield everything that is wrong, or doubtful, between the keys."""
    yield from _unasked(outline)
    ends = [*_ends(outline.links, "peer6"), *_ends(outline.groups, "gateway6")]
    asked = outline.top["steer_ipv6"] if outline.top.knows("steer_ipv6") else None
    if asked is False:
        for part, key in ends:
            what = f"{key} says nothing where steer_ipv6 is false"
            yield Complaint((*part.path, key), what, "remove one of the two", at_key=True, warning=True)
        return
    yield from _alike(ends)
    yield from _virtual(outline, ends)
    if ends:
        yield from _without(outline)


def _ends(parts: Mapping[Any, Part], key: str) -> list[tuple[Part, str]]:
    """Return the ways that have a far end over IPv6, and the key that says so."""
    return [(part, key) for part in parts.values() if part.knows(key) and part[key] is not None]


def _alike(ends: list[tuple[Part, str]]) -> Iterator[Complaint]:
    """Refuse one global address at the far ends of two devices; a link-local one may be at each."""
    devices: dict[Any, str] = {}
    for part, key in ends:
        address = part[key]
        if address.is_link_local or not part.knows("device"):
            continue
        device = devices.setdefault(address, part["device"])
        if device != part["device"]:
            what = f"{address} is at the far end of {device} already"
            yield Complaint((*part.path, key), what, "give each way its own, or link-local addresses")


def _virtual(outline: Outline, ends: list[tuple[Part, str]]) -> Iterator[Complaint]:
    """Refuse a far end that is a virtual IP: it would be at two places at once."""
    owners: dict[Any, GroupId] = {}
    for group, one in outline.groups.items():
        for address in (*known(one, "virtual_ips"), *known(one, "excluded_ips")):
            owners.setdefault(address.ip, group)
    for part, key in ends:
        if part[key] in owners and not part[key].is_link_local:
            what = f"{part[key]} is a virtual IP of group {owners[part[key]]}"
            yield Complaint((*part.path, key), what, "name the far end's own address")


def _ways(outline: Outline) -> list[tuple[Part, str, str]]:
    """Return what may have a far end over IPv6: the part, what it is called, and the key that says it."""
    static = [one for one in outline.groups.values() if one.knows("mode") and one["mode"] == "static"]
    return [*((one, "link", "peer6") for one in outline.links.values()), *((one, "VID", "gateway6") for one in static)]


def _unasked(outline: Outline) -> Iterator[Complaint]:
    """Warn of a switch that switches nothing."""
    for part, _kind, key in _ways(outline):
        if "probe6" in part.given and part.knows(key) and part[key] is None:
            what = f"probe6 says nothing without {key}"
            yield Complaint((*part.path, "probe6"), what, f"remove it, or add {key}", at_key=True, warning=True)


def _without(outline: Outline) -> Iterator[Complaint]:
    """Warn of ways that lead nowhere over IPv6, beside others that do."""
    for part, kind, key in _ways(outline):
        if part.knows(key) and part[key] is None:
            what = f"IPv6 packets are refused where {kind} {part.path[-1]} would carry them: it has no {key}"
            remedy = f"add {key}, the far end's address, or leave its VIDs out of rules for IPv6"
            yield Complaint(part.path, what, remedy, at_key=True, warning=True)


def doubts(rules: RuleFile, configured: Mapping[str, Any]) -> Iterator[Finding]:
    """Warn of rules for IPv6 alone whose packets are not steered, or are refused at every VID of their list."""
    links, groups = _mappings(configured.get("links")), _mappings(configured.get("groups"))
    ends = [one for one in links.values() if one.get("peer6")] + [one for one in groups.values() if one.get("gateway6")]
    asked = configured.get("steer_ipv6")
    steered = bool(ends) if asked is None else asked is True
    nowhere = {vid for vid, one in groups.items() if _leads_nowhere(one, links)}
    for rule in rules.rules:
        if rule.selector.family != 6:
            continue
        vids: tuple[Vid, ...] = rules.applications[rule.application].vids
        if not steered:
            remedy = "give links their peer6 (docs/ipv6.md), or write IPv4 addresses"
            yield Finding(rules.file, rule.line, 1, NOT_STEERED, remedy)
        elif nowhere.issuperset(vids):
            what = f"IPv6 goes nowhere by VID {', '.join(map(str, vids))}"
            yield Finding(rules.file, rule.line, 1, what, "name a VID whose link has a peer6")


def _mappings(raw: object) -> dict[Any, Mapping[str, Any]]:
    found = raw.items() if isinstance(raw, Mapping) else ()
    return {key: one for key, one in found if isinstance(one, Mapping)}


def _leads_nowhere(group: Mapping[str, Any], links: Mapping[Any, Mapping[str, Any]]) -> bool:
    """Return whether a VID has a way of this gateway's own that has no far end over IPv6."""
    if group.get("mode") == "static":
        return not group.get("gateway6")
    link = links.get(group.get("link"))
    return link is not None and not link.get("peer6")
