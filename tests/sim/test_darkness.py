"""Every link dead: what `on_probe_loss` leaves hosts with, at each millisecond, and how the first link ends it."""

import pytest

from linkbalancer.links import NodeName, OnProbeLoss, Unreachable
from linkbalancer.lvrrp.detection import PENALTY_MAX
from linkbalancer.sim.agreement import masters
from linkbalancer.sim.draw import draw
from linkbalancer.sim.faults import Cut, Silent
from linkbalancer.sim.rehearsal import healthy
from linkbalancer.sim.run import quiet, run, settle
from linkbalancer.sim.shape import Shape, virtual_ip
from linkbalancer.sim.walk import answered, walk
from linkbalancer.sim.wire import FAR, NEAR, SIDES
from linkbalancer.sim.world import World

DEMOTE = Shape(mode=OnProbeLoss.DEMOTE)
STOP = Shape(mode=OnProbeLoss.STOP)
MIXED = Shape(stopping=frozenset({"b1", "f2"}))
FAR_DEMOTES = Shape(stopping=frozenset({"b1", "b2"}))
SHAPES = pytest.mark.parametrize(
    "shape", [DEMOTE, STOP, MIXED, FAR_DEMOTES], ids=["demote", "stop", "mixed", "far demotes"]
)
FAULTS = pytest.mark.parametrize("fault", [Cut, Silent])
CLAIM_MS = 11
"""How long a virtual IP may be nobody's: a Master that claims waits for an objection, and the frame is under way."""
LIMIT_MS = 14_000


def stays(shape: Shape, name: NodeName) -> bool:
    """Whether a gateway stays in its groups without a link."""
    return shape.mode is OnProbeLoss.DEMOTE and name not in shape.stopping


def kept(shape: Shape) -> dict[str, set[int]]:
    """Return the VIDs that hosts of each side always have a gateway for; VID 3 is at b1 and f1 alone."""
    return {
        side: {
            vid
            for vid in range(1, shape.vids + 1)
            for link in shape.carriers(vid)
            if stays(shape, f"{'b' if side == NEAR else 'f'}{link[1:]}")
        }
        for side in SIDES
    }


def darkened(shape: Shape, kind: type[Cut | Silent], seed: int) -> tuple[World, list[Cut | Silent]]:
    """Return a network whose links have all just died."""
    world = healthy(shape, seed)
    faults: list[Cut | Silent] = [kind(link) for link in shape.link_names]
    for fault in faults:
        world.begin(fault)
    return world, faults


@SHAPES
@FAULTS
def test_hosts_have_a_gateway_all_the_while_where_one_is_demoted(shape: Shape, fault: type[Cut | Silent]) -> None:
    """Through the dark, and until everything is back; where all stop, nobody answers in the dark."""
    world, faults = darkened(shape, fault, 4)
    unanswered = dict.fromkeys(((side, vid) for side, vids in kept(shape).items() for vid in vids), 0)
    for millisecond in range(9000):
        world.run(1)
        for side, vid in unanswered:
            missing = virtual_ip(side, vid) not in answered(world, side)
            unanswered[side, vid] = (unanswered[side, vid] + 1) if missing else 0
            assert unanswered[side, vid] <= CLAIM_MS, f"VID {vid}, {side}, after {millisecond} ms"
        if millisecond == 4000:
            for side in SIDES:
                assert answered(world, side) == {virtual_ip(side, vid) for vid in kept(shape)[side]}
            for one in faults:
                world.end(one)


@SHAPES
@FAULTS
def test_in_the_dark_one_that_stays_is_master_and_says_no(shape: Shape, fault: type[Cut | Silent]) -> None:
    """One Master of each VID that somebody stays in, none that stops; every table refuses."""
    world, _ = darkened(shape, fault, 1)
    settle(world, LIMIT_MS)
    quiet(world)
    for side, vids in kept(shape).items():
        for vid in range(1, shape.vids + 1):
            found = [node.name for node in masters(world, side, vid)]
            assert len(found) == (vid in vids)
            assert all(stays(shape, name) for name in found)
    for node in world.nodes.values():
        assert set(node.kernel.tables.values()) == {Unreachable()}


@SHAPES
@pytest.mark.parametrize("link", ["l1", "l2"])
def test_the_first_link_that_is_back_takes_everything(shape: Shape, link: str) -> None:
    """Within a master-down interval of its opening: whoever is Master, demoted or not, near and far."""
    world, faults = darkened(shape, Cut, 2)
    world.run(3000)
    world.end(next(fault for fault in faults if fault.link == link))
    ends = [node for node in world.nodes.values() if node.link == link]
    waited = 0
    while not all(node.agent is not None and node.agent.links[link].is_open for node in ends):
        world.run(1)
        waited += 1
    assert waited <= (1 << (PENALTY_MAX - 1)) * 600 + 250
    world.run(4 * shape.advert_ms + 50)
    for app in ("app1", "app2", "rest"):
        assert [(walk(world, app, side).link, walk(world, app, side).lost) for side in SIDES] == [(link, None)] * 2
    settle(world, LIMIT_MS)
    for vid in (1, 2):
        assert [[node.link for node in masters(world, side, vid)] for side in (NEAR, FAR)] == [[link], [link]]


@pytest.mark.parametrize("seed", range(40))
def test_histories_of_a_mixed_network_are_good(seed: int) -> None:
    """Ends and neighbours that differ in `on_probe_loss` are no reason for two Masters, or for none."""
    shape = MIXED if seed % 2 else FAR_DEMOTES
    verdict = run(draw(seed, shape))
    assert verdict.objection is None, verdict.report()
    assert verdict.settled_ms is not None
