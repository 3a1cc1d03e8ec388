"""What is told of a gateway's standing: in a group its state, priority, and a rival beaten; of sync groups theirs."""

from collections.abc import Iterable, Sequence

from linkbalancer.clock import Instant
from linkbalancer.engine.chronicle import named
from linkbalancer.engine.effects import Record
from linkbalancer.engine.gateway import Gateway
from linkbalancer.engine.membership import Membership
from linkbalancer.links import GroupState, LinkName
from linkbalancer.lvrrp.events import Change
from linkbalancer.vrrp.events import Heard


def tell_state(gateway: Gateway, membership: Membership, reason: str) -> None:
    """Tell that the state has changed."""
    membership.told_priority = membership.priority
    facts: dict[str, str | int] = {"state": _word(gateway, membership), "priority": membership.priority}
    gateway.record_of(membership.id, "vid", f"{membership.state.name.lower()}: {reason}", **facts)


def tell_priority(gateway: Gateway, membership: Membership, reason: str) -> None:
    """Tell that the priority has changed, while the state has not; without VRRP there is none."""
    before, after = membership.told_priority, membership.priority
    membership.told_priority = after
    if before and after and before != after:
        facts: dict[str, str | int] = {"state": membership.state.name.lower(), "priority": after}
        gateway.record_of(membership.id, "priority", f"priority {before} to {after}: {reason}", **facts)


def tell_adjusted(gateway: Gateway, now: Instant, name: LinkName, changes: Sequence[Change]) -> None:
    """Tell what a link's controller has made of priorities here, and have the stances follow."""
    by = gateway.links[name].peer.node or "the controller"
    for change in changes:
        membership = gateway.memberships.get(change.group)
        if membership is None or membership.link != name:
            continue  # another gateway's business: nothing here is moved by it
        configured = membership.group.priority
        before, after = change.before or configured, change.after or configured
        weight = "" if change.weight is None else f", weight {change.weight:g}"
        end = f"adjusted by {by}{weight}" if change.after is not None else f"as configured, {change.reason}"
        fields: tuple[tuple[str, str | int], ...] = (*named(change.group), ("link", name), ("priority", after))
        gateway.out.append(
            Record("adjusted", f"VID {change.group}", f"base priority {before} to {after}: {end}", fields)
        )
        gateway.dirty.add(change.group)
        gateway.known.change(now)


def tell_beaten(gateway: Gateway, membership: Membership, heard: Heard) -> None:
    """Tell that another Master was heard and has lost, as after a split has healed: no state changes here."""
    text = f"stays Master: {heard.source} is one too, with priority {heard.priority}, and loses"
    facts: dict[str, str | int] = {"state": "master", "priority": membership.priority, "source": str(heard.source)}
    gateway.record_of(membership.id, "rival", text, **facts)


def recall_sync_groups(gateway: Gateway) -> None:
    """Go on from what a predecessor told of sync groups, by how it showed their members: that is no news."""
    for name, sync in {one.name: one for one in gateway.concert.groups.values()}.items():
        members = [gateway.memberships[one] for one in sync.members]
        shown = [one.shown for one in members if one.shown is not None]
        if len(shown) == len(members):
            gateway.sync_states[name] = _together(members, shown)[0]


def tell_sync_groups(gateway: Gateway, touched: Iterable[Membership]) -> None:
    """Tell which sync groups are in another state than before, by their members: never counted, always derived."""
    groups = gateway.concert.groups
    for _name, sync in sorted({groups[one.id].name: groups[one.id] for one in touched if one.id in groups}.items()):
        members = [gateway.memberships[one] for one in sync.members]
        state, member = _together(members, [one.state for one in members])
        if state != gateway.sync_states.get(sync.name):
            gateway.sync_states[sync.name] = state
            text = f"{state}: VID {member.id} {_word(gateway, member)}"
            fields: tuple[tuple[str, str | int], ...] = (*named(member.id), ("state", state))
            gateway.out.append(Record("sync-group", sync.name, text, fields))


def _together(members: Sequence[Membership], states: Sequence[GroupState]) -> tuple[str, Membership]:
    """Return the state of a sync group, in Keepalived's words, and the member that it is due to."""
    for one, state in zip(members, states, strict=True):
        if state not in {GroupState.MASTER, GroupState.BACKUP}:
            return "fault", one
    for one, state in zip(members, states, strict=True):
        if state is GroupState.BACKUP:
            return "backup", one
    return "master", max(members, key=lambda one: one.since)


def _word(gateway: Gateway, membership: Membership) -> str:
    """Return the state in a word, which tells a stop for good from one of a while."""
    if gateway.leaving:
        return "stop"
    if membership.id in gateway.retirement.groups:
        return "deleted"
    return membership.state.name.lower()
