"""What several keys of a configuration must be together; a check looks past the parts that are wrong by themselves."""

from collections.abc import Iterator, Mapping
from dataclasses import dataclass, field
from typing import Any, Final

from linkbalancer.clock import MILLISECOND, Duration
from linkbalancer.config.document import Path
from linkbalancer.config.findings import suggestion
from linkbalancer.config.parts import Part
from linkbalancer.config.quantities import write_duration
from linkbalancer.links import GroupId, Role

QUICKEST_ADVERTS: Final[Duration] = 100 * MILLISECOND
"""Below this, an advertisement interval is allowed but warned of: a busy host may miss it."""

_NEEDLESS_TO_OBSERVE: Final = ("link", "priority", "preempt", "checksum", "announce", "track")


@dataclass(frozen=True, slots=True)
class Complaint:
    """Something wrong at a path of the document (at its key where `at_key`), or, with `warning`, only doubtful."""

    path: Path
    what: str
    remedy: str
    at_key: bool = False
    warning: bool = False


@dataclass(frozen=True, slots=True)
class Outline:
    """What is good in a configuration, however much else of it is wrong."""

    top: Part
    lans: Mapping[str, Part]
    links: Mapping[str, Part]
    groups: Mapping[GroupId, Part]
    trackers: Mapping[str, Part]
    marks: Part
    sync_groups: Mapping[str, Part] = field(default_factory=dict)


def check(outline: Outline) -> Iterator[Complaint]:
    """Yield everything that is wrong between the parts."""
    for link in outline.links.values():
        yield from _link(link)
    yield from _devices(outline)
    yield from _link_addresses(outline.links)
    for group in outline.groups.values():
        yield from _group(group, outline)
    yield from _virtual_ips(outline.groups)
    yield from _taken(outline)
    yield from _elsewhere(outline)
    yield from _uses(outline)
    yield from _marks(outline.marks)


def _link(link: Part) -> Iterator[Complaint]:
    path = link.path
    if link.knows("key_file", "insecure"):
        if not link["insecure"] and link["key_file"] is None:
            remedy = "give it a key_file (or insecure: true, where nobody else can reach the link)"
            yield Complaint(path, "the link has no key", remedy, at_key=True)
        if link["insecure"] and link["key_file"] is not None:
            yield Complaint((*path, "insecure"), "insecure: true, and a key_file too", "remove one of the two")
    if link.knows("local", "peer") and link["local"] == link["peer"]:
        yield Complaint((*path, "peer"), "both ends have one address", "give the address of the far end")
    probe = link.inner("probe")
    if probe.knows("interval", "detect") and probe["detect"] is not None and probe["detect"] < probe["interval"][1]:
        longest = write_duration(probe["interval"][1])
        remedy = f"make it {longest} or more"
        yield Complaint((*probe.path, "detect"), f"detect is shorter than the probe interval ({longest})", remedy)


def _devices(outline: Outline) -> Iterator[Complaint]:
    owners: dict[str, str] = {}
    for name, link in outline.links.items():
        if not link.knows("device"):
            continue
        device = link["device"]
        if device in owners:
            what = f"the device {device} belongs to link {owners[device]} already"
            yield Complaint((*link.path, "device"), what, "give each link a device of its own")
        owners.setdefault(device, name)
    for group in outline.groups.values():
        if group.knows("device") and group["device"] in owners:
            what = f"the device {group['device']} belongs to link {owners[group['device']]}, it is no LAN's"
            yield Complaint((*group.path, "device"), what, "name the LAN device that the hosts are on")
    for device, lan in outline.lans.items():
        if device in owners:
            what = f"the device {device} belongs to link {owners[device]}, it is no LAN's"
            yield Complaint(lan.path, what, "name the LAN device that the hosts are on", at_key=True)


def _link_addresses(links: Mapping[str, Part]) -> Iterator[Complaint]:
    owners: dict[tuple[Any, Any], str] = {}
    for name, link in links.items():
        if link.knows("local", "peer"):
            owner = owners.setdefault((link["local"], link["peer"]), name)
            if owner != name:
                what = f"the link {name} has the addresses of link {owner}"
                yield Complaint((*link.path, "local"), what, "give each link addresses of its own")


def _group(group: Part, outline: Outline) -> Iterator[Complaint]:
    path = group.path
    if group.knows("advert_interval") and group["advert_interval"] < QUICKEST_ADVERTS:
        what = f"adverts every {write_duration(group['advert_interval'])} ask much of a busy host"
        remedy = f"use {write_duration(QUICKEST_ADVERTS)} or more unless you have tried it"
        yield Complaint((*path, "advert_interval"), what, remedy, warning=True)
    if not group.knows("mode"):
        return
    if group["mode"] != "static" and "virtual_ips" not in group.given:
        yield Complaint(path, "the key virtual_ips is missing", "add virtual_ips", at_key=True)
    elif group["mode"] != "static" and group.knows("virtual_ips") and not group["virtual_ips"]:
        yield Complaint((*path, "virtual_ips"), "virtual_ips is empty", "give at least one")
    if group["mode"] == "static":
        return  # config.upstreamchecks
    if group["mode"] == "observe":
        for key in _NEEDLESS_TO_OBSERVE:
            if key in group.given:
                what = f"{key} says nothing in a group that is only observed"
                yield Complaint((*path, key), what, "remove it, or the mode: observe", at_key=True)
        return
    if group.knows("link"):
        yield from _group_link(group, outline)
    yield from _lvrrp(group, outline.top["role"] if outline.top.knows("role") else None)


def _group_link(group: Part, outline: Outline) -> Iterator[Complaint]:
    link = group["link"]
    if link is None:
        remedy = "name the link whose fate it shares, or write mode: observe"
        yield Complaint(group.path, "the group has no link", remedy, at_key=True)
    elif link not in outline.links:
        yield Complaint((*group.path, "link"), f"there is no link {link}", suggestion(link, outline.links))


def _lvrrp(group: Part, role: Role | None) -> Iterator[Complaint]:
    """Check what LVrrp asks of its groups (design 4.4: `check` refuses)."""
    path = group.path
    lowest = 2 if role is Role.CONTROLLED else 1
    if group.knows("priority") and not lowest <= group["priority"] <= 254:
        why = "is the addresses' owner, who never gives way" if group["priority"] == 255 else "means a dead link"
        what = f"priority {group['priority']} {why}"
        yield Complaint((*path, "priority"), what, f"use {lowest} to 254 in a group that follows a link")
    if role is Role.CONTROLLER and group.knows("preempt") and not group["preempt"]:
        what = "preempt: false at the controller, which must follow its links"
        yield Complaint((*path, "preempt"), what, "remove it; preempt: false belongs to the controlled end")


def _virtual_ips(groups: Mapping[GroupId, Part]) -> Iterator[Complaint]:
    owners: dict[Any, GroupId] = {}
    for vid, group in groups.items():
        for index, interface in enumerate(_known(group, "virtual_ips")):
            if interface.ip in owners:
                whose = "this group" if owners[interface.ip] == vid else f"group {owners[interface.ip]}"
                what = f"the virtual IP {interface.ip} belongs to {whose} already"
                yield Complaint((*group.path, "virtual_ips", index), what, "give each group virtual IPs of its own")
            owners.setdefault(interface.ip, vid)


def _taken(outline: Outline) -> Iterator[Complaint]:
    """Refuse a virtual IP that is some host's own address: it would be at two places at once."""
    takers = {link[end]: f"an end of the link {name}" for name, link in outline.links.items() for end in _ends(link)}
    for device, lan in outline.lans.items():
        for key, kind in (("targets", "target"), ("members", "member")):
            takers.update((address, f"a {kind} of the LAN {device}") for address in _known(lan, key))
    for group in outline.groups.values():
        for index, interface in enumerate(_known(group, "virtual_ips")):
            if interface.ip in takers:
                what = f"the virtual IP {interface.ip} is {takers[interface.ip]} already"
                yield Complaint((*group.path, "virtual_ips", index), what, "give the group an address of its own")


def _elsewhere(outline: Outline) -> Iterator[Complaint]:
    """Warn of a virtual IP whose network holds no other gateway of its LAN."""
    for group in outline.groups.values():
        lan = outline.lans.get(group["device"]) if group.knows("device") else None
        members = () if lan is None else _known(lan, "members")
        for index, interface in enumerate(_known(group, "virtual_ips")):
            if members and not any(member in interface.network for member in members):
                what = f"no member of the LAN {group['device']} is within {interface.network}"
                remedy = "look at the address and its prefix length"
                yield Complaint((*group.path, "virtual_ips", index), what, remedy, warning=True)


def _ends(link: Part) -> Iterator[str]:
    return (end for end in ("local", "peer") if link.knows(end))


def _known(part: Part, key: str) -> tuple[Any, ...]:
    """Return the entries of a list, none where it is not right."""
    return tuple(part[key]) if part.knows(key) else ()


def _uses(outline: Outline) -> Iterator[Complaint]:
    """Warn of what nothing uses: probably a misspelt name."""
    groups = outline.groups.values()
    if all(group.knows("link") for group in groups):
        used = {group["link"] for group in groups}
        for name, link in outline.links.items():
            if name not in used:
                remedy = "give a group this link, or remove it"
                yield Complaint(link.path, f"no group uses the link {name}", remedy, at_key=True, warning=True)
    if all(group.knows("device") for group in groups):
        devices = {group["device"] for group in groups if group.knows("mode") and group["mode"] != "static"}
        for device, lan in outline.lans.items():
            if devices and device not in devices:
                remedy = suggestion(device, sorted(devices))
                yield Complaint(lan.path, f"no group is on the device {device}", remedy, at_key=True, warning=True)


def _marks(marks: Part) -> Iterator[Complaint]:
    needed = {"connection": (8, 32), "packet": (8, 32), "guard": (1, 1)}
    for key, (least, most) in needed.items():
        if marks.knows(key):
            mask = marks[key]
            run = mask // (mask & -mask)
            if run & (run + 1) or not least <= mask.bit_count() <= most:
                width = "one bit" if most == 1 else f"one run of at least {least} bits"
                what = f"the {key} mask {mask:#010x} is not {width}"
                yield Complaint(
                    (*marks.path, key), what, "write such as 0x01000000" if most == 1 else "write such as 0x00ff0000"
                )
    for first, second in (("connection", "packet"), ("connection", "guard"), ("packet", "guard")):
        if marks.knows(first, second) and marks[first] & marks[second]:
            what = f"the masks {first} and {second} overlap ({marks[first] & marks[second]:#010x})"
            key = second if second in marks.given else first
            yield Complaint((*marks.path, key), what, "give each bits of its own")
