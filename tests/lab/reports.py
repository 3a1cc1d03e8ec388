"""A report of a good drill, small enough to be spoiled by hand."""

import copy
from typing import Any

_MASTERS = {"1": ("b1", "f1"), "2": ("b2", "f2"), "3": ("b1", "f1")}
_MOVED = {"1": ("b2", "f2"), "2": ("b2", "f2"), "3": ("b1", "f1")}


def flow(
    app: str, direction: str, before: tuple[int, str], after: tuple[int, str], outage: float = 0.0
) -> dict[str, Any]:
    """A flow that lost what an outage of so many ms takes, at one packet each 5 ms."""
    return {
        "app": app,
        "direction": direction,
        "protocol": "udp",
        "sent": 800,
        "lost": round(outage / 5),
        "reordered": 0,
        "redirects": 0,
        "loops": 0,
        "broken_connections": 0,
        "unreachable": 0,
        "outage_ms": outage,
        "before": dict(zip(("vid", "link"), before, strict=True)),
        "after": dict(zip(("vid", "link"), after, strict=True)),
    }


def phase(masters: dict[str, tuple[str, str]], flows: list[dict[str, Any]]) -> dict[str, Any]:
    """A phase that settled and stayed so."""
    return {
        "settled_ms": 1800.0,
        "unsettled": None,
        "masters": {
            "near": {vid: ends[0] for vid, ends in masters.items()},
            "far": {vid: ends[1] for vid, ends in masters.items()},
        },
        "moves": [],
        "of_no_use": [],
        "changes": [],
        "opened_ms": {"l1": 0.0, "l2": 0.0},
        "complaints": [],
        "late_ms": {},
        "flows": flows,
        "virtual_ips": [
            {
                "side": side,
                "vid": vid,
                "address": f"192.168.{net}.{250 + vid}",
                "sent": 400,
                "lost": 0,
                "outage_ms": 0.0,
                "silent_ms": 5.0,
                "arp_sent": 160,
                "arp_lost": 0,
                "arp_outage_ms": 0.0,
                "arp_silent_ms": 10.0,
            }
            for net, side in enumerate(("near", "far"), 1)
            for vid in (1, 2, 3)
        ],
    }


def good_report() -> dict[str, Any]:
    """Link 1 cut and mended: `rest` moves with VID 1, `backup` from VID 3 to VID 1, `web` notices nothing."""
    at_rest, on_l2 = {"web": (2, "l2"), "backup": (3, "l1"), "rest": (1, "l1")}, (1, "l2")
    cut = {"web": (2, "l2"), "backup": on_l2, "rest": on_l2}
    ways = ("out", "back")
    return copy.deepcopy(
        {
            "schema": 1,
            "topology": "two-links",
            "interval_ms": 5.0,
            "even": False,
            "vids": {"1": ["l1", "l2"], "2": ["l1", "l2"], "3": ["l1"]},
            "gateways": {
                node: {"side": "near" if node[0] == "b" else "far", "links": [f"l{node[1]}"]} for node in _NODES
            },
            "applications": {"web": [[2], [1]], "backup": [[3], [1]], "rest": [[1], [2]]},
            "faults": [
                {
                    "fault": "cut",
                    "target": "l1",
                    "exempt": False,
                    "momentary": False,
                    "still": False,
                    "becomes": {},
                    "readdressed": [],
                    "links_left": {"1": ["l2"], "2": ["l2"], "3": []},
                    "broken": phase(
                        _MOVED,
                        [
                            flow(app, way, at_rest[app], cut[app], 0 if app == "web" else 130)
                            for app in cut
                            for way in ways
                        ],
                    ),
                    "healed": phase(_MASTERS, [flow(app, way, cut[app], at_rest[app]) for app in cut for way in ways]),
                }
            ],
            "failures": [],
        }
    )


_NODES = ("b1", "b2", "f1", "f2")
