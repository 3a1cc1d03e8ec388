"""Adverts that say once more what was last heard: nearly all that a Backup hears, so they must cost next to nothing.

Everything that is concluded from an advert depends on what it says and on what else is known, and whatever else becomes
known is concluded from when it does. So an advert that repeats the last one, to a router that follows its sender and
goes on following it, moves timers and nothing else.
"""

from linkbalancer.clock import Instant
from linkbalancer.engine.delegate import Delegate
from linkbalancer.engine.gateway import Gateway
from linkbalancer.engine.membership import Membership
from linkbalancer.links import Mac
from linkbalancer.vrrp.events import Heard
from linkbalancer.vrrp.heard import LastHeard


def hear_again(gateway: Gateway, now: Instant, membership: Membership, heard: Heard, mac: Mac) -> bool:
    """Let a membership hear what it heard last, from the same MAC; return False where more may follow from it."""
    router = membership.router
    steady = (
        router is not None
        and not isinstance(router, Delegate)
        and router.is_following
        and membership.is_settled
        and membership.master_mac == mac
        and gateway.table is not None
        and membership.id not in gateway.concert.groups
        and _says(heard, router.heard)
        and _says(heard, membership.observer.heard)
    )
    if steady and router is not None:
        router.handle(now, heard)
        membership.observer.heard = router.heard  # what it would have made of it itself
        gateway.told.postpone(now, membership)
    return steady


def _says(heard: Heard, last: LastHeard | None) -> bool:
    """Tell whether an advert says what another one did."""
    return (
        last is not None
        and heard.source == last.source
        and heard.priority == last.priority > 0
        and heard.interval == last.interval
    )
