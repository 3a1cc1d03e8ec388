"""From the table to the wire: next hop, neighbour, device, the addresses that it takes, and the way back."""

import errno
from collections.abc import Iterator, Mapping
from typing import Any

from linkbalancer.engine.crosscheck import neighbour, source, table
from linkbalancer.engine.crosscheck.expected import Expected, vid
from linkbalancer.engine.crosscheck.filtered import SOURCE_REFUSED, refused_source
from linkbalancer.engine.crosscheck.iprule import OURS, table_name
from linkbalancer.engine.crosscheck.line import Line, Result, differs, note, same
from linkbalancer.engine.crosscheck.observed import Answer, Entrance, Flow, Seen
from linkbalancer.links import Address, DeviceName, GroupId, Vid


def judge(expected: Expected, flow: Flow, seen: Seen, *, blamed: bool) -> Iterator[Line]:
    """Yield the lines, in the order in which one rests on the other.

    `blamed`: it is known already why the packet has no VID's mark, or should have another one.
    """
    number = vid(expected, seen, flow) if expected.steers(flow) else None
    for line in _addresses(expected, seen, number):
        blamed |= line.result is Result.DIFFERS
        yield line
    line = table.judge(expected, flow, seen, number, blamed=blamed)
    yield line
    if not seen.answer.error:
        group = expected.group(number)
        hop = (
            expected.hop(number, flow) if line.result is Result.SAME else None
        )  # another table has next hops of its own
        yield _next_hop(seen.answer, hop, group)
        yield from neighbour.judge(seen, hop)
        yield from _carrier(seen)
        yield from source.judge(expected, flow, seen, number)
    yield from _reply(flow, seen)


def _next_hop(answer: Answer, hop: Mapping[str, Any] | None, group: Mapping[str, Any]) -> Line:
    """Compare the next hop with what the daemon has chosen."""
    since = group.get("since_ms")
    if hop is None:
        return note("next hop", answer.way)
    if hop["kind"] == "main":
        return note("next hop", answer.way, "the Master here is a router without a link: as the main table says")
    if hop["kind"] == "unreachable":
        why = "The daemon has taken the VID's way away, and the kernel still has one."
        remedy = f"ip route show table {table_name(answer.table)}"
        return differs("next hop", "unreachable", answer.way, why, remedy, since_ms=since)
    wanted = f"{hop['gateway']} over {hop['device']}"
    if answer.way == wanted:
        return same("next hop", wanted, answer.way, str(group.get("why") or ""), since)
    whose = "" if answer.protocol == OURS else f", which is not ours (protocol {answer.protocol})"
    why = f"Table {table_name(answer.table)} has a route to {answer.prefix} that leads elsewhere{whose}."
    remedy = f"ip route del {answer.prefix} table {table_name(answer.table)}"
    return differs("next hop", wanted, answer.way, why, remedy, since_ms=since)


def _carrier(seen: Seen) -> Iterator[Line]:
    """Tell whether the device that it leaves by can send."""
    for device, carrier in seen.carriers.items():
        if carrier:
            yield same("device", f"{device} up")
        else:
            why = "What is sent there is lost: the device is down, or its cable is out."
            yield differs("device", f"{device} up", "no carrier", why, f"ip link show dev {device}")


def _addresses(expected: Expected, seen: Seen, number: Vid | None) -> Iterator[Line]:
    """Compare the addresses that the way needs: the link's own, and the virtual IPs of a Master."""
    wanted = _wanted(expected, seen, number)
    missing = [one for one in wanted if one not in seen.addresses]
    words = ", ".join(f"{address} on {device}" for device, address in wanted)
    if missing:
        gone = ", ".join(f"{address} on {device}" for device, address in missing)
        why = "Without its own address a link carries nothing; without the virtual IP no host finds this Master."
        look = [f"ip address show dev {device}" for device in dict.fromkeys(device for device, _ in missing)]
        yield differs("addresses", words, f"gone: {gone}", why, *look, "linkbalancer history")
    elif wanted:
        yield same("addresses", words, f"{words}, there")


def _wanted(expected: Expected, seen: Seen, number: Vid | None) -> list[tuple[DeviceName, Address]]:
    """Return the devices' addresses that must be there: of the link by name, for its route may be gone with it."""
    settings = None if number is None else expected.config.groups.get(GroupId(number))
    own = None if settings is None or not seen.answer.error else settings.link
    wanted: list[tuple[DeviceName, Address]] = [
        (link.device, link.local)
        for name, link in expected.config.links.items()
        if link.device == seen.answer.device or name == own
    ]
    if settings is not None and expected.group(number).get("master") == "self":
        places = settings.vrrp(GroupId(number or 0)).places().items()
        wanted += [(device, one.ip) for device, some in places for one in some]
    return wanted


def _reply(flow: Flow, seen: Seen) -> Iterator[Line]:
    """Tell whether what comes back by the link that the flow leaves by is let in, and finds its way."""
    if seen.reply is None:
        return
    device, answer = str(seen.answer.device), seen.reply
    wanted = "for this gateway" if flow.entrance is Entrance.SELF else f"to {flow.device}"
    if answer.error:
        said = f"dropped: {errno.errorcode.get(answer.error, answer.error)}"
        if answer.error in SOURCE_REFUSED:
            explained = refused_source(flow.packet.mirrored(), device, seen)
            yield differs("reply", wanted, f"{said}, its source", *explained)
        else:
            why = f"What comes back by {device} finds no way to {flow.packet.source}."
            remedy = f"ip route get {flow.packet.source} from {flow.packet.destination} iif {device}"
            yield differs("reply", wanted, said, why, remedy)
        return
    found = "for this gateway" if answer.kind == "local" else f"to {answer.device}"
    if found == wanted:
        yield same("reply", wanted, f"let in by {device}, goes on {found}")
    else:
        why = f"What comes back by {device} goes on by table {table_name(answer.table)} ({answer.prefix})."
        yield differs("reply", wanted, found, why, f"ip route show table {table_name(answer.table)}")
