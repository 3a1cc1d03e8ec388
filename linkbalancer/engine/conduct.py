"""How a gateway conducts itself in a group: from a stance to the VRRP router, and from there to the world."""

from typing import assert_never

from linkbalancer.clock import Instant
from linkbalancer.engine.effects import AddAddresses, Announce, RemoveAddresses, SendAdvert
from linkbalancer.engine.gateway import Gateway
from linkbalancer.engine.membership import Membership
from linkbalancer.engine.routes import route
from linkbalancer.engine.stances import stance
from linkbalancer.links import DEAD_PRIORITY, Address, Interface, Role
from linkbalancer.lvrrp.rules import may_claim
from linkbalancer.vrrp import effects, events
from linkbalancer.vrrp.packet import multicast
from linkbalancer.vrrp.states import Initialize

NAMED = 4
"""Addresses that a record names before the rest is counted."""


def take_stance(gateway: Gateway, now: Instant, membership: Membership) -> None:
    """Judge what is to be done in a group, and have its router do it."""
    taken = stance(gateway, now, membership)
    membership.stance = taken
    router = membership.router
    assert router is not None
    if not taken.runs and router.state == Initialize(None) and membership.installed:
        # Found installed by a predecessor: give them a time limit, as for any other leaving.
        tell_router(gateway, now, membership, events.Startup(DEAD_PRIORITY, found=True))
        if router.state == Initialize(None):
            # The start was refused, so nobody else would ever take them away.
            perform(gateway, now, membership, effects.ReleaseAddresses())
    event = membership.towards(taken)
    if event is not None:
        tell_router(gateway, now, membership, event)
    _moved(gateway, now, membership, taken.reason)


def follow(gateway: Gateway, now: Instant, membership: Membership) -> None:
    """Rule 2, fast follow: the peer is Master and nobody better is heard, so claim without waiting (design 4.4)."""
    router, link = membership.router, gateway.links.get(membership.link or "")
    assert router is not None
    if link is None or gateway.config.role is not Role.CONTROLLER or not (membership.stance and membership.stance.runs):
        return
    peer = link.word(membership.id, now)
    heard = router.heard.priority if router.heard is not None else None
    claims = not membership.is_master and membership.link not in gateway.retirement.links
    if claims and may_claim(peer=peer, own=router.priority, heard=heard):
        tell_router(gateway, now, membership, events.Claim())
    rival = membership.meets_rival()
    if rival and not membership.rival:
        gateway.record_of(membership.id, "alarm", "two far Masters: the far LAN is split")
    membership.rival = rival


def tell_router(gateway: Gateway, now: Instant, membership: Membership, event: events.Event) -> None:
    """Hand the router an event, and do what it wants."""
    router = membership.router
    assert router is not None
    was_master = membership.is_master
    wanted = router.handle(now, event)
    if membership.is_master and not was_master:
        # Table first: the virtual IP must not draw packets that the old next hop would turn back (design 5).
        route(gateway, now, membership)
    for effect in wanted:
        perform(gateway, now, membership, effect)
    if wanted:
        gateway.dirty.add(membership.id)


def perform(gateway: Gateway, now: Instant, membership: Membership, effect: effects.Effect) -> None:
    """Do what a router wants."""
    group = membership.group
    match effect:
        case effects.SendAdvert(priority, last):
            _send_advert(gateway, membership, priority, last)
        case effects.InstallAddresses():
            membership.installed = True
            for device, addresses in group.places().items():
                gateway.out.append(AddAddresses(device, addresses))
                _record_addresses(gateway, membership, f"{_named(addresses)} installed on {device}", device)
        case effects.ReleaseAddresses():
            membership.installed = False
            for device, addresses in group.places().items():
                gateway.out.append(RemoveAddresses(device, addresses))
                _record_addresses(gateway, membership, f"{_named(addresses)} removed from {device}", device)
        case effects.ExchangeAddresses(added, removed):
            gateway.out += [AddAddresses(device, (address,)) for device, address in added]
            gateway.out += [RemoveAddresses(device, (address,)) for device, address in removed]
        case effects.AnnounceAddresses():
            gateway.out += [
                Announce(
                    device, tuple(one.ip for one in addresses), group.mac if device == group.address_device else None
                )
                for device, addresses in group.places().items()
            ]
        case effects.Changed(_, _, reason):
            stopped = membership.stance is not None and not membership.stance.runs
            _moved(gateway, now, membership, membership.stance.reason if stopped and membership.stance else reason)
        case _:
            assert_never(effect)


def _record_addresses(gateway: Gateway, membership: Membership, text: str, device: str) -> None:
    gateway.record_of(membership.id, "kernel", text, device=device)


def _named(addresses: tuple[Interface, ...]) -> str:
    more = f" and {len(addresses) - NAMED} more" if len(addresses) > NAMED else ""
    return ", ".join(map(str, addresses[:NAMED])) + more


def _send_advert(gateway: Gateway, membership: Membership, priority: int, last: Address | None) -> None:
    source = last or gateway.known.origin(membership.group)
    assert source is not None, "a router without a primary address is in Initialize"
    group = membership.group
    for destination in group.peers or (multicast(group.family),):
        gateway.known.count("vrrp:sent")
        message = membership.advert(priority, source, destination)
        gateway.out.append(SendAdvert(group.device, source, message, destination, group.mac))


def _moved(gateway: Gateway, now: Instant, membership: Membership, reason: str) -> None:
    if membership.state is membership.shown:
        return
    membership.shown = membership.state
    membership.generation += 1
    membership.transitions += 1
    membership.since, membership.reason = now, reason
    gateway.dirty.add(membership.id)
    gateway.known.change(now)
    gateway.record_of(membership.id, "vid", f"{membership.state.name.lower()}: {reason}")
