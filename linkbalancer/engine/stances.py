"""Which stance a gateway takes in a group: what is known beside VRRP decides whether it runs, at which priority."""

from linkbalancer.clock import Instant
from linkbalancer.engine import drain
from linkbalancer.engine.gateway import Gateway
from linkbalancer.engine.membership import Membership
from linkbalancer.engine.retirement import LEAVING, REMOVED
from linkbalancer.links import DEAD_PRIORITY, GroupState, Role
from linkbalancer.lvrrp.rules import Stance, controlled_stance, controller_stance


def stance(gateway: Gateway, now: Instant, membership: Membership) -> Stance:
    """Return the stance in a group that this gateway is a member of."""
    if gateway.leaving:
        return LEAVING
    if membership.id in gateway.retirement.groups:
        return REMOVED
    fault = gateway.known.fault_of(membership.group) or gateway.tracking.fault(membership.id)
    link = gateway.links.get(membership.link or "")
    adjusted = None if link is None else link.adjusted(membership.id)
    # What the link is worth is the controller's to say, what this gateway is worth the trackers': they are added.
    base = gateway.tracking.base(membership.id, adjusted or membership.group.priority, lowest=_lowest(gateway))
    drained = gateway.drained.reason(membership.vid, membership.link)
    if fault is None and drained is not None:
        return drain.stance(drained)
    if link is None:
        return _without_link(base, fault)
    decide = controller_stance if gateway.config.role is Role.CONTROLLER else controlled_stance
    return decide(
        base=base,
        link_open=gateway.is_open(now, membership),
        peer=link.word(membership.id, now),
        fault=fault,
        peer_fault=link.peer.fault,
        on_probe_loss=link.settings.on_probe_loss,
    )


def _without_link(base: int, fault: str | None) -> Stance:
    """Return the stance of plain VRRP: at the base priority, that of an owner too, unless a fault forbids it."""
    if fault is not None:
        return Stance(runs=False, priority=0, stopped_as=GroupState.FAULT, tier=None, reason=fault)
    return Stance(runs=True, priority=base, stopped_as=GroupState.UNKNOWN, tier=None, reason="without a link")


def _lowest(gateway: Gateway) -> int:
    """Return the lowest priority that weights lead to: at the controlled end 1 means a dead link."""
    return DEAD_PRIORITY + 1 if gateway.config.role is Role.CONTROLLED else 1
