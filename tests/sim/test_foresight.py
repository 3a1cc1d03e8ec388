"""What `whatif` foretells by rules alone is what the engine settles in: every single failure, and every two."""

from collections.abc import Iterator
from dataclasses import dataclass
from random import Random

import pytest

from linkbalancer.config.ways import twins
from linkbalancer.engine.agent import Agent
from linkbalancer.engine.foresight.failure import Failure, Kind, failures, pairs
from linkbalancer.engine.foresight.outcome import Oracle, Outcome
from linkbalancer.engine.foresight.site import SIDES, site_of
from linkbalancer.links import GroupId, NodeName, OnProbeLoss, ViaMaster, Vid
from linkbalancer.routing.twins import carries
from linkbalancer.sim.agreement import masters
from linkbalancer.sim.faults import Cut, Death, Leg, Silent
from linkbalancer.sim.node import Node
from linkbalancer.sim.rehearsal import healthy
from linkbalancer.sim.run import agreement_limit_ms, settle
from linkbalancer.sim.shape import LAN_DEVICE, Shape, lan_address, loaded, number_of, side_of
from linkbalancer.sim.wire import NEAR
from linkbalancer.sim.world import Fault, World

SMALL = [
    Shape(),
    Shape(mode=OnProbeLoss.STOP, contrary=True),
    Shape(3, 4, contrary=True),
    Shape(3, 2, mode=OnProbeLoss.STOP),
    Shape(keepalived=frozenset({"b1", "f2"})),
]


@dataclass(frozen=True, slots=True)
class Odd(Shape):
    """A shape whose gateways each have priorities, modes and parts in VIDs of their own, drawn by a seed.

    Some priorities are equal, the ends of a link need not agree on `on_probe_loss`, and not every gateway takes part.
    """

    seed: int = 0

    def text(self, name: NodeName) -> str:
        """Write a gateway's configuration."""
        mode = Random(f"{self.seed}-{name}").choice(tuple(OnProbeLoss))
        return Shape.text(self, name).replace(f"on_probe_loss: {self.mode}", f"on_probe_loss: {mode}")

    def _group(self, name: NodeName, vid: Vid) -> str:
        text, chance = Shape._group(self, name, vid), Random(f"{self.seed}-{name}-{vid}")
        if "link:" not in text:
            return text
        if chance.random() < (0.2 if self.seed % 2 else 0):
            return text.partition(" link:")[0] + " mode: observe}"
        before, _, after = text.rpartition("priority: ")
        return f"{before}priority: {chance.choice((50, 100, 100, 101, 150, 200))}{after.lstrip('0123456789')}"


class Half(Shape):
    """A shape of which link 1 alone has far ends over IPv6; every gateway steers it."""

    def text(self, name: NodeName) -> str:
        """Write a gateway's configuration."""
        text = Shape.text(self, name) + "steer_ipv6: true\n"
        return text.replace("    key_file:", '    peer6: "fe80::9"\n    key_file:') if number_of(name) == 1 else text


def named(shape: Shape) -> str:
    """Return a short name for a shape."""
    return f"{shape.links}-{shape.vids}-{shape.mode}-{len(shape.keepalived)}"


def oracle_of(shape: Shape) -> Oracle:
    """Return what foretells a shape, from the texts that its gateways load."""
    configs = {name: loaded(shape, name).config for name in shape.node_names}
    addresses = {name: {LAN_DEVICE: lan_address(side_of(name), number_of(name))} for name in configs}
    return Oracle(site_of("small", configs, loaded(shape, "b1").rules.applications, addresses))


def faults_of(failure: Failure) -> list[Fault]:
    """Return the faults of the simulator that a failure stands for."""
    match failure.kind:
        case Kind.LINK:
            return [Cut(failure.target), Silent(failure.target), Silent(failure.target, (NEAR,))]
        case Kind.GATEWAY:
            return [Death(failure.target)]
        case _:
            return [Leg(failure.target.partition("/")[0])]


def differences(world: World, outcome: Outcome) -> list[str]:
    """Return a sentence on whatever is not as foretold."""
    return [*_masters(world, outcome), *_gateways(world, outcome)]


def _masters(world: World, outcome: Outcome) -> Iterator[str]:
    for (role, group), standing in outcome.standings.items():
        nodes = masters(world, SIDES[role], group.vid)
        names = {node.name for node in nodes}
        expected = {standing.master, *standing.rivals} - {None}
        if len(nodes) != bool(expected) or not names <= expected:
            yield f"VID {group} {SIDES[role]}: Masters {names}, foretold {standing}"
        for node in nodes:
            if standing.via is not None and node.link not in standing.via.split(" or "):
                yield f"VID {group} {SIDES[role]}: over {node.link}, foretold {standing}"


def _gateways(world: World, outcome: Outcome) -> Iterator[str]:
    gone = {one.target.partition("/")[0] for one in outcome.failed if one.kind is not Kind.LINK}
    for node in world.nodes.values():
        if node.name in gone:
            continue
        assert node.agent is not None
        role = node.agent.config.role
        for group, membership in node.agent.memberships.items():
            works = outcome.standings[role, group].via is not None
            if membership.works is not works:
                yield f"{node.name}: VID {group} works: {membership.works}, foretold {works}"
        for app, sides in outcome.places.items():
            (place,) = sides[role]
            if place.vid not in {None, node.kernel.steering[app]}:
                yield f"{node.name}: {app} goes to VID {node.kernel.steering[app]}, foretold {place.vid}"


def gets_on(world: World, node: Node, vid: Vid) -> bool | None:
    """Return what becomes of a VID's IPv6 packets at a gateway, by its tables and those of the Master behind."""
    hop = agent_of(node).memberships[GroupId(vid)].next_hops[False]
    if isinstance(hop, ViaMaster):
        (node,) = masters(world, side_of(node.name), vid)
        hop = agent_of(node).memberships[GroupId(vid)].next_hops[True]
    return carries(hop, twins(agent_of(node).config))


def agent_of(node: Node) -> Agent:
    """Return the agent of a gateway that runs."""
    assert node.agent is not None
    return node.agent


def rehearsed(world: World, some: list[Fault]) -> None:
    """Begin faults, each once the one before has settled."""
    for fault in some:
        world.begin(fault)
        settle(world, agreement_limit_ms(world.shape))


def mended(world: World, some: list[Fault]) -> None:
    """End them."""
    for fault in some:
        world.end(fault)
    settle(world, agreement_limit_ms(world.shape))


@pytest.mark.parametrize("shape", SMALL, ids=named)
def test_every_single_failure_settles_as_foretold(shape: Shape) -> None:
    """Masters on both sides, their links, which VIDs work, and where each application goes."""
    oracle, world = oracle_of(shape), healthy(shape, 1)
    assert differences(world, oracle.healthy) == []
    for failure in failures(oracle.site):
        for fault in faults_of(failure):
            rehearsed(world, [fault])
            assert differences(world, oracle.outcome((failure,))) == [], failure
            mended(world, [fault])


def test_ipv6_is_refused_where_it_is_foretold() -> None:
    """By the tables of every gateway, which are those of IPv4 turned into IPv6's: over link 2 nothing gets on."""
    shape = Half()
    oracle, world = oracle_of(shape), healthy(shape, 1)
    for failure in (None, *failures(oracle.site)):
        faults = faults_of(failure)[:1] if failure else []
        rehearsed(world, faults)
        outcome = oracle.outcome([failure] if failure else [])
        for node in world.nodes.values():
            agent = node.agent
            for sides in outcome.places.values() if agent and node.name not in str(failure) else ():
                (place,) = sides[agent_of(node).config.role]
                if place.vid is not None:
                    assert gets_on(world, node, place.vid) is place.ipv6, (node.name, failure, place)
                    assert place.ipv6 is (place.via == "l1")
        mended(world, faults)


def foretold(seed: int) -> None:
    """Have one or two failures strike an odd network, and compare; which is not always one that agrees with itself."""
    chance = Random(seed)
    shape = Odd(chance.choice((2, 2, 3)), chance.choice((1, 2, 3)), seed=seed)
    oracle, world = oracle_of(shape), World(shape, seed)
    world.start()
    world.run(15_000)
    assert differences(world, oracle.healthy) == [], seed
    some = tuple(chance.sample(tuple(failures(oracle.site)), chance.choice((1, 2))))
    for one in some:
        world.begin(chance.choice(faults_of(one)))
        world.run(8_000)
    assert differences(world, oracle.outcome(some)) == [], (seed, some)


@pytest.mark.parametrize("seed", range(6))
def test_odd_networks_settle_as_foretold(seed: int) -> None:
    """Equal priorities, ends that differ, gateways that only observe."""
    foretold(seed)


@pytest.mark.slow
@pytest.mark.parametrize("seed", range(100, 160))
def test_more_odd_networks_settle_as_foretold(seed: int) -> None:
    """The same, for longer."""
    foretold(seed)


def test_an_outcome_of_something_else_is_told_apart() -> None:
    """The comparison itself: what another failure comes to differs in Masters, ways and applications."""
    shape = Shape()
    found = differences(healthy(shape, 1), oracle_of(shape).outcome((Failure(Kind.LINK, "l1"),)))
    assert {line.split(":")[0] for line in found} >= {"VID 1 near", "VID 1 far", "b1", "f2"}


@pytest.mark.slow
@pytest.mark.parametrize("shape", SMALL[:2], ids=named)
def test_every_two_failures_settle_as_foretold(shape: Shape) -> None:
    """One after the other, as they come at night."""
    oracle, world = oracle_of(shape), healthy(shape, 2)
    for both in pairs(oracle.site):
        some = [faults_of(one)[0] for one in both]
        rehearsed(world, some)
        assert differences(world, oracle.outcome(both)) == [], both
        mended(world, some)
