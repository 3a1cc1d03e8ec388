"""What the keys of one group must be together, and what its gateway's role makes of it."""

from collections.abc import Iterator
from typing import Final

from linkbalancer.clock import MILLISECOND, SECOND, Duration
from linkbalancer.config.document import Path
from linkbalancer.config.findings import suggestion
from linkbalancer.config.outline import Complaint, Outline, known
from linkbalancer.config.parts import Part
from linkbalancer.config.quantities import write_duration
from linkbalancer.links import Address, Family, GroupId, Role
from linkbalancer.vrrp.group import OWNER_PRIORITY, Tolerance

QUICKEST_ADVERTS: Final[Duration] = 100 * MILLISECOND
"""Below this, an advertisement interval is allowed but warned of: a busy host may miss it."""

SLOWEST_ADVERTS: Final[Duration] = 40950 * MILLISECOND
"""What twelve bits of centiseconds can say (RFC 9568 5.2.7); version 2 counts seconds, up to 255."""

_NEEDLESS_TO_OBSERVE: Final = (
    "link",
    "priority",
    "preempt",
    "preempt_delay",
    "excluded_ips",
    "accept",
    "virtual_mac",
    "unicast",
    "checksum",
    "announce",
    "owner_yields",
    "track",
    "weight",
)
_NEEDLESS_TO_OWN: Final = {
    "preempt": (True, "an owner always takes over"),
    "preempt_delay": (0, "an owner is Master from its start"),
    "accept": (True, "an owner accepts packets to its own addresses"),
}


def check(group: GroupId, part: Part, outline: Outline) -> Iterator[Complaint]:
    """Yield everything that is wrong in a group."""
    yield from _family(group, part)
    yield from _version(group, part)
    yield from _tolerance(group, part)
    if part.knows("advert_interval") and part["advert_interval"] < QUICKEST_ADVERTS:
        what = f"adverts every {write_duration(part['advert_interval'])} ask much of a busy host"
        remedy = f"use {write_duration(QUICKEST_ADVERTS)} or more unless you have tried it"
        yield Complaint((*part.path, "advert_interval"), what, remedy, warning=True)
    if not part.knows("mode"):
        return
    if part["mode"] == "static":
        return  # config.upstreamchecks
    yield from _addresses(part)
    if part["mode"] == "observe":
        for key in _NEEDLESS_TO_OBSERVE:
            if key in part.given:
                what = f"{key} says nothing in a group that is only observed"
                yield Complaint((*part.path, key), what, "remove it, or the mode: observe", at_key=True)
        return
    yield from _preemption(part)
    yield from _unicast(group, part)
    role = outline.top["role"] if outline.top.knows("role") else None
    if part.knows("link"):
        yield from _link(part, outline, role)
    if role is not Role.STANDALONE:
        yield from _lvrrp(part, role)


def _addresses(part: Part) -> Iterator[Complaint]:
    """Check that there are virtual IPs, which a static group alone has none of."""
    if "virtual_ips" not in part.given:
        yield Complaint(part.path, "the key virtual_ips is missing", "add virtual_ips", at_key=True)
    elif part.knows("virtual_ips") and not part["virtual_ips"]:
        yield Complaint((*part.path, "virtual_ips"), "virtual_ips is empty", "give at least one")


def _family(group: GroupId, part: Part) -> Iterator[Complaint]:
    """Check that the advertised addresses are of the family that the group's key says."""
    addresses = known(part, "virtual_ips")
    path = (*part.path, "virtual_ips")
    for index, one in enumerate(addresses):
        if one.family is not group.family:
            other = GroupId(group.vid, one.family)
            what = f"the virtual IP {one.ip} is none of IPv{group.family.value}, and the group {group} is"
            yield Complaint((*path, index), what, f"put it into the group {other}, or into excluded_ips")
    if group.family is Family.IPV4 or not addresses or addresses[0].ip.is_link_local:
        return
    local = next((one for one in addresses if one.ip.is_link_local), None)
    what = "the first virtual IP is no link-local address, and strict routers drop such adverts (RFC 9568 5.2.9)"
    remedy = "begin with one, such as fe80::1/64" if local is None else f"write {local} first"
    yield Complaint((*path, 0), what, remedy, warning=True)


def _version(group: GroupId, part: Part) -> Iterator[Complaint]:
    if not part.knows("version"):
        return
    version, path = part["version"], part.path
    if version == 2 and group.family is Family.IPV6:
        yield Complaint((*path, "version"), "version 2 knows IPv4 alone", "remove it: IPv6 has version 3")
    if part.knows("advert_interval"):
        interval = part["advert_interval"]
        where = (*path, "advert_interval")
        if version == 2 and interval % SECOND:
            what = f"version 2 counts whole seconds, and this is {write_duration(interval)}"
            yield Complaint(where, what, "write 1s to 255s, as the other routers of the group have it")
        if version == 3 and interval > SLOWEST_ADVERTS:
            what = f"version 3 cannot say {write_duration(interval)}"
            yield Complaint(where, what, f"write {write_duration(SLOWEST_ADVERTS)} at most, or version: 2")
    if part.knows("password_file") and part["password_file"] is not None:
        where = (*path, "password_file")
        if version == 3:
            yield Complaint(where, "version 3 knows no password", "remove it (or write version: 2)", at_key=True)
        else:
            what = "a password of version 2 can be read by everybody on the LAN (RFC 3768 has none)"
            yield Complaint(where, what, "keep it only for old routers that ask for it", at_key=True, warning=True)


def _tolerance(group: GroupId, part: Part) -> Iterator[Complaint]:
    """Check that what is tolerated could be refused at all."""
    of = {Tolerance.ADDRESSES: "version 2", Tolerance.FIRST_ADDRESS: "IPv6"}
    version = part["version"] if part.knows("version") else None
    can_be = {Tolerance.ADDRESSES: version in {2, None}, Tolerance.FIRST_ADDRESS: group.family is Family.IPV6}
    for index, one in enumerate(known(part, "tolerate")):
        if not can_be[one]:
            what = f"tolerating {one} says nothing here: only {of[one]} refuses adverts for that"
            yield Complaint((*part.path, "tolerate", index), what, "remove it")


def _preemption(part: Part) -> Iterator[Complaint]:
    """Check what an owner has no use for, and what preempt: false makes meaningless (VRRP fact sheet 5.5)."""
    path = part.path
    if part.knows("priority") and part["priority"] == OWNER_PRIORITY:
        for key, (needed, why) in _NEEDLESS_TO_OWN.items():
            if part.knows(key) and part[key] != needed:
                yield Complaint((*path, key), f"{key} at priority 255: {why}", "remove it", at_key=True)
    elif part.knows("priority", "owner_yields") and not part["owner_yields"]:
        what = "owner_yields says nothing of a gateway that is not the addresses' owner"
        yield Complaint((*path, "owner_yields"), what, "remove it, or write priority: 255", at_key=True)
    if part.knows("preempt", "preempt_delay") and part["preempt_delay"] and not part["preempt"]:
        what = "preempt_delay puts off what preempt: false forbids"
        yield Complaint((*path, "preempt_delay"), what, "remove one of the two", at_key=True)


def _unicast(group: GroupId, part: Part) -> Iterator[Complaint]:
    if not part.knows("unicast") or part["unicast"] is None:
        return
    unicast, path = part["unicast"], (*part.path, "unicast")
    own = {one.ip for one in known(part, "virtual_ips")}
    places: list[tuple[Path, Address]] = [(("peers", index), one) for index, one in enumerate(unicast.peers)]
    if unicast.source is not None:
        places.insert(0, (("source",), unicast.source))
    seen = set()
    for place, address in places:
        where = (*path, *place)
        if address.version != group.family:
            what = f"{address} is none of IPv{group.family.value}, and the group {group} is"
            yield Complaint(where, what, "name the other routers by addresses of the group's family")
        elif address in seen:
            yield Complaint(where, f"{address} is there already", "name every router once, and its own source alone")
        elif address in own and not (part.knows("priority") and part["priority"] == OWNER_PRIORITY):
            what = f"{address} is a virtual IP, which any of the routers may have"
            yield Complaint(where, what, "name the routers by their own addresses")
        seen.add(address)


def _link(part: Part, outline: Outline, role: Role | None) -> Iterator[Complaint]:
    link = part["link"]
    if role is Role.STANDALONE:
        if link is not None:
            what = "link says nothing at a standalone gateway"
            yield Complaint((*part.path, "link"), what, "remove it, or write another role", at_key=True)
    elif link is None and role is not None:
        remedy = "name the link whose fate it shares, or write mode: observe"
        yield Complaint(part.path, "the group has no link", remedy, at_key=True)
    elif link is not None and link not in outline.links and role is not None:
        yield Complaint((*part.path, "link"), f"there is no link {link}", suggestion(link, outline.links))


def _lvrrp(part: Part, role: Role | None) -> Iterator[Complaint]:
    """Check what LVrrp asks of its groups (design 4.4: `check` refuses)."""
    path = part.path
    lowest = 2 if role is Role.CONTROLLED else 1
    if part.knows("priority") and not lowest <= part["priority"] <= 254:
        owner = part["priority"] == OWNER_PRIORITY
        why = "is the addresses' owner, who never gives way" if owner else "means a dead link"
        what = f"priority {part['priority']} {why}"
        yield Complaint((*path, "priority"), what, f"use {lowest} to 254 in a group that follows a link")
    if role is not Role.CONTROLLER:
        return
    if part.knows("preempt") and not part["preempt"]:
        what = "preempt: false at the controller, which must follow its links"
        yield Complaint((*path, "preempt"), what, "remove it; preempt: false belongs to the controlled end")
    if part.knows("preempt_delay") and part["preempt_delay"]:
        what = "preempt_delay at the controller, which must follow its links"
        yield Complaint((*path, "preempt_delay"), what, "remove it; a delay belongs to the controlled end")
