"""The rules per VID, as the table of design 4.4 has them."""

import pytest
from hypothesis import given
from hypothesis import strategies as st

from linkbalancer.links import GroupState, GroupWord, OnProbeLoss
from linkbalancer.lvrrp.rules import Stance, Tier, controlled_stance, controller_stance, may_claim, tier_priority

BASES = st.integers(1, 254)
MASTER = GroupWord(1, GroupState.MASTER, 150, 1)


def peer(state: GroupState | None) -> GroupWord | None:
    """Return a peer's word, or none."""
    return None if state is None else GroupWord(1, state, 100, 1)


@pytest.mark.parametrize(
    ("tier", "low", "high"), [(Tier.HIGH, 170, 254), (Tier.MID, 86, 169), (Tier.LOW, 2, 85), (Tier.DEAD, 1, 1)]
)
def test_the_base_fills_its_tier(tier: Tier, low: int, high: int) -> None:
    """The lowest and the highest base priority reach both ends of a tier."""
    assert (tier_priority(tier, 1), tier_priority(tier, 254)) == (low, high)


@given(st.sampled_from(Tier), BASES, BASES)
def test_the_base_orders_within_a_tier(tier: Tier, one: int, other: int) -> None:
    """A higher base is never lower in the same tier."""
    assert (one <= other) <= (tier_priority(tier, one) <= tier_priority(tier, other))


@given(BASES, BASES)
def test_no_base_beats_a_tier(one: int, other: int) -> None:
    """Whatever the bases, a higher tier has the strictly higher priority."""
    priorities = [tier_priority(tier, base) for tier, base in zip(Tier, (one, other, one, other), strict=True)]

    assert priorities == sorted(set(priorities), reverse=True)


@pytest.mark.parametrize(
    ("state", "tier", "priority", "reason"),
    [
        (GroupState.MASTER, Tier.HIGH, 202, "peer is master"),
        (None, Tier.MID, 118, "peer unknown"),
        (GroupState.UNKNOWN, Tier.MID, 118, "peer unknown"),
        (GroupState.BACKUP, Tier.LOW, 34, "peer is backup"),
        (GroupState.STOPPED, Tier.LOW, 34, "peer is stopped"),
        (GroupState.INITIALISING, Tier.LOW, 34, "peer is initialising"),
        (GroupState.HELD, Tier.LOW, 34, "peer is held"),
        (GroupState.FAULT, Tier.DEAD, 1, "peer has a fault"),
    ],
)
def test_the_controller_follows_its_peer(state: GroupState | None, tier: Tier, priority: int, reason: str) -> None:
    """High behind a Master, dead behind a fault, low behind anything else that is known, else between."""
    stance = controller_stance(base=100, link_open=True, peer=peer(state), fault=None, on_probe_loss=OnProbeLoss.STOP)

    assert stance == Stance(runs=True, priority=priority, stopped_as=GroupState.UNKNOWN, tier=tier, reason=reason)


@pytest.mark.parametrize("stance_of", [controller_stance, controlled_stance])
def test_both_ends_of_a_closed_link_stop_or_are_demoted(stance_of: type) -> None:
    """Rule 0 is the same at both ends: stopped, or in the group at priority 1."""
    stop = stance_of(base=100, link_open=False, peer=None, fault=None, on_probe_loss=OnProbeLoss.STOP)
    demote = stance_of(base=100, link_open=False, peer=None, fault=None, on_probe_loss=OnProbeLoss.DEMOTE)

    assert stop == Stance(runs=False, priority=0, stopped_as=GroupState.STOPPED, tier=None, reason="link closed")
    assert demote == Stance(runs=True, priority=1, stopped_as=GroupState.UNKNOWN, tier=Tier.DEAD, reason="link closed")


@pytest.mark.parametrize("stance_of", [controller_stance, controlled_stance])
def test_a_fault_of_its_own_stops_either_end(stance_of: type) -> None:
    """A gateway with a fault does not run whatever its link is, and says so."""
    expected = Stance(runs=False, priority=0, stopped_as=GroupState.FAULT, tier=None, reason="no LAN")

    for link_open in (True, False):
        stance = stance_of(base=100, link_open=link_open, peer=MASTER, fault="no LAN", on_probe_loss=OnProbeLoss.DEMOTE)
        assert stance == expected


@pytest.mark.parametrize("state", [None, *(state for state in GroupState if state is not GroupState.FAULT)])
def test_the_controlled_end_runs_its_own_election(state: GroupState | None) -> None:
    """Whatever the near end is, save in fault, the base priority stands (L3)."""
    stance = controlled_stance(base=100, link_open=True, peer=peer(state), fault=None, on_probe_loss=OnProbeLoss.STOP)

    assert stance == Stance(runs=True, priority=100, stopped_as=GroupState.UNKNOWN, tier=None, reason="link open")


def test_a_near_fault_holds_the_controlled_end() -> None:
    """Rule 3: while the near end says Fault, the far end does not run and says that it is held."""
    stance = controlled_stance(
        base=100, link_open=True, peer=peer(GroupState.FAULT), fault=None, on_probe_loss=OnProbeLoss.STOP
    )

    assert stance == Stance(runs=False, priority=0, stopped_as=GroupState.HELD, tier=None, reason="peer has a fault")


@pytest.mark.parametrize("heard", [None, 0, 199])
def test_a_claim_is_made_behind_a_master(heard: int | None) -> None:
    """Rule 2: the peer is Master, and the last advert lower than our own, or there is none."""
    assert may_claim(peer=MASTER, own=200, heard=heard)


@pytest.mark.parametrize("heard", [200, 201])
def test_a_rival_that_is_no_lower_is_waited_for(heard: int) -> None:
    """Rule 2: an equal or a higher advert is no case for a claim."""
    assert not may_claim(peer=MASTER, own=200, heard=heard)


@pytest.mark.parametrize("state", [None, GroupState.UNKNOWN, GroupState.BACKUP])
def test_nothing_is_claimed_without_a_master_opposite(state: GroupState | None) -> None:
    """Rule 2: a peer that is not Master, or not known, is no case for a claim, even on a silent LAN."""
    assert not may_claim(peer=peer(state), own=200, heard=None)
