"""The conclusions that are drawn after every event, from what is known now, for the groups that the event touched."""

from linkbalancer.clock import Instant
from linkbalancer.engine import assured, conduct, standing
from linkbalancer.engine.effects import Left, Publish
from linkbalancer.engine.gateway import Gateway
from linkbalancer.engine.liaison import tell_link
from linkbalancer.engine.membership import Membership
from linkbalancer.engine.routes import route
from linkbalancer.engine.stances import stance
from linkbalancer.links import Family, GroupId
from linkbalancer.lvrrp import events as lvrrp


def conclude(gateway: Gateway, now: Instant) -> None:
    """Draw them: stance, mastership, next hop, words to the peers, the table of VIDs."""
    touched, gateway.dirty = gateway.dirty, set()
    if not touched or not gateway.running:
        return
    memberships = [gateway.memberships[group] for group in sorted(_widened(gateway, now, touched))]
    for membership in memberships:
        if membership.router is not None:
            conduct.take_stance(gateway, now, membership)
            conduct.follow(gateway, now, membership)
        route(gateway, now, membership)
        gateway.told.note_deadline(membership)
    gateway.out += gateway.halves.conclude(now)
    standing.tell_sync_groups(gateway, memberships)
    for name, words, fault in gateway.told.word(memberships, gateway.known.witnesses):
        tell_link(gateway, now, name, lvrrp.Words(words, gateway.concord.digest, fault))
    _publish(gateway, now, memberships)
    _finish_leaving(gateway)
    gateway.dirty.clear()


def _widened(gateway: Gateway, now: Instant, touched: set[GroupId]) -> set[GroupId]:
    """Judge the members of sync groups first; return what is touched, with those that must follow another."""
    concert = gateway.concert
    pending, judged = touched & concert.groups.keys(), set[GroupId]()
    while pending:
        group = pending.pop()
        judged.add(group)
        pending |= concert.judge(group, stance(gateway, now, gateway.memberships[group])) - judged
    return touched | judged


def _publish(gateway: Gateway, now: Instant, touched: list[Membership]) -> None:
    """Tell the applications; IPv4 alone is steered."""
    steered = [one for one in touched if one.id.family is Family.IPV4]
    changed = gateway.told.enter(assured.entries(gateway, now, steered))
    if not changed and gateway.table is not None:
        return
    entries = gateway.told.entries()
    if gateway.is_waiting(now) and not all(entry.works for entry in entries):
        return
    gateway.table = gateway.known.table(entries)
    gateway.out.append(Publish(gateway.table))


def _finish_leaving(gateway: Gateway) -> None:
    if gateway.leaving and not gateway.left and not any(one.installed for one in gateway.memberships.values()):
        gateway.left = True
        gateway.out.append(Left())
