"""Adverts that say once more what was last heard: nearly all that a Backup hears, so they must cost next to nothing.

Everything that is concluded from an advert depends on what it says and on what else is known, and whatever else becomes
known is concluded from when it does. So an advert that repeats the last one, to a router that follows its sender and
goes on following it, moves timers and nothing else; and from the second time on not even those: when it came is noted,
and what that makes of the timers is reckoned when somebody looks.
"""

from linkbalancer.clock import Instant
from linkbalancer.engine.delegate import Delegate
from linkbalancer.engine.events import AdvertReceived
from linkbalancer.engine.gateway import Gateway, Repetition
from linkbalancer.engine.hearing import likeness
from linkbalancer.engine.membership import Membership
from linkbalancer.links import Mac
from linkbalancer.vrrp.events import Heard
from linkbalancer.vrrp.heard import LastHeard
from linkbalancer.vrrp.router import Router

_REMEMBERED_MAX = 4
"""Adverts of one group that are remembered."""


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
        membership.observer.share(router.heard, heard)  # what it would have made of it itself
        gateway.told.postpone(now, membership)
    return steady


def remember(gateway: Gateway, event: AdvertReceived, membership: Membership, heard: Heard) -> None:
    """Remember an advert that was heard again: the next one like it may be no more than a count and an instant."""
    if len(gateway.repetitions) >= _REMEMBERED_MAX * len(gateway.memberships):
        gateway.repetitions.clear()
    gateway.repetitions[likeness(event)] = Repetition(membership, heard, event.source_mac)


def is_repetition(gateway: Gateway, now: Instant, event: AdvertReceived) -> bool:
    """Take in an advert that was heard again before; return False, untouched, where anything has changed since."""
    known = gateway.repetitions.get(likeness(event))
    if known is None or known.mac != event.source_mac:
        return False
    membership, heard = known.membership, known.heard
    router, observer = membership.router, membership.observer
    if (
        membership.master_mac != known.mac
        or not membership.is_settled
        or not isinstance(router, Router)
        or not router.is_repeated_by(heard)
        or not observer.is_repeated_by(heard)
    ):
        return False
    router.repeat(now)
    observer.repeat(now)
    gateway.told.postpone(now, membership)
    gateway.known.count("vrrp:received")
    gateway.hearing.counters.received(membership.id, heard.priority)
    return True


def _says(heard: Heard, last: LastHeard | None) -> bool:
    """Tell whether an advert says what another one did."""
    return (
        last is not None
        and heard.source == last.source
        and heard.priority == last.priority > 0
        and heard.interval == last.interval
    )
