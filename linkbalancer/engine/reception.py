"""What becomes of an advert that arrives: a refused one is counted and, once, said; the rest is for one membership."""

from linkbalancer.clock import Instant
from linkbalancer.engine.events import AdvertReceived
from linkbalancer.engine.gateway import Gateway
from linkbalancer.engine.membership import Membership
from linkbalancer.vrrp.events import Heard


def admit(gateway: Gateway, now: Instant, event: AdvertReceived) -> tuple[Membership, Heard, bool] | None:
    """Return whom an advert concerns, what its router hears, and whether there is nothing else to it.

    None where it concerns nobody, or must not.
    """
    verdict, records = gateway.hearing.hear(now, event, gateway.known.own_addresses(event.device))
    gateway.known.count(f"vrrp:{verdict.reason or 'received'}")
    if gateway.running:
        gateway.out += records
    if verdict.group is None or verdict.heard is None:
        return None
    return gateway.memberships[verdict.group.id], verdict.heard, not (records or verdict.differs)
