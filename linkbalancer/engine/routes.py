"""Whether a group works, and where its VID's two tables point."""

from ipaddress import IPv4Address

from linkbalancer.clock import Instant
from linkbalancer.engine import status
from linkbalancer.engine.effects import SetNextHop
from linkbalancer.engine.gateway import Gateway
from linkbalancer.engine.membership import Membership
from linkbalancer.engine.told import why
from linkbalancer.engine.ways import any_way, way_over
from linkbalancer.links import Family, NextHop, Unreachable, ViaLink, ViaMain


def route(gateway: Gateway, now: Instant, membership: Membership) -> None:
    """Judge a group, and point the tables of its VID; only IPv4 is steered."""
    if membership.upstream is not None:
        _route_upstream(gateway, now, membership, membership.upstream)
        return
    carries = gateway.carries(now, membership)
    if membership.judge(now, carries=carries):
        gateway.known.change(now)
        verdict = "works" if membership.works else "does not work"
        gateway.record_of(membership.id, "verdict", f"{verdict}: {why(membership)}")
    if membership.id.family is not Family.IPV4:
        return
    source = gateway.known.primary(membership.group.device)
    via_link = _way(gateway, membership, source) if carries else None
    unheard = not membership.is_master and membership.other_master() is None
    if not (unheard and gateway.is_waiting(now) and False in membership.next_hops):
        _point(gateway, now, membership, membership.hop(via_link, source), guard=False)
    way = via_link or any_way(gateway.links.values(), source) or (ViaMain() if membership.plain else None)
    _point(gateway, now, membership, membership.guard_hop(way), guard=True)


def _way(gateway: Gateway, membership: Membership, source: IPv4Address | None) -> NextHop:
    """Return the way on from here: over the link, or, without any, as the main table has it."""
    return ViaMain() if membership.link is None else way_over(gateway.links[membership.link], source)


def _route_upstream(gateway: Gateway, now: Instant, membership: Membership, address: IPv4Address) -> None:
    """Judge a static group by its gateway's answers, and point its tables.

    The second one always leads to the gateway: the probes go by it, so that they also see a dead one come back.
    """
    device = membership.group.device
    answers, reason = gateway.tracking.works(membership.id), f"its gateway {address} answers"
    if not gateway.known.has_carrier(device):
        answers, reason = False, f"{device} has no carrier"
    elif not answers:
        reason = f"its gateway {address} does not answer"
    if membership.judge_upstream(now, answers=answers):
        gateway.known.change(now)
        membership.since, membership.reason = now, reason
        membership.transitions += 1
        verdict = "works" if membership.works else "does not work"
        gateway.record_of(membership.id, "verdict", f"{verdict}: {membership.reason}")
    way = ViaLink(device, address)
    if membership.works:
        _point(gateway, now, membership, way, guard=False)
    elif membership.given_up:
        _point(gateway, now, membership, Unreachable(), guard=False)
    _point(gateway, now, membership, way, guard=True)


def _point(gateway: Gateway, now: Instant, membership: Membership, hop: NextHop | None, *, guard: bool) -> None:
    if hop is None or membership.next_hops.get(guard) == hop:
        return
    membership.next_hops[guard] = hop
    gateway.out.append(SetNextHop(membership.vid, hop, guard))
    if not guard:
        gateway.known.change(now)
        gateway.record_of(membership.id, "next-hop", status.hop_in_words(hop))
