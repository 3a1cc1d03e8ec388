"""What `linkbalancer scan` says of what it heard: a table and notes for people, a document for programs."""

from collections.abc import Iterator, Mapping
from typing import Any, Final

from linkbalancer.cli.screen import Row, Screen, Section, tables
from linkbalancer.clock import MILLISECOND, SECOND, Duration, in_words
from linkbalancer.engine.refusals import compared
from linkbalancer.links import Address, DeviceName, GroupId
from linkbalancer.vrrp.census import Census, Router
from linkbalancer.vrrp.group import Group
from linkbalancer.vrrp.packet import NO_PASSWORD, SIMPLE_PASSWORD

NAMED: Final = 3
"""Addresses, or strangers, that are named before the rest is counted."""

_HEADER: Final = (
    "VRID",
    "router",
    "MAC",
    "is",
    "version",
    "priority",
    "every",
    "password",
    "checksum",
    "addresses",
    "here",
)


def as_json(census: Census, device: DeviceName, period: Duration, ours: Mapping[GroupId, Group]) -> dict[str, Any]:
    """Return everything, JSON-able (schema 1)."""
    heard = census.groups()
    return {
        "schema": 1,
        "device": device,
        "heard_ms": period // MILLISECOND,
        "vrids": [
            {
                "vrid": group.vid,
                "family": group.family.name.lower(),
                "configured_here": group in ours,
                "several_masters": census.contested(group),
                "routers": [_facts(router, ours.get(group)) for router in heard.get(group, ())],
            }
            for group in sorted({*heard, *ours})
        ],
        "unreadable": [
            {"source": source or None, "mac": mac.hex(":"), "reason": str(reason), "count": count}
            for (source, mac, reason), count in sorted(census.unreadable.items())
        ],
        "uncounted": census.uncounted,
    }


def as_text(census: Census, device: DeviceName, period: Duration, ours: Mapping[GroupId, Group], screen: Screen) -> str:
    """Return the same for people."""
    heard = census.groups()
    rows = [_row(census, router, ours) for routers in heard.values() for router in routers]
    lines = [f"{device}: {_vrids(len(heard))} in use, heard in {in_words(period)}"]
    lines += tables((Section(_HEADER, tuple(rows)),), screen, 0) if rows else []
    notes = [*_notes(census, device, period, ours)]
    return "\n".join([*lines, *([""] if notes else []), *notes])


def _vrids(count: int) -> str:
    return "no VRID" if count == 0 else f"{count} VRID{'s' if count != 1 else ''}"


def _facts(router: Router, configured: Group | None) -> dict[str, Any]:
    said = router.said
    return {
        "source": str(router.source),
        "mac": router.mac.hex(":"),
        "virtual_mac": router.has_virtual_mac,
        "this_computer": router.here,
        "master": router.is_master,
        "version": said.version,
        "priority": said.priority,
        "interval_ms": said.interval // MILLISECOND,
        "addresses": [str(address) for address in said.addresses],
        "auth_type": said.auth_type,
        "checksum": None if router.checksum is None else str(router.checksum),
        "adverts": router.adverts,
        "differs": _differences(router, configured),
    }


def _row(census: Census, router: Router, ours: Mapping[GroupId, Group]) -> Row:
    said, configured = router.said, ours.get(router.group)
    contested = census.contested(router.group) and router.is_master
    differs = bool(_differences(router, configured))
    state = "Master" if router.is_master else "leaving"
    cells = (
        str(router.group),
        str(router.source),
        router.mac.hex(":") + (" (virtual)" if router.has_virtual_mac else ""),
        f"{state}, one of several" if contested else state,
        str(said.version),
        str(said.priority),
        in_words(said.interval),
        _password(router),
        "-" if router.checksum is None else str(router.checksum),
        _named([str(address) for address in said.addresses]),
        "this gateway" if router.here else "configured" if configured is not None else "",
    )
    return Row(2 if contested else 1 if differs else 0, cells)


def _password(router: Router) -> str:
    if router.said.version != 2:
        return "-"
    return {NO_PASSWORD: "no", SIMPLE_PASSWORD: "yes"}.get(router.said.auth_type, f"type {router.said.auth_type}")


def _named(names: list[str]) -> str:
    more = f" and {len(names) - NAMED} more" if len(names) > NAMED else ""
    return ", ".join(names[:NAMED]) + more


def _differences(router: Router, configured: Group | None) -> list[str]:
    """Say what of a router is not as it is configured here."""
    return [] if configured is None or router.here else compared(configured, router.said)


def _notes(census: Census, device: DeviceName, period: Duration, ours: Mapping[GroupId, Group]) -> Iterator[str]:
    heard = census.groups()
    for group, routers in heard.items():
        if census.contested(group):
            masters: list[Address] = [router.source for router in routers if router.is_master]
            names = " and ".join(map(str, masters))
            yield f"VID {group}: {names} are Master at once: they do not hear, or do not accept, each other"
        for router in routers:
            for difference in _differences(router, ours.get(group)):
                yield f"VID {group}: of {router.source}, {difference}"
    for group in ours:
        if group not in heard:
            yield f"VID {group} is configured here, and nobody advertises it"
    for (source, mac, reason), count in sorted(census.unreadable.items())[:NAMED]:
        sender = f"{source} ({mac.hex(':')})" if source else mac.hex(":")
        yield f"{count} adverts of {sender} could not be read: {reason}"
    left_out = sum(count for _key, count in sorted(census.unreadable.items())[NAMED:]) + census.uncounted
    if left_out:
        yield f"{left_out} more adverts were not told apart or could not be read"
    if not heard and period < 41 * SECOND:
        yield f"a Master of a longer interval may have been missed: `linkbalancer scan {device} --for 45s`"
