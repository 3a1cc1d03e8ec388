"""The rules of LVrrp per VID: what the link's and the peer's state make of this gateway's membership (design 4.4).

Each is a function of the last confirmed knowledge, never a sum: nothing accumulates, so nothing has to be undone.
"""

from dataclasses import dataclass
from enum import StrEnum

from linkbalancer.links import DEAD_PRIORITY, GroupState, GroupWord, OnProbeLoss, Role

BASE_MIN = 1
BASE_MAX = 254


class Tier(StrEnum):
    """How good a near gateway is as Master: with a Master opposite, unknown, without one, without a link."""

    HIGH = "high"
    MID = "mid"
    LOW = "low"
    DEAD = "dead"


_RANGES = {
    Tier.HIGH: (170, 254),
    Tier.MID: (86, 169),
    Tier.LOW: (2, 85),
    Tier.DEAD: (DEAD_PRIORITY, DEAD_PRIORITY),
}


@dataclass(frozen=True, slots=True)
class Stance:
    """Whether a group runs VRRP, and how.

    `priority` is 1..254 while it runs, else 0; `stopped_as` is the state to tell the peer while it does not run (and
    UNKNOWN while it runs, for then the router's own state is told); `tier` is None where the base priority stands.
    """

    runs: bool
    priority: int
    stopped_as: GroupState
    tier: Tier | None
    reason: str


def tier_priority(tier: Tier, base: int) -> int:
    """Return the effective priority: the base priority 1..254 orders inside the tier's range, never beyond it."""
    assert BASE_MIN <= base <= BASE_MAX, "the configuration refuses other priorities in groups with a link"
    low, high = _RANGES[tier]
    return low + (base - BASE_MIN) * (high - low) // (BASE_MAX - BASE_MIN)


def controller_stance(
    *,
    base: int,
    link_open: bool,
    peer: GroupWord | None,
    fault: str | None,
    on_probe_loss: OnProbeLoss,
    peer_fault: str = "",
) -> Stance:
    """Return the stance of a near gateway (mission L2, rules 0 to 3).

    `peer` is the far end's last word on the VID, None when there is none or it is too old: an unknown peer changes as
    little as may be (L8). `fault` says in a few words why this gateway must not serve its LAN, `peer_fault`
    why its peer does not.
    """
    barred = _barred(base=base, link_open=link_open, fault=fault, on_probe_loss=on_probe_loss)
    if barred is not None:
        return barred
    if peer is None or peer.state is GroupState.UNKNOWN:
        return _running(Tier.MID, base, "peer unknown")
    if peer.state is GroupState.FAULT:
        # The far gateway cannot serve its LAN: the series group fails as a whole, as if the link were closed.
        return _running(Tier.DEAD, base, _fault_of_peer(peer_fault))
    if peer.state is GroupState.MASTER:
        return _running(Tier.HIGH, base, "peer is master")
    return _running(Tier.LOW, base, f"peer is {peer.state.name.lower()}")


def controlled_stance(
    *,
    base: int,
    link_open: bool,
    peer: GroupWord | None,
    fault: str | None,
    on_probe_loss: OnProbeLoss,
    peer_fault: str = "",
) -> Stance:
    """Return the stance of a far gateway: its own election drives everything (L3), save that a near Fault holds it."""
    barred = _barred(base=base, link_open=link_open, fault=fault, on_probe_loss=on_probe_loss)
    if barred is not None:
        return barred
    if peer is not None and peer.state is GroupState.FAULT:
        return _stopped(GroupState.HELD, _fault_of_peer(peer_fault))
    return Stance(runs=True, priority=base, stopped_as=GroupState.UNKNOWN, tier=None, reason="link open")


def may_claim(*, peer: GroupWord | None, own: int, heard: int | None) -> bool:
    """Return whether a Backup may become Master at once (rule 2, fast follow).

    The peer must be Master, and the last advert heard (None: there is none) lower than our own effective priority.
    """
    return peer is not None and peer.state is GroupState.MASTER and (heard is None or heard < own)


def is_open_for(*, link_open: bool, role: Role, peer: GroupWord | None) -> bool:
    """Return whether a link is open for a VID, at both ends as far as this one may judge (mission A3).

    The controller also believes the far end that says "my end is closed": stopped, or demoted to the priority that
    nothing else has. The far end must not believe the like of the near one, else each would wait for the other.
    """
    if not link_open or role is Role.CONTROLLED or peer is None:
        return link_open
    demoted = peer.priority == DEAD_PRIORITY and peer.state in {GroupState.BACKUP, GroupState.MASTER}
    return peer.state is not GroupState.STOPPED and not demoted


def _barred(*, base: int, link_open: bool, fault: str | None, on_probe_loss: OnProbeLoss) -> Stance | None:
    """Return what bars either end from serving: a fault of its own, or (rule 0) a closed link."""
    if fault is not None:
        return _stopped(GroupState.FAULT, fault)
    if link_open:
        return None
    if on_probe_loss is OnProbeLoss.DEMOTE:
        return _running(Tier.DEAD, base, "link closed")
    return _stopped(GroupState.STOPPED, "link closed")


def _fault_of_peer(why: str) -> str:
    return f"peer has a fault: {why}" if why else "peer has a fault"


def _running(tier: Tier, base: int, reason: str) -> Stance:
    return Stance(
        runs=True, priority=tier_priority(tier, base), stopped_as=GroupState.UNKNOWN, tier=tier, reason=reason
    )


def _stopped(state: GroupState, reason: str) -> Stance:
    return Stance(runs=False, priority=0, stopped_as=state, tier=None, reason=reason)
