"""Tests of what a balanced step gives a flow: by what the kernel holds, as the kernel finds it."""

from dataclasses import replace

from linkbalancer.engine.crosscheck.expected import Share, share, vid
from linkbalancer.engine.crosscheck.observed import Connection
from linkbalancer.links import Role, Vid
from linkbalancer.routing.application import Member
from linkbalancer.routing.balance import Pool, owner
from linkbalancer.routing.slot import slot_of
from linkbalancer.routing.sticky import Sticky
from tests.engine.crosscheck.cases import CONFIG, FLOW, MARKS, expected, lines, seen

STEP = (Member(1), Member(2, 2))
POOL = Pool(STEP, Sticky.FLOW)


def known(own: Vid) -> Connection:
    """Return a flow's entry that took a VID last."""
    return Connection(MARKS.flow_mark(own) | 2, reply=False, answered=True)


def test_a_new_flow_goes_by_its_slot() -> None:
    """That of its packet from near to far, at either end."""
    slot = slot_of(FLOW.packet, Sticky.FLOW)
    both = seen(standing=frozenset({1, 2}))
    assert share(expected(), both, FLOW, POOL) == Share(owner(STEP, slot, {1, 2}), slot)
    far = expected(config=CONFIG.model_copy(update={"role": Role.CONTROLLED}))
    assert share(far, both, replace(FLOW, packet=FLOW.packet.mirrored()), POOL).slot == slot
    assert share(expected(), seen(), FLOW, POOL) == Share(None, slot)


def test_a_flow_stays_on_its_vid_while_that_works() -> None:
    """Where flows are what stays together; a source goes by its slot whatever its flows did."""
    flow, source = Sticky.FLOW, Sticky.SOURCE
    for own, sticky, stays in ((1, flow, True), (2, flow, True), (9, flow, False), (1, source, False)):
        kernel = seen(standing=frozenset({1, 2, 9}), connection=known(own))
        found = share(expected(), kernel, FLOW, Pool(STEP, sticky))
        assert (found.slot is None) == stays, (own, sticky)
        assert not stays or found.vid == own


def test_a_balanced_application_is_no_difference() -> None:
    """The daemon tells one VID of the step; the line names the one that the flow takes, and why."""
    steering, working = {1: None, 2: POOL}, frozenset({1, 2})
    line = lines(steering=steering, standing=working)["VID"]
    taken = vid(expected(), seen(steering=steering, standing=working), FLOW)
    slot = slot_of(FLOW.packet, Sticky.FLOW)
    assert (line.result.value, line.kernel) == ("same", f"VIDs 1+2*2 by flow: VID {taken} by slot {slot}")
    stays = lines(steering=steering, standing=working, connection=known(2))["VID"]
    assert stays.kernel.endswith("VID 2, where the flow is")
    assert lines(steering={1: None, 2: POOL})["VID"].kernel.endswith("none of them works")
    other = Pool((Member(7), Member(8)), Sticky.FLOW)
    assert lines(steering={1: None, 2: other}, standing=frozenset({7}))["VID"].result.value == "differs"
