"""What `linkbalancer status` shows."""

import json
from ipaddress import IPv4Address
from types import SimpleNamespace
from typing import Any, cast

from linkbalancer.engine.knowledge import Knowledge
from linkbalancer.engine.status import _falls, hop_in_fields, hop_in_words, shares
from linkbalancer.links import Unreachable, ViaLink, ViaMain, ViaMaster
from linkbalancer.routing.application import Application, Member
from linkbalancer.sim.faults import Cut, Silent
from linkbalancer.sim.rehearsal import healthy
from linkbalancer.sim.run import settle
from linkbalancer.sim.shape import Shape
from linkbalancer.sim.world import World
from tests.engine.bench import Bench


def status(world: World, name: str) -> dict[str, Any]:
    """Return a gateway's status, through JSON as a person's tool would have it."""
    node = world.nodes[name]
    assert node.agent is not None
    answer: dict[str, Any] = json.loads(json.dumps(node.agent.status(node.clock)))
    return answer


def test_a_healthy_gateway_says_what_it_carries_and_what_is_next() -> None:
    """Links, groups and applications, each with since when and why."""
    facts = status(healthy(Shape(), 1), "b1")
    link, group, app = facts["links"]["l1"], facts["groups"]["1"], facts["applications"]["app1"]
    assert (facts["schema"], facts["node"], facts["role"], facts["settled"]) == (1, "b1", "controller", True)
    assert (link["open"], link["carries"], link["peer_node"]) == (True, [1, 3], "f1")
    assert link["if_it_dies"] == "VID 1, 3 to another gateway"
    assert (group["state"], group["master"], group["tier"], group["next_hop"]) == ("master", "self", "high", "l1")
    assert group["if_it_dies"] == "app1 to VID 2"
    assert (app["id"], app["vid"], app["next"]) == (2, 1, 2)


def test_where_many_applications_go_fits_a_line() -> None:
    """By place, the first of them by name."""
    known = SimpleNamespace(
        steering={f"app{number}": SimpleNamespace(vid=1) for number in range(6)},
        applications={
            f"app{number}": Application(f"app{number}", _steps(1 if number == 4 else 2)) for number in range(6)
        },
    )

    falls = _falls(cast("Knowledge", known), frozenset({1, 2}), {})
    assert falls == {1: "app0, app1, app2 and 2 more to VID 2; app4 to nowhere"}


def _steps(vid: int) -> tuple[tuple[Member, ...], ...]:
    return ((Member(vid, 1),),)


def test_a_vid_of_another_gateway_names_it() -> None:
    """Observed VIDs have neither link nor priority."""
    facts = status(healthy(Shape(), 1), "b2")
    group = facts["groups"]["3"]
    assert (group["mode"], group["state"], group["master"], group["works"]) == (
        "observe",
        "observing",
        "192.168.1.1",
        True,
    )
    assert group["next_hop"] == "192.168.1.103 at 02:00:00:00:01:01 on eth0"
    assert facts["links"]["l2"]["if_it_dies"] == "VID 2 to another gateway"


def test_a_dead_link_carries_nothing() -> None:
    """Nothing more moves if it dies again; a gateway that just changed is not settled."""
    world = healthy(Shape(), 1)
    world.begin(Cut("l1"))
    world.run(1000)
    facts = status(world, "b1")
    assert (facts["links"]["l1"]["if_it_dies"], facts["settled"]) == ("nothing moves", False)
    b1 = world.nodes["b1"]
    assert b1.agent is not None
    assert not b1.agent.is_settled(b1.clock)
    settle(world, 5000)
    assert b1.agent.is_settled(b1.clock)
    assert (status(world, "b1")["groups"]["3"]["if_it_dies"], status(world, "b1")["settled"]) == ("nothing moves", True)


def test_a_link_that_is_back_says_when_it_opens() -> None:
    """It was lost before, so it has to answer for its up delay first."""
    world = healthy(Shape(), 1)
    assert (status(world, "b1")["links"]["l1"]["opens_in_ms"], status(world, "b1")["links"]["l1"]["detect_ms"]) == (
        None,
        600,
    )
    world.begin(Cut("l1"))
    world.run(1000)
    assert status(world, "b1")["links"]["l1"]["opens_in_ms"] is None
    world.heal()
    world.run(300)
    assert 250 <= status(world, "b1")["links"]["l1"]["opens_in_ms"] <= 400
    world.run(700)
    assert status(world, "b1")["links"]["l1"]["open"]


def test_a_master_without_a_link_is_called_that() -> None:
    """On the gateway itself and on the others."""
    world = healthy(Shape(), 1)
    for link in ("l1", "l2"):
        world.begin(Silent(link))
    world.run(5000)
    whys = {str(status(world, name)["groups"]["1"]["why"]) for name in ("b1", "b2")}
    assert "Master here, without a link" in whys
    assert any(why.endswith("is Master without a link") for why in whys)


def test_before_anything_is_known_the_next_hop_is_as_found() -> None:
    """And nobody is heard."""
    bench = Bench()
    group = bench.group(1)
    assert (group["next_hop"], group["why"], group["master"]) == ("as found", "no Master is heard", None)
    assert group["hop"] is None


def test_next_hops_are_named_as_an_operator_would() -> None:
    """Every kind of them."""
    peer = IPv4Address("10.0.1.2")
    assert [
        hop_in_words(hop) for hop in (ViaLink("eth1", peer), ViaMaster("eth0", peer, b"\2" * 6), Unreachable())
    ] == [
        "10.0.1.2 over eth1",
        "10.0.1.2 at 02:02:02:02:02:02 on eth0",
        "unreachable",
    ]


def test_next_hops_are_told_to_programs_too() -> None:
    """Every kind of them, with all that there is of it."""
    peer = IPv4Address("10.0.1.2")
    hops = (ViaLink("eth1", peer), ViaMaster("eth0", peer, b"\2" * 6), ViaMain(), Unreachable())
    assert [hop_in_fields(hop) for hop in hops] == [
        {"kind": "link", "gateway": "10.0.1.2", "device": "eth1"},
        {"kind": "master", "gateway": "10.0.1.2", "device": "eth0", "mac": "02:02:02:02:02:02"},
        {"kind": "main"},
        {"kind": "unreachable"},
    ]


def test_a_balanced_application_is_on_every_vid_of_its_step_that_works() -> None:
    """By shares; of whichever dies, the others take its flows."""
    step = (Member(1, 3), Member(2), Member(4))
    application = Application("web", (step, (Member(3),)))
    known = cast(
        "Knowledge", SimpleNamespace(steering={"web": SimpleNamespace(vid=1)}, applications={"web": application})
    )
    assert shares(application, 1, frozenset({1, 2, 3})) == {1: 0.75, 2: 0.25}
    assert shares(application, 3, frozenset({3})) == shares(application, 9, frozenset({1})) == {}
    assert _falls(known, frozenset({1, 2, 3, 4}), {}) == {
        1: "web to VIDs 2, 4",
        2: "web to VIDs 1, 4",
        4: "web to VIDs 1, 2",
    }
    assert _falls(known, frozenset({1, 3}), {}) == {1: "web to VID 3"}
