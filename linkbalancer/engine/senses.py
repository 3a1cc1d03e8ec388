"""What a gateway senses of its LANs and links: adverts, datagrams, devices, neighbours."""

from linkbalancer.clock import Instant
from linkbalancer.engine import assured, conduct, standing
from linkbalancer.engine.effects import SetMembers
from linkbalancer.engine.events import (
    AdvertReceived,
    DatagramReceived,
    DeviceChanged,
    HeraldReceived,
    LegHeard,
    Measured,
    NeighbourHeard,
)
from linkbalancer.engine.gateway import Gateway
from linkbalancer.engine.liaison import tell_link
from linkbalancer.engine.measures import known_here
from linkbalancer.engine.membership import Membership
from linkbalancer.engine.reception import admit
from linkbalancer.engine.repetition import hear_again, remember
from linkbalancer.links import Address
from linkbalancer.lvrrp import events as lvrrp
from linkbalancer.vrrp import events as vrrp


def receive(gateway: Gateway, now: Instant, event: AdvertReceived | DatagramReceived) -> None:
    """Take in a packet."""
    if isinstance(event, AdvertReceived):
        _advert(gateway, now, event)
    elif event.link in gateway.links:
        tell_link(gateway, now, event.link, lvrrp.Received(event.data))


def measure(gateway: Gateway, now: Instant, event: Measured) -> None:
    """Keep what the host measured of a link, and let the link tell its peer all that is known here."""
    link = gateway.links.get(event.link)
    if link is not None:
        gateway.known.measured[event.link] = event
        here = known_here(link, event, gateway.memberships.values())
        tell_link(gateway, now, event.link, lvrrp.Measure(here))
        assured.measure(gateway, now, event, here)
        peer = link.peer.metrics if link.is_open else None
        gateway.scales.measured(event.link, here if peer is None else here.joined(peer))


def _advert(gateway: Gateway, now: Instant, event: AdvertReceived) -> None:
    admitted = admit(gateway, now, event)
    if admitted is None:
        return
    membership, heard, plain = admitted
    if hear_again(gateway, now, membership, heard, event.source_mac):
        if plain:
            remember(gateway, event, membership, heard)
        return
    gateway.dirty.add(membership.id)
    was_master, is_news = membership.is_master, observe(gateway, now, membership, heard)
    followed = membership.observer.heard
    if heard.priority > 0 and followed is not None and followed.source == heard.source:
        # Only whom the observer follows: a stranger's adverts neither draw packets nor teach us members.
        membership.master_mac = event.source_mac
        _meet(gateway, event, heard.source)
    if membership.router is not None:
        conduct.tell_router(gateway, now, membership, heard)
    if is_news and was_master and membership.is_master and heard.priority > 0:
        standing.tell_beaten(gateway, membership, heard)


def observe(gateway: Gateway, now: Instant, membership: Membership, event: vrrp.Heard | vrrp.Tick) -> bool:
    """Let who only hears hear it; return whether it is news."""
    for changed in membership.observer.handle(now, event):
        if membership.router is None:
            membership.since, membership.reason = now, changed.reason
    heard = membership.observer.heard
    records = gateway.chronicle.heard(membership.id, heard, is_master=membership.is_master)
    gateway.out += records
    return bool(records)


def _meet(gateway: Gateway, event: AdvertReceived, speaker: Address) -> None:
    if gateway.known.meet(event.device, event.source_mac, speaker):
        gateway.out.append(SetMembers(event.device, gateway.known.members(event.device)))


def listen(gateway: Gateway, now: Instant, event: NeighbourHeard | LegHeard | HeraldReceived) -> None:
    """Take in who is heard on a LAN, or whether anybody is, or what another gateway tells there."""
    if isinstance(event, HeraldReceived):
        before = gateway.company.refused(event.device, str(event.source))
        gateway.out += gateway.company.hear(now, event.device, str(event.source), event.data)
        if gateway.company.refused(event.device, str(event.source)) != before:
            gateway.touch()
        assured.hear(gateway, now, event)
        return
    if isinstance(event, LegHeard):
        gateway.known.leg(event.device, alive=event.alive)
        gateway.out += gateway.chronicle.device(event.device, gateway.known.fault(event.device))
        if event.alive:
            conduct.announce_again(gateway, now, event.device)
    else:
        returns = gateway.known.returns(event)
        if gateway.known.neighbour(event):
            gateway.out.append(SetMembers(event.device, gateway.known.members(event.device)))
        if returns:
            # While the LAN was split, another Master may have told the hosts beyond that the virtual IPs are there.
            conduct.announce_again(gateway, now, event.device)
    gateway.dirty.update(group for group, one in gateway.memberships.items() if one.group.device == event.device)


def look(gateway: Gateway, now: Instant, event: DeviceChanged) -> None:
    """Take in what a device is now."""
    gateway.known.device(event)
    gateway.repetitions.clear()  # what was somebody else's address may be ours
    gateway.out += gateway.chronicle.device(event.device, gateway.known.fault(event.device))
    for name, link in gateway.links.items():
        if link.settings.device == event.device:
            tell_link(gateway, now, name, lvrrp.Carrier(event.carrier))
    for group, membership in gateway.memberships.items():
        if membership.group.device == event.device:
            gateway.dirty.add(group)
            if membership.router is not None:
                origin = gateway.known.origin(membership.group)
                conduct.tell_router(gateway, now, membership, vrrp.SetPrimary(origin))
    if event.carrier:
        conduct.announce_again(gateway, now, event.device)
