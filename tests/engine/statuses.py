"""Statuses as a daemon gives them, for whoever reads one: schema 1, checked against the published schema."""

from typing import Any


def link(**changes: Any) -> dict[str, Any]:
    """Return a link's facts: open and sound, unless told otherwise."""
    return {
        "device": "eth1",
        "peer": "10.0.1.2",
        "open": True,
        "since_ms": 5000,
        "reason": "round trip proven in 1 ms",
        "rtt_ms": 1.5,
        "peer_node": "f1",
        "fault": None,
        "peer_fault": None,
        "drained": None,
        "carries": [1],
        "if_it_dies": "VID 1 to another gateway",
        "counters": {},
    } | changes


def metrics(**changes: Any) -> dict[str, Any]:
    """Return what is measured of a link: the far end has not spoken, unless told otherwise."""
    lane = {
        "rate_bps": 12_345_678,
        "capacity_bps": 100_000_000,
        "used": 0.123457,
        "backlog_bytes": None,
        "drops_per_s": None,
        "loss": 0.0,
    }
    out = {**lane, "backlog_bytes": 1514, "drops_per_s": 0.0}
    here = {"out": out, "in": lane, "rtt_ms": 1.5, "jitter_ms": 0.1, "loss": 0.0, "masters": [1]}
    known = {"out": {**out, "peak_bps": 80_000_000}, "in": {**lane, "peak_bps": None}, "here": here, "peer": None}
    return known | changes


def group(**changes: Any) -> dict[str, Any]:
    """Return a VID's facts: Master here, over link l1."""
    return {
        "mode": "member",
        "device": "eth0",
        "link": "l1",
        "state": "master",
        "priority": 200,
        "tier": "high",
        "since_ms": 65_000,
        "reason": "claimed",
        "master": "self",
        "works": True,
        "why": "Master here",
        "next_hop": "l1",
        "hop": {"kind": "link", "gateway": "10.1.0.2", "device": "eth1"},
        "transitions": 1,
        "if_it_dies": "web to VID 2",
        "peer": {"state": "master", "priority": 150},
        "drained": None,
        "advert_interval_ms": 200,
    } | changes


def application(vid: int | None = 1, *vids: int, **changes: Any) -> dict[str, Any]:
    """Return an application's facts: where it is, and the VIDs of its list, a step each."""
    steps = [[{"vid": one, "weight": 1}] for one in vids or (1, 2)]
    known: dict[str, Any] = {
        "id": 2,
        "vid": vid,
        "vids": steps,
        "sticky": None,
        "shares": {},
        "since_ms": 10,
        "next": 2,
    }
    known["reason"] = "its first choice works"
    return known | changes


def status(**changes: Any) -> dict[str, Any]:
    """Return the status of a gateway that is well, with two members on its LAN that answer."""
    return {
        "schema": 1,
        "node": "b1",
        "role": "controller",
        "settled": True,
        "settled_for_ms": 90_000,
        "health": "good",
        "findings": [],
        "notices": [],
        "drained": [],
        "lans": {"eth0": {"members": {"192.0.2.2": True, "192.0.2.3": True}, "targets": {}}},
        "links": {"l1": link()},
        "groups": {"1": group(), "2": group(master="192.0.2.2", state="backup")},
        "applications": {"web": application()},
        "counters": {},
        "processes": {"agent": 1},
        "daemon": {"put_back": 0, "timer_lateness": {"worst_us": 1}},
    } | changes


def drained(kind: str, name: str, **changes: Any) -> dict[str, Any]:
    """Return an entry of what is drained."""
    entry = {"kind": kind, "name": name, "who": "root", "reason": "", "at": "2026-01-02 03:04:05 UTC"}
    return entry | {"forced": False, "known": True} | changes
