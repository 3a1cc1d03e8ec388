"""What is told of this gateway's standing in a group: its state, its priority, and a rival that it has beaten."""

from linkbalancer.engine.gateway import Gateway
from linkbalancer.engine.membership import Membership
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


def tell_beaten(gateway: Gateway, membership: Membership, heard: Heard) -> None:
    """Tell that another Master was heard and has lost, as after a split has healed: no state changes here."""
    text = f"stays Master: {heard.source} is one too, with priority {heard.priority}, and loses"
    facts: dict[str, str | int] = {"state": "master", "priority": membership.priority, "source": str(heard.source)}
    gateway.record_of(membership.id, "rival", text, **facts)


def _word(gateway: Gateway, membership: Membership) -> str:
    """Return the state in a word, which tells a stop for good from one of a while."""
    if gateway.leaving:
        return "stop"
    if membership.id in gateway.retirement.groups:
        return "deleted"
    return membership.state.name.lower()
