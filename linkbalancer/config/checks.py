"""What several keys of a configuration must be together; a check looks past the parts that are wrong by themselves."""

from collections.abc import Iterator, Mapping
from typing import Any, Final

from linkbalancer.clock import SECOND
from linkbalancer.config import addresschecks, groupchecks
from linkbalancer.config.findings import suggestion
from linkbalancer.config.outline import Complaint, Outline
from linkbalancer.config.parts import Part
from linkbalancer.config.quantities import write_duration
from linkbalancer.links import Role
from linkbalancer.lvrrp.settings import ProbeFunction

__all__ = ["Complaint", "Outline", "check"]

CEILING_MAX: Final = 60 * SECOND
"""How far an adaptive probe interval may grow; the detect time grows to more than twice as much."""


_APART: Final = (
    ("connection", "flow"),
    ("connection", "generation"),
    ("connection", "inbound"),
    ("flow", "generation"),
    ("flow", "inbound"),
    ("generation", "inbound"),
    ("connection", "packet"),
    ("connection", "guard"),
    ("packet", "guard"),
)
"""Masks that may have no bit in common: those of one mark, and the connection mask beside the packet's."""


def check(outline: Outline) -> Iterator[Complaint]:
    """Yield everything that is wrong between the parts."""
    for link in outline.links.values():
        yield from _link(link)
    yield from _devices(outline)
    yield from _link_addresses(outline.links)
    yield from _role(outline)
    for group, part in outline.groups.items():
        yield from groupchecks.check(group, part, outline)
    yield from addresschecks.check(outline)
    yield from _uses(outline)
    yield from _marks(outline.marks)


def _role(outline: Outline) -> Iterator[Complaint]:
    """Check what a role needs, and what it has no use for."""
    top = outline.top
    standalone = top.knows("role") and top["role"] is Role.STANDALONE
    if top.knows("applications") and top["applications"] is None and not standalone:
        yield Complaint((), "the key applications is missing", "add applications", at_key=True)
    for link in outline.links.values() if standalone else ():
        yield Complaint(link.path, "a standalone gateway has no links", "remove it, or write another role", at_key=True)


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
    yield from _via(link)
    probe = link.inner("probe")
    if probe.knows("interval", "detect") and probe["detect"] is not None and probe["detect"] < probe["interval"][1]:
        longest = write_duration(probe["interval"][1])
        remedy = f"make it {longest} or more"
        yield Complaint((*probe.path, "detect"), f"detect is shorter than the probe interval ({longest})", remedy)
    if probe.knows("interval", "function", "ceiling"):
        yield from _pace(probe)


def _pace(probe: Part) -> Iterator[Complaint]:
    """Check that the function of the probe interval suits the interval, and the ceiling both."""
    (shortest, longest), function, ceiling = probe["interval"], probe["function"], probe["ceiling"]
    if function is ProbeFunction.FIXED and shortest != longest:
        remedy = f"write one, such as {write_duration(longest)}, or function: random"
        yield Complaint((*probe.path, "function"), "a fixed probe interval is one duration, not a range", remedy)
    if function is ProbeFunction.RANDOM and shortest == longest:
        remedy = (
            f"write a range, such as [{write_duration(longest)}, {write_duration(2 * longest)}], or function: fixed"
        )
        yield Complaint((*probe.path, "function"), "there is nothing to draw: the interval is one duration", remedy)
    if ceiling is not None and function is not ProbeFunction.ADAPTIVE:
        remedy = "remove it, or write function: adaptive"
        yield Complaint((*probe.path, "ceiling"), "only an adaptive probe interval grows to a ceiling", remedy)
    elif ceiling is not None and not longest <= ceiling <= CEILING_MAX:
        what = f"the ceiling is {'below the longest interval' if ceiling < longest else 'too long'}"
        remedy = f"write {write_duration(longest)} to {write_duration(CEILING_MAX)}"
        yield Complaint((*probe.path, "ceiling"), what, remedy)


def _via(link: Part) -> Iterator[Complaint]:
    """Check the next hop of a link that crosses other routers."""
    if not link.knows("via") or link["via"] is None:
        return
    path = (*link.path, "via")
    if link.knows("peer") and link["via"] == link["peer"]:
        what = f"the link's next hop {link['via']} is its far end"
        yield Complaint(path, what, "remove via: it is for a link that crosses other routers, and names the first")
    if link.knows("local") and link["via"] == link["local"]:
        what = f"the link's next hop {link['via']} is this end"
        yield Complaint(path, what, "name the first router on the way to the far end")


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
    needed = {"connection": (8, 32), "flow": (8, 32), "generation": (2, 32), "inbound": (1, 1)}
    needed |= {"packet": (8, 32), "guard": (1, 1)}
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
    for first, second in _APART:
        if marks.knows(first, second) and marks[first] & marks[second]:
            what = f"the masks {first} and {second} overlap ({marks[first] & marks[second]:#010x})"
            key = second if second in marks.given else first
            yield Complaint((*marks.path, key), what, "give each bits of its own")
