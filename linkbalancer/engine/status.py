"""What `linkbalancer status` shows: each link, VID and application: what, since when, why, and what is next."""

from collections.abc import Mapping
from typing import Any, assert_never

from linkbalancer.clock import MILLISECOND, Instant
from linkbalancer.config.model import Config
from linkbalancer.engine.drain import Drained
from linkbalancer.engine.knowledge import Knowledge
from linkbalancer.engine.membership import Membership
from linkbalancer.links import LinkName, NextHop, Unreachable, ViaLink, ViaMaster, Vid
from linkbalancer.lvrrp.link import Link
from linkbalancer.routing.choice import choose


def describe(
    now: Instant,
    config: Config,
    known: Knowledge,
    links: Mapping[LinkName, Link],
    memberships: Mapping[Vid, Membership],
    *,
    drained: Drained,
) -> dict[str, Any]:
    """Return the whole status as JSON-able values (schema 1)."""
    settled_at = known.changed_at + known.settle_time
    return {
        "schema": 1,
        "node": config.node,
        "role": str(config.role),
        "settled": now >= settled_at,
        "settled_for_ms": max(0, now - settled_at) // MILLISECOND,
        "lans": {device: known.lan(device) for device in config.lans},
        "links": {name: _link(now, link, memberships, drained) for name, link in links.items()},
        "groups": {
            str(vid): {**_group(now, m, config, known, memberships), **_ends(now, m, links, drained)}
            for vid, m in sorted(memberships.items())
        },
        "applications": {name: _application(now, name, known, memberships) for name in known.applications},
        "counters": dict(known.counters),
    }


def why(membership: Membership) -> str:
    """Say in a few words what a VID's verdict rests on."""
    other = membership.other_master()
    if other is not None:
        return f"{other} is Master"
    heard = membership.observer.heard
    if membership.is_master:
        return "Master here" if membership.own else "Master here, without a link"
    if heard is not None and heard.priority == 1:
        return f"{heard.source} is Master without a link"
    if heard is not None and heard.priority == 0:
        return f"{heard.source} resigned"
    return "no Master is heard"


def hop_in_words(hop: NextHop) -> str:
    """Name a next hop as an operator would."""
    match hop:
        case ViaLink(device, gateway):
            return f"{gateway} over {device}"
        case ViaMaster(device, gateway, mac):
            return f"{gateway} at {mac.hex(':')} on {device}"
        case Unreachable():
            return "unreachable"
    assert_never(hop)


def _link(now: Instant, link: Link, memberships: Mapping[Vid, Membership], drained: Drained) -> dict[str, Any]:
    name = link.settings.name
    carried = [m.vid for m in memberships.values() if m.link == name and m.is_master and m.own]
    return {
        "device": link.settings.device,
        "peer": str(link.settings.peer),
        "open": link.is_open,
        "since_ms": (now - link.since) // MILLISECOND,
        "reason": link.reason,
        "rtt_ms": None if link.rtt is None else round(link.rtt / MILLISECOND, 3),
        "peer_node": link.peer_node,
        "fault": link.fault,
        "peer_fault": (link.peer.fault or None) if link.is_open else None,
        "drained": drained.links.get(name) or drained.node,
        "carries": carried,
        "if_it_dies": _if_link_dies(carried),
        "counters": dict(link.counters),
    }


def _if_link_dies(carried: list[Vid]) -> str:
    if not carried:
        return "nothing moves"
    return f"VID {', '.join(map(str, carried))} to another gateway"


def _group(
    now: Instant, membership: Membership, config: Config, known: Knowledge, memberships: Mapping[Vid, Membership]
) -> dict[str, Any]:
    other = membership.other_master()
    hop = membership.next_hops.get(False)
    via_own = isinstance(hop, ViaLink)
    return {
        "mode": config.groups[membership.vid].mode,
        "device": membership.group.device,
        "link": membership.link,
        "state": membership.state.name.lower() if membership.router is not None else "observing",
        "priority": membership.priority,
        "tier": None if membership.tier is None else str(membership.tier),
        "since_ms": (now - membership.since) // MILLISECOND,
        "reason": membership.reason,
        "master": "self" if membership.is_master else None if other is None else str(other),
        "works": membership.works,
        "why": why(membership),
        "next_hop": "as found" if hop is None else str(membership.link) if via_own else hop_in_words(hop),
        "transitions": membership.transitions,
        "if_it_dies": _if_vid_dies(membership.vid, known, memberships),
    }


def _ends(now: Instant, membership: Membership, links: Mapping[LinkName, Link], drained: Drained) -> dict[str, Any]:
    """Return what concerns both ends of a VID's link: what the peer says of the VID, and whether it is drained here."""
    link = links.get(membership.link or "")
    peer = link.word(membership.vid, now) if link is not None else None
    reason = drained.reason(membership.vid, membership.link) if link is not None else None
    return {
        "peer": None if peer is None else {"state": peer.state.name.lower(), "priority": peer.priority},
        "drained": reason,
        "advert_interval_ms": membership.group.advert_interval // MILLISECOND,
    }


def _if_vid_dies(vid: Vid, known: Knowledge, memberships: Mapping[Vid, Membership]) -> str:
    others = frozenset(other for other, m in memberships.items() if m.works and other != vid)
    moves = []
    for name, steering in known.steering.items():
        if steering.vid == vid:
            following = choose(known.applications[name].steps, others)
            moves.append(f"{name} to {'nowhere' if following is None else f'VID {following}'}")
    return ", ".join(moves) if moves else "nothing moves"


def _application(now: Instant, name: str, known: Knowledge, memberships: Mapping[Vid, Membership]) -> dict[str, Any]:
    steering, steps = known.steering[name], known.applications[name].steps
    others = frozenset(vid for vid, m in memberships.items() if m.works and vid != steering.vid)
    return {
        "id": known.app_ids.get(name),
        "vid": steering.vid,
        "vids": [[{"vid": member.vid, "weight": member.weight} for member in step] for step in steps],
        "since_ms": (now - steering.since) // MILLISECOND,
        "reason": steering.reason,
        "next": choose(steps, others),
    }
