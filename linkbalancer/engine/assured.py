"""Which service levels each VID breaks: those that its Master's link does, here or at a neighbour's."""

from linkbalancer.clock import Instant
from linkbalancer.engine.company import elements
from linkbalancer.engine.effects import Record
from linkbalancer.engine.events import HeraldReceived, Measured
from linkbalancer.engine.gateway import Gateway
from linkbalancer.engine.membership import Membership
from linkbalancer.engine.told import entry
from linkbalancer.feed.table import VidEntry
from linkbalancer.weights.metrics import Metrics


def measure(gateway: Gateway, now: Instant, event: Measured, here: Metrics) -> None:
    """Judge an own link by what both ends know of it."""
    link = gateway.links[event.link]
    if link.is_open and gateway.ledger.measured(now, event.link, here, link.peer.metrics):
        gateway.touch()


def hear(gateway: Gateway, now: Instant, event: HeraldReceived) -> None:
    """Judge a neighbour's links by what it tells of them."""
    if gateway.ledger and gateway.ledger.hear(now, event.device, str(event.source), elements(event.data)):
        gateway.touch()


def speak(gateway: Gateway, now: Instant) -> None:
    """Tell the LAN of this gateway, when it is time to; judge what has waited."""
    refused = gateway.company.refuses
    gateway.out += gateway.company.speak(now, gateway.ledger.pages, gateway.halves.refused)
    if gateway.company.refuses != refused:
        gateway.touch()  # who refused IPv6 is not heard any more
    if gateway.ledger and gateway.ledger.tick(now):
        gateway.touch()


def entries(gateway: Gateway, now: Instant, steered: list[Membership]) -> list[VidEntry]:
    """Return what the applications are told of VIDs; note what they break that they did not, or no more."""
    found = []
    for one in steered:
        before = gateway.told.breaks(one.vid)
        fresh = entry(one, retires=one.id in gateway.retirement.groups, breaks=_breaks(gateway, one))
        found.append(fresh)
        if fresh.breaks != before:
            gateway.known.change(now)
            gateway.out += _records(one, dict(before), dict(fresh.breaks))
    return found


def _breaks(gateway: Gateway, membership: Membership) -> tuple[tuple[str, str], ...]:
    """Return what the link breaks that carries a VID; of one that nobody carries there is nothing to say."""
    if not gateway.ledger:
        return ()
    if membership.is_master:
        return gateway.ledger.of_own(membership.link or "")
    other = membership.other_master()
    if other is None:
        return ()
    return gateway.ledger.of_neighbour(membership.group.device, str(other), membership.vid)


def _records(membership: Membership, before: dict[str, str], after: dict[str, str]) -> list[Record]:
    """Say which levels a VID breaks now, and which it keeps again."""
    texts = [f"breaks sla={level}: {after[level]}" for level in after if level not in before]
    texts += [f"keeps sla={level} again" for level in before if level not in after]
    fields = (("vid", membership.vid),)
    return [Record("service-level", f"VID {membership.id}", text, fields) for text in texts]
