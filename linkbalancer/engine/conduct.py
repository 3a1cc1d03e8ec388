"""How a gateway conducts itself in a group: from a stance to the VRRP router, and from there to the world."""

from collections.abc import Mapping, Sequence
from dataclasses import replace
from typing import TypeAlias, assert_never

from linkbalancer.clock import Instant
from linkbalancer.engine import standing, synchrony
from linkbalancer.engine.counters import Step
from linkbalancer.engine.delegate import Delegate, KeepalivedSaid, Steer
from linkbalancer.engine.effects import AddAddresses, RemoveAddresses, SendAdvert, SteerKeepalived
from linkbalancer.engine.events import KeepalivedSays
from linkbalancer.engine.gateway import Gateway
from linkbalancer.engine.membership import Membership
from linkbalancer.engine.routes import route
from linkbalancer.engine.stances import stance
from linkbalancer.links import DEAD_PRIORITY, Address, DeviceName, Interface, Role
from linkbalancer.lvrrp.rules import may_claim
from linkbalancer.vrrp import effects, events
from linkbalancer.vrrp.packet import multicast
from linkbalancer.vrrp.router import Router
from linkbalancer.vrrp.states import Initialize

Wanted: TypeAlias = effects.Effect | Steer
Places: TypeAlias = Mapping[DeviceName, tuple[Interface, ...]]

NAMED = 4
"""Addresses that a record names before the rest is counted."""


def take_stance(gateway: Gateway, now: Instant, membership: Membership) -> None:
    """Judge what is to be done in a group, and have its router do it."""
    synchronised = membership.id in gateway.concert.groups
    taken = gateway.concert.stance(membership.id) if synchronised else stance(gateway, now, membership)
    membership.stance = taken
    router = membership.router
    assert router is not None
    if not taken.runs and _is_idle(router) and membership.installed:
        # Found installed by a predecessor: give them a time limit, as for any other leaving.
        tell_router(gateway, now, membership, events.Startup(DEAD_PRIORITY, found=True))
        if _is_idle(router):
            # The start was refused, so nobody else would ever take them away.
            perform(gateway, now, membership, effects.ReleaseAddresses())
    event = membership.towards(taken)
    if event is not None:
        tell_router(gateway, now, membership, event)
    _moved(gateway, now, membership, taken.reason)
    if not taken.runs:
        membership.reason = taken.reason  # of several reasons one may go, and the others keep it from running


def _is_idle(router: Router | Delegate) -> bool:
    """Tell whether it neither runs nor holds addresses."""
    return router.state == Initialize(None)


def follow(gateway: Gateway, now: Instant, membership: Membership) -> None:
    """Rule 2, fast follow: the peer is Master and nobody better is heard, so claim without waiting (design 4.4)."""
    router, link = membership.router, gateway.links.get(membership.link or "")
    assert router is not None
    if link is None or gateway.config.role is not Role.CONTROLLER or not (membership.stance and membership.stance.runs):
        return
    peer = link.word(membership.id, now)
    heard = router.heard.priority if router.heard is not None else None
    # A successor waits for the first word of its own, a flight or two: what its predecessor heard may be over.
    claims = link.has_met and not membership.is_master and membership.link not in gateway.retirement.links
    if claims and may_claim(peer=peer, own=router.priority, heard=heard):
        tell_router(gateway, now, membership, events.Claim())
    rival = membership.meets_rival()
    if rival and not membership.rival:
        gateway.record_of(membership.id, "alarm", "two far Masters: the far LAN is split")
    membership.rival = rival


def tell_router(
    gateway: Gateway, now: Instant, membership: Membership, event: events.Event, *, alone: bool = False
) -> None:
    """Hand the router an event, do what it wants, and (but for `alone`) let its sync group follow."""
    router = membership.router
    assert router is not None
    was_master, state, heard = membership.is_master, router.group_state, router.heard
    sync = None if alone or isinstance(router, Delegate) else gateway.concert.groups.get(membership.id)
    before = None if sync is None or isinstance(router, Delegate) else synchrony.standing(router)
    wanted: Sequence[Wanted] = router.handle(now, event)
    if router.group_state is not state or not isinstance(event, events.Tick):
        # A tick that changes no state is nothing that anybody counts: most are a Master's, who says so again.
        _count(gateway, membership, Step(event, state, router.group_state, heard, router.priority))
    if membership.is_master and not was_master:
        membership.observer.forget()
        # Table first: the virtual IP must not draw packets that the old next hop would turn back (design 5).
        route(gateway, now, membership)
    if was_master and not membership.is_master and not isinstance(event, events.Heard):
        # What was heard meanwhile lost to us: whether its sender is Master now is for its next advert to say.
        membership.observer.forget()
    for effect in wanted:
        perform(gateway, now, membership, effect)
    for effect in wanted:
        if not isinstance(effect, effects.SendAdvert):
            gateway.dirty.add(membership.id)
    if sync is None or before is None:
        return
    done = [effect for effect in wanted if not isinstance(effect, Steer)]
    for other, order in sync.orders(membership.id, before, event, done, gateway.concert.routers):
        gateway.dirty.add(other)  # its deadline may be another one, whatever it wants
        if isinstance(order, effects.AnnounceAddresses):
            perform(gateway, now, gateway.memberships[other], order)
        else:
            tell_router(gateway, now, gateway.memberships[other], order, alone=True)


def hear_keepalived(gateway: Gateway, now: Instant, event: KeepalivedSays) -> None:
    """Take what the Keepalived that runs a group says of it; of other groups it says nothing."""
    membership = gateway.memberships.get(event.group)
    if membership is None or not isinstance(membership.router, Delegate):
        return
    wanted = membership.router.handle(now, KeepalivedSaid(event.state, event.priority))
    gateway.dirty.add(membership.id)
    for effect in wanted:
        perform(gateway, now, membership, effect)


def announce_again(gateway: Gateway, now: Instant, device: DeviceName) -> None:
    """Announce what this gateway is Master of on a device that was perhaps out of hearing until now."""
    for membership in gateway.memberships.values():
        if membership.group.device == device and membership.is_master and membership.installed:
            gateway.announcements.want(now, membership.group)
    gateway.out += gateway.announcements.send(now)


def _count(gateway: Gateway, membership: Membership, step: Step) -> None:
    if isinstance(step.event, events.Shutdown | events.SetPrimary):
        known, group = gateway.known, membership.group
        step = replace(step, carrier=known.has_carrier(group.device), address=known.origin(group) is not None)
    gateway.hearing.counters.moved(membership.id, step)


def perform(gateway: Gateway, now: Instant, membership: Membership, effect: Wanted) -> None:
    """Do what a router wants."""
    group = membership.group
    match effect:
        case effects.SendAdvert(priority, source):
            _send_advert(gateway, membership, priority, source)
        case effects.InstallAddresses() | effects.ReleaseAddresses() | effects.ExchangeAddresses():
            _move_addresses(gateway, now, membership, effect)
        case effects.AnnounceAddresses():
            gateway.announcements.want(now, group)
            gateway.out += gateway.announcements.send(now)
        case Steer(asked):
            gateway.out.append(SteerKeepalived(membership.id, asked))
            said = "fault" if asked is None else f"priority {asked}"
            gateway.record_of(membership.id, "keepalived", f"Keepalived is to have {said}")
        case effects.Changed(_, _, reason):
            if not membership.is_master:
                gateway.announcements.cancel(group)
            stopped = membership.stance is not None and not membership.stance.runs
            _moved(gateway, now, membership, membership.stance.reason if stopped and membership.stance else reason)
        case _:
            assert_never(effect)


def _move_addresses(
    gateway: Gateway,
    now: Instant,
    membership: Membership,
    effect: effects.InstallAddresses | effects.ReleaseAddresses | effects.ExchangeAddresses,
) -> None:
    group, announcements = membership.group, gateway.announcements
    match effect:
        case effects.InstallAddresses():
            membership.installed = True
            _install(gateway, membership, group.places())
        case effects.ReleaseAddresses():
            membership.installed = False
            _remove(gateway, membership, group.places())
        case effects.ExchangeAddresses(added, removed, announce):
            _install(gateway, membership, dict(added))
            for device, addresses in added if announce else ():
                announcements.want_some(now, group, device, addresses)
            gateway.out += announcements.send(now)
            for device, addresses in removed:
                announcements.cancel_some(group, device, addresses)
            _remove(gateway, membership, dict(removed))
        case _:
            assert_never(effect)


def _install(gateway: Gateway, membership: Membership, places: Places) -> None:
    for device, addresses in places.items():
        gateway.out.append(AddAddresses(device, addresses))
        text = f"{_named(addresses)} installed on {device}"
        gateway.record_of(membership.id, "kernel", text, device=device)


def _remove(gateway: Gateway, membership: Membership, places: Places) -> None:
    for device, addresses in places.items():
        gateway.out.append(RemoveAddresses(device, addresses))
        text = f"{_named(addresses)} removed from {device}"
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
        gateway.hearing.counters.sent(group.id, priority)
        message = membership.advert(priority, source, destination, gateway.hearing.form(group, destination))
        gateway.out.append(SendAdvert(group.device, source, message, destination, group.mac))


def _moved(gateway: Gateway, now: Instant, membership: Membership, reason: str) -> None:
    if membership.state is membership.shown:
        standing.tell_priority(gateway, membership, reason)
        return
    membership.shown = membership.state
    membership.generation += 1
    membership.transitions += 1
    membership.since, membership.reason = now, reason
    gateway.dirty.add(membership.id)
    gateway.hearing.moved(membership.group.device, membership.id)
    gateway.known.change(now)
    standing.tell_state(gateway, membership, reason)
