"""What the gateways say of themselves, and what that amounts to for a whole topology."""

import json
import socket
from collections.abc import Collection, Mapping
from dataclasses import dataclass
from pathlib import Path
from typing import Any, TypeAlias

from linkbalancer.clock import MILLISECOND, Instant
from linkbalancer.lab.spreading import of_no_use, uneven
from linkbalancer.lab.topology import SIDES, Topology
from linkbalancer.links import LinkName, NodeName, Vid

Statuses: TypeAlias = Mapping[NodeName, dict[str, Any] | None]
"""The last answer of every gateway; None where none came."""

Masters: TypeAlias = dict[str, dict[str, str | None]]
"""By side and VID (as text): the Master's name; several joined by `+`; None when there is none."""

_PATIENCE_S = 1.0


def ask(run_dir: Path) -> dict[str, Any] | None:
    """Ask a daemon for its status over its socket; None when it does not answer."""
    try:
        with socket.socket(socket.AF_UNIX) as connection:
            connection.settimeout(_PATIENCE_S)
            connection.connect(str(run_dir / "agent.sock"))
            connection.sendall(b'{"verb": "status"}\n')
            with connection.makefile("rb") as file:
                status = json.loads(file.readline()).get("answer")
    except (AttributeError, OSError, ValueError):
        return None
    return status if isinstance(status, dict) and "groups" in status else None


def masters(topology: Topology, statuses: Statuses) -> Masters:
    """Return who is Master of what, as the gateways see themselves."""
    return {
        side: {
            str(vid): "+".join(node for node in topology.side_gateways(side) if _is_master(statuses.get(node), vid))
            or None
            for vid in topology.vids
        }
        for side in SIDES
    }


def _is_master(status: dict[str, Any] | None, vid: Vid) -> bool:
    return status is not None and status["groups"].get(str(vid), {}).get("state") == "master"


@dataclass(frozen=True, slots=True)
class Damage:
    """What is broken at a time: links without use, gateways that cannot answer, VIDs that a link may not carry."""

    links: frozenset[LinkName] = frozenset()
    gateways: frozenset[NodeName] = frozenset()
    drained: frozenset[tuple[Vid, LinkName]] = frozenset()


def working_links(topology: Topology, vid: Vid, damage: Damage) -> tuple[LinkName, ...]:
    """Return the links that a VID has left."""
    return tuple(
        link for link in topology.links_of(vid) if link not in damage.links and (vid, link) not in damage.drained
    )


def disagreement(topology: Topology, statuses: Statuses, damage: Damage) -> str | None:
    """Say what keeps the topology from being settled, None when nothing does.

    Every gateway that can be asked reports itself settled and its sound links open, and every VID with a link left has
    exactly one Master on each side, on the same link; VIDs that are spread evenly are so, and gateways whose links are
    sound know where each application goes.
    """
    for node in topology.gateways:
        if node not in damage.gateways:
            status = statuses.get(node)
            if status is None:
                return f"{node} does not answer"
            if not status["settled"]:
                return f"{node} is not settled"
            for name, link in status["links"].items():
                if name not in damage.links and not link["open"]:
                    return f"{node} has link {name} not open"
    found = masters(topology, statuses)
    for vid in topology.vids:
        left = working_links(topology, vid, damage)
        wrong = mastership_fault(topology, found, vid, left)
        if wrong:
            return wrong
    return _unevenness(topology, statuses, damage) or _unsteered(topology, statuses, damage)


def _unsteered(topology: Topology, statuses: Statuses, damage: Damage) -> str | None:
    """Say which application a gateway has not steered yet: its process was only just started, maybe."""
    usable = {vid for vid in topology.vids if working_links(topology, vid, damage)}
    for node, status in statuses.items():
        if status is None or damage.links.intersection(topology.gateways[node].links):
            continue
        for name, app in status.get("applications", {}).items():
            if app["vid"] is None and any(member["vid"] in usable for step in app["vids"] for member in step):
                return f"{node} has not steered {name}"
    return None


def _unevenness(topology: Topology, statuses: Statuses, damage: Damage) -> str | None:
    """Say how the VIDs are spread over the links, where that is uneven and should not be."""
    if damage.drained or not topology.even:
        return None
    found = masters(topology, statuses)["near"]
    links = set(working_links(topology, topology.vids[0], damage)) - of_no_use(statuses.values())
    nodes = {vid: found[str(vid)] for vid in topology.vids}
    return uneven([topology.link_of(node, vid) for vid, node in nodes.items() if node], sorted(links))


def mastership_fault(topology: Topology, found: Masters, vid: Vid, left: Collection[LinkName]) -> str | None:
    """Say what is wrong with the Masters of a VID that has these links left; None when nothing is."""
    if not left:
        return None
    links = []
    for side in SIDES:
        master = found[side][str(vid)]
        if master is None or "+" in master:
            return (
                f"VID {vid} has {'no Master' if master is None else f'several Masters ({master})'} on the {side} side"
            )
        links.append(topology.link_of(master, vid))
    if links[0] != links[1]:
        return f"VID {vid} is on {links[0]} near and on {links[1]} far"
    if links[0] not in left:
        return f"VID {vid} is on {links[0]}, which is broken"
    return None


def opened_at(topology: Topology, statuses: Statuses, now: Instant) -> dict[LinkName, Instant]:
    """Return since when each link that is open at both ends has been so."""
    found: dict[LinkName, Instant] = {}
    for link in topology.links:
        ends = [(statuses.get(port.node) or {}).get("links", {}).get(link.name, {}) for port in link.ports]
        if all(end.get("open") for end in ends):
            found[link.name] = now - min(end["since_ms"] for end in ends) * MILLISECOND
    return found


def transitions(statuses: Statuses) -> dict[tuple[NodeName, str], int]:
    """Return how often each gateway has changed each VID's mastership since its agent began counting."""
    return {
        (node, vid): int(group["transitions"])
        for node, status in statuses.items()
        if status is not None
        for vid, group in status["groups"].items()
    }
