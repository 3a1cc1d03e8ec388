"""What `linkbalancer status` shows: each link, VID and application: what, since when, why, and what is next."""

from collections.abc import Mapping, Sequence
from typing import Any, TypeAlias, assert_never

from linkbalancer.clock import MILLISECOND, Duration, Instant
from linkbalancer.config.model import Config
from linkbalancer.engine import measures, translated
from linkbalancer.engine.drain import Drained
from linkbalancer.engine.gateway import Gateway
from linkbalancer.engine.halves import Halves
from linkbalancer.engine.knowledge import Knowledge
from linkbalancer.engine.membership import Membership
from linkbalancer.engine.told import why
from linkbalancer.links import Family, GroupId, LinkName, NextHop, Unreachable, ViaLink, ViaMain, ViaMaster, Vid
from linkbalancer.lvrrp.link import Link
from linkbalancer.routing.application import Application, Step
from linkbalancer.routing.balance import wanted
from linkbalancer.routing.choice import best_step, choose, good

Broken: TypeAlias = Mapping[str, Mapping[Vid, str]]

NAMES = 3
"""Applications that are named before the rest is counted."""


def describe(now: Instant, gateway: Gateway) -> dict[str, Any]:
    """Return the whole status as JSON-able values (schema 1)."""
    config, known, links, memberships = gateway.config, gateway.known, gateway.links, gateway.memberships
    counters, drained, tracking = gateway.hearing.counters, gateway.drained, gateway.tracking
    settled_at = settles_at(gateway)
    working = frozenset(one.vid for one, m in memberships.items() if m.works and one.family is Family.IPV4)
    broken = {} if gateway.table is None else gateway.table.broken
    falls, halves = _falls(known, working, broken), gateway.halves
    return {
        "schema": 1,
        "node": config.node,
        "role": str(config.role),
        "settled": now >= settled_at,
        "settled_for_ms": max(0, now - settled_at) // MILLISECOND,
        "lans": {device: known.lan(device) for device in config.lans},
        "rules": {"digest": gateway.concord.digest.hex()},
        "links": {name: _link(now, link, gateway) for name, link in links.items()},
        "interfaces": {device: {"counters": counted} for device, counted in counters.interfaces().items()},
        "groups": {
            str(group): {
                **_group(now, m, config, falls),
                **_next_hops(m, halves),
                **_ends(now, m, links, drained),
                **tracking.gateway(now, group, m.upstream),
                **({} if m.upstream is None else {"ipv6": halves.describe(now, f"VID {group}")}),
                "counters": counters.group(group).described(),
            }
            for group, m in sorted(memberships.items())
        },
        "trackers": tracking.describe(now),
        "service_levels": gateway.ledger.describe(),
        "translation": translated.describe(config),
        "applications": {name: _application(now, name, known, working, broken) for name in known.applications},
        "counters": {**known.counters, **gateway.company.counters},
        "other_rules": gateway.company.differences(),
    }


def settles_at(gateway: Gateway) -> Instant:
    """Return from when on a gateway counts as settled, if nothing changes any more."""
    known = gateway.known
    silence = max((link.detect for link in gateway.links.values()), default=0)  # loss, RTT, a slow pace make it longer
    return known.changed_at + max(known.settle_time, known.patience + silence)


def hop_in_words(hop: NextHop) -> str:
    """Name a next hop as an operator would."""
    match hop:
        case ViaLink(device, gateway):
            return f"{gateway} over {device}"
        case ViaMaster(device, gateway, mac):
            return f"{gateway} at {mac.hex(':')} on {device}"
        case ViaMain():
            return "main table"
        case Unreachable():
            return "unreachable"
    assert_never(hop)


def hop_in_fields(hop: NextHop) -> dict[str, str]:
    """Return a next hop for programs: its kind, and what of it there is."""
    match hop:
        case ViaLink(device, gateway):
            return {"kind": "link", "gateway": str(gateway), "device": device}
        case ViaMaster(device, gateway, mac):
            return {"kind": "master", "gateway": str(gateway), "device": device, "mac": mac.hex(":")}
        case ViaMain():
            return {"kind": "main"}
        case Unreachable():
            return {"kind": "unreachable"}
    assert_never(hop)


def _link(now: Instant, link: Link, gateway: Gateway) -> dict[str, Any]:
    name, memberships, drained = link.settings.name, gateway.memberships, gateway.drained
    jitter, loss = link.quality.jitter, link.quality.loss
    carried = measures.mastered(name, memberships.values())
    return {
        "device": link.settings.device,
        "peer": str(link.settings.peer),
        "open": link.is_open,
        "since_ms": (now - link.since) // MILLISECOND,
        "reason": "; ".join(filter(None, (link.reason, link.doubt(now)))),
        "rtt_ms": _milliseconds(link.rtt),
        "jitter_ms": _milliseconds(jitter),
        "loss": None if loss is None else round(loss, 6),
        "detect_ms": link.detect // MILLISECOND,
        "opens_in_ms": None if link.opens_at is None else max(0, link.opens_at - now) // MILLISECOND,
        "peer_node": link.peer.node,
        "ipv6": gateway.halves.describe(now, f"link {name}"),
        "fault": link.fault,
        "peer_fault": (link.peer.fault or None) if link.is_open else None,
        "drained": drained.links.get(name) or drained.node,
        "weights": gateway.scales.describe(now, name),
        "carries": [one.name for one in carried],
        "if_it_dies": _if_link_dies(carried),
        "peer_rules": link.peer.digest.hex() or None,
        "rules_differ": name in gateway.concord.differing,
        "wanted": link.wants(),
        "counters": dict(link.counters),
        "metrics": measures.describe(link, gateway.known.measured.get(name), memberships.values()),
    }


def _milliseconds(duration: Duration | None) -> float | None:
    return None if duration is None else round(duration / MILLISECOND, 3)


def _if_link_dies(carried: Sequence[GroupId]) -> str:
    if not carried:
        return "nothing moves"
    return f"VID {', '.join(map(str, carried))} to another gateway"


def _group(now: Instant, membership: Membership, config: Config, falls: Mapping[Vid, str]) -> dict[str, Any]:
    other = membership.other_master()
    return {
        "mode": config.groups[membership.id].mode,
        "device": membership.group.device,
        "link": membership.link,
        "state": _state(membership),
        "priority": membership.priority,
        "tier": None if membership.tier is None else str(membership.tier),
        "since_ms": (now - membership.since) // MILLISECOND,
        "reason": membership.reason,
        "master": "self" if membership.is_master else None if other is None else str(other),
        "works": membership.works,
        "why": why(membership),
        "transitions": membership.transitions,
        "if_it_dies": _falls_of(membership, falls),
    }


def _state(membership: Membership) -> str:
    """Name the VRRP state, or that there is none here."""
    if membership.router is not None:
        return membership.state.name.lower()
    return "observing" if membership.upstream is None else "static"


def _next_hops(membership: Membership, halves: Halves) -> dict[str, Any]:
    """Return where a VID's tables lead, of IPv6 where that is steered; groups of IPv6 have none of their own."""
    hop = None if membership.id.family is not Family.IPV4 else membership.next_hops.get(False)
    half = halves.half(membership.vid, hop)
    return {
        "next_hop": _way(membership, hop, steers_ipv6=halves.twins is not None),
        "hop": None if hop is None else hop_in_fields(hop),
        "hop6": None if half is None else hop_in_fields(half),
        "why6": None if half is None else halves.why(membership),
    }


def _way(membership: Membership, hop: NextHop | None, *, steers_ipv6: bool) -> str:
    """Name the way of packets that are steered to a group."""
    if membership.id.family is not Family.IPV4:
        return "hosts' router" if steers_ipv6 else "not steered"
    if hop is None:
        return "as found"
    return membership.link if isinstance(hop, ViaLink) and membership.link is not None else hop_in_words(hop)


def _falls_of(membership: Membership, falls: Mapping[Vid, str]) -> str:
    return (falls.get(membership.vid) if membership.id.family is Family.IPV4 else None) or "nothing moves"


def _ends(now: Instant, membership: Membership, links: Mapping[LinkName, Link], drained: Drained) -> dict[str, Any]:
    """Return what concerns both ends of a VID's link: what the peer says of the VID, and whether it is drained here."""
    link = links.get(membership.link or "")
    peer = link.word(membership.id, now) if link is not None else None
    reason = drained.reason(membership.vid, membership.link) if membership.router is not None else None
    return {
        "peer": None if peer is None else {"state": peer.state.name.lower(), "priority": peer.priority},
        "drained": reason,
        "adjusted": None if link is None else _adjusted(link, membership.id),
        "advert_interval_ms": membership.group.advert_interval // MILLISECOND,
    }


def _adjusted(link: Link, group: GroupId) -> dict[str, Any] | None:
    """Return to which base priority the controller has adjusted a group, and by which weight of the link."""
    priority = link.adjusted(group)
    if priority is None:
        return None
    return {"by": link.peer.node, "priority": priority, "weight": link.peer.weight(group)}


def _next(application: Application, working: frozenset[Vid], broken: Broken) -> Vid | None:
    """Return where an application goes when these VIDs work."""
    return choose(application.steps, _kept(application, working, broken))


def _kept(application: Application, working: frozenset[Vid], broken: Broken) -> frozenset[Vid]:
    return good(application.vids, working, broken.get(str(application.sla), {}))


def _falls(known: Knowledge, working: frozenset[Vid], broken: Broken) -> dict[Vid, str]:
    """Return, by VID, where its applications go when it dies; one pass, for there may be thousands of them."""
    falls: dict[Vid, dict[str, list[str]]] = {}
    for name, steering in known.steering.items():
        if steering.vid is not None:
            application = known.applications[name]
            for vid in shares(application, steering.vid, working) or {steering.vid: 1.0}:
                left = working - {vid}
                step = best_step(application.steps, _kept(application, left, broken))
                place = "nowhere" if step is None else _alive(step, left)
                falls.setdefault(vid, {}).setdefault(place, []).append(name)
    return {vid: "; ".join(_some_to(names, place) for place, names in places.items()) for vid, places in falls.items()}


def _alive(step: Step, working: frozenset[Vid]) -> str:
    vids = [str(member.vid) for member in step if member.vid in working]
    return f"VID{'s' if len(vids) > 1 else ''} {', '.join(vids)}"


def shares(application: Application, vid: Vid, working: frozenset[Vid]) -> dict[Vid, float]:
    """Return by which shares the VIDs of a balanced step have an application that is on one of them; else nothing."""
    step = next((step for step in application.steps if any(member.vid == vid for member in step)), ())
    return {one: float(share) for one, share in wanted(step, working).items()} if len(step) > 1 else {}


def _some_to(names: list[str], place: str) -> str:
    more = f" and {len(names) - NAMES} more" if len(names) > NAMES else ""
    return f"{', '.join(names[:NAMES])}{more} to {place}"


def _application(now: Instant, name: str, known: Knowledge, working: frozenset[Vid], broken: Broken) -> dict[str, Any]:
    steering, application = known.steering[name], known.applications[name]
    return {
        "id": known.app_ids.get(name),
        "vid": steering.vid,
        "vids": [[{"vid": member.vid, "weight": member.weight} for member in step] for step in application.steps],
        "sticky": application.sticky.value if application.balanced else None,
        "shares": {str(vid): share for vid, share in shares(application, steering.vid or 0, working).items()},
        "since_ms": (now - steering.since) // MILLISECOND,
        "reason": steering.reason,
        "next": _next(application, working - {steering.vid}, broken),
        "sla": _level(application, broken),
    }


def _level(application: Application, broken: Broken) -> dict[str, Any] | None:
    """Return what an application asks of links, and which VIDs of its list break it."""
    if application.sla is None:
        return None
    words = str(application.sla)
    breaks = {str(vid): what for vid, what in broken.get(words, {}).items() if vid in application.vids}
    return {"level": words, "breaks": breaks}
