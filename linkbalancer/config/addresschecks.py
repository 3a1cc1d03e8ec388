"""What the addresses of all groups must be together: each at one place, and none of them somebody else's."""

from collections.abc import Iterator
from typing import Any

from linkbalancer.config.document import Path
from linkbalancer.config.groupfields import VirtualIp
from linkbalancer.config.outline import Complaint, Outline, known
from linkbalancer.config.parts import Part
from linkbalancer.links import DeviceName, GroupId


def check(outline: Outline) -> Iterator[Complaint]:
    """Yield everything that is wrong with addresses."""
    yield from _twice(outline)
    yield from _taken(outline)
    yield from _devices(outline)
    yield from _elsewhere(outline)


def _places(part: Part) -> Iterator[tuple[Path, VirtualIp, DeviceName | None]]:
    """Yield every address of a group, advertised or not: where it is written, and the device that it stands on."""
    device = part["device"] if part.knows("device") else None
    for key in ("virtual_ips", "excluded_ips"):
        for index, one in enumerate(known(part, key)):
            yield (*part.path, key, index), one, one.device or device


def _twice(outline: Outline) -> Iterator[Complaint]:
    """Refuse an address that two groups have; a link-local one may be on several devices (VRRP fact sheet 9.3)."""
    owners: dict[Any, GroupId] = {}
    for group, part in outline.groups.items():
        for path, one, device in _places(part):
            place = (one.ip, device if one.ip.is_link_local and one.ip.version == 6 else None)
            if place in owners:
                whose = "this group" if owners[place] == group else f"group {owners[place]}"
                what = f"the virtual IP {one.ip} belongs to {whose} already"
                yield Complaint(path, what, "give each group virtual IPs of its own")
            owners.setdefault(place, group)


def _taken(outline: Outline) -> Iterator[Complaint]:
    """Refuse a virtual IP that is some host's own address: it would be at two places at once."""
    takers = {
        link[key]: f"{whose} of the link {name}"
        for name, link in outline.links.items()
        for key, whose in (("local", "an end"), ("peer", "an end"), ("via", "the first router"))
        if link.knows(key)
    }
    for device, lan in outline.lans.items():
        for key, kind in (("targets", "target"), ("members", "member")):
            takers.update((address, f"a {kind} of the LAN {device}") for address in known(lan, key))
    for part in outline.groups.values():
        for path, one, _device in _places(part):
            if one.ip in takers:
                what = f"the virtual IP {one.ip} is {takers[one.ip]} already"
                yield Complaint(path, what, "give the group an address of its own")


def _devices(outline: Outline) -> Iterator[Complaint]:
    """Refuse a virtual IP on a link's device: what is there is between the two ends alone."""
    owners = {link["device"]: name for name, link in outline.links.items() if link.knows("device")}
    for part in outline.groups.values():
        for path, one, _device in _places(part):
            if one.device in owners:
                what = f"the device {one.device} belongs to link {owners[one.device]}, it is no LAN's"
                yield Complaint(path, what, "name a device that hosts are on")


def _elsewhere(outline: Outline) -> Iterator[Complaint]:
    """Warn of a virtual IP whose network holds no other gateway of its LAN."""
    for part in outline.groups.values():
        lan = outline.lans.get(part["device"]) if part.knows("device") else None
        members = () if lan is None else known(lan, "members")
        for index, one in enumerate(known(part, "virtual_ips")):
            if one.device is not None or one.ip.version != 4 or not members:
                continue
            if not any(member in one.network for member in members):
                what = f"no member of the LAN {part['device']} is within {one.network}"
                remedy = "look at the address and its prefix length"
                yield Complaint((*part.path, "virtual_ips", index), what, remedy, warning=True)
