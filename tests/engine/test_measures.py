"""What is known of how good a link is: the host's word, the datagrams', the far end's, and all of them together."""

import json
from typing import Any

from linkbalancer.clock import MILLISECOND
from linkbalancer.engine.agent import Agent
from linkbalancer.engine.events import Measured
from linkbalancer.links import GroupId
from linkbalancer.sim.faults import Cut
from linkbalancer.sim.rehearsal import healthy
from linkbalancer.sim.shape import Shape
from linkbalancer.sim.world import World
from linkbalancer.weights.gauge import Peaks
from linkbalancer.weights.metrics import Lane, Metrics

HERE = Metrics(
    outward=Lane(rate=80e6, capacity=100e6, backlog=1500.4, drops=0.25), inward=Lane(rate=30e6, capacity=100e6)
)
PEER = Metrics(
    outward=Lane(rate=31e6, capacity=50e6, backlog=7, drops=0),
    inward=Lane(rate=79e6, capacity=50e6, loss=0.02),
    rtt=3 * MILLISECOND,
    masters=(GroupId(1),),
)


def agent_of(world: World, name: str = "b1") -> Agent:
    """Return a gateway's agent."""
    agent = world.nodes[name].agent
    assert agent is not None
    return agent


def said(world: World, name: str = "b1", link: str = "l1") -> dict[str, Any]:
    """Return what a gateway's status says, as JSON has it."""
    status = agent_of(world, name).status(world.nodes[name].clock)
    answer: dict[str, Any] = json.loads(json.dumps(status))["links"][link]["metrics"]
    return answer


def test_before_anything_is_measured_the_datagrams_speak() -> None:
    """Round trips and losses are known without the host; nothing is guessed."""
    metrics = said(healthy(Shape(), 1))
    assert metrics["peer"] is None
    assert set(metrics["out"].values()) == {None}
    assert metrics["here"]["rtt_ms"] > 0
    assert metrics["here"]["jitter_ms"] >= 0
    assert metrics["here"]["loss"] == 0
    assert metrics["here"]["masters"] == [1, 3]


def test_what_is_measured_is_shown_in_both_directions() -> None:
    """With the share used, and the busiest moment; the near end alone probes."""
    world = healthy(Shape(), 1)
    world.nodes["b1"].handle(Measured("l1", HERE, Peaks(outward=99e6)))
    metrics = said(world)
    assert metrics["out"] == {
        "rate_bps": 80_000_000,
        "capacity_bps": 100_000_000,
        "used": 0.8,
        "backlog_bytes": 1500,
        "drops_per_s": 0.25,
        "loss": None,
        "peak_bps": 99_000_000,
    }
    assert (metrics["in"]["used"], metrics["in"]["peak_bps"]) == (0.3, None)
    assert metrics["here"]["in"] == {key: value for key, value in metrics["in"].items() if key != "peak_bps"}
    assert said(world, "f1")["here"]["loss"] is None


def test_the_worse_of_both_ends_counts() -> None:
    """The far end's words are turned into this gateway's directions: what it receives is what left here."""
    world = healthy(Shape(), 1)
    world.nodes["b1"].handle(Measured("l1", HERE))
    agent_of(world).links["l1"].peer.metrics = PEER
    metrics = said(world)
    assert (metrics["peer"]["out"]["rate_bps"], metrics["peer"]["in"]["rate_bps"]) == (79_000_000, 31_000_000)
    assert (metrics["peer"]["rtt_ms"], metrics["peer"]["masters"]) == (3, [1])
    out = metrics["out"]
    assert (out["rate_bps"], out["capacity_bps"], out["used"], out["loss"]) == (80_000_000, 50_000_000, 1.6, 0.02)
    assert (metrics["in"]["rate_bps"], metrics["in"]["backlog_bytes"]) == (31_000_000, 7)


def test_the_far_ends_words_die_with_the_link() -> None:
    """A closed link's peer may be anywhere by now."""
    world = healthy(Shape(), 1)
    agent_of(world).links["l1"].peer.metrics = PEER
    world.begin(Cut("l1"))
    world.run(1000)
    metrics = said(world)
    assert metrics["peer"] is None
    assert metrics["here"]["masters"] == []


def test_the_link_is_told_all_that_is_known_here() -> None:
    """The host's word wins where it has one; the datagrams fill in the rest, and the engine the groups."""
    world = healthy(Shape(), 1)
    world.run(20_000)
    node, link = world.nodes["b1"], agent_of(world).links["l1"]
    node.handle(Measured("l1", HERE))
    told = link._speaker.metrics
    assert told is not None
    assert (told.outward, told.rtt, told.loss) == (HERE.outward, link.rtt, 0)
    assert (told.inward.rate, told.inward.loss, told.masters) == (30e6, 0, (GroupId(1), GroupId(3)))
    scripted = Metrics(inward=Lane(loss=0.5), loss=0.75, rtt=1, jitter=2)
    node.handle(Measured("l1", scripted))
    told = link._speaker.metrics
    assert told is not None
    assert (told.inward.loss, told.loss, told.rtt, told.jitter) == (0.5, 0.75, 1, 2)


def test_a_link_that_is_not_there_is_not_measured() -> None:
    """A word too late of one that a reload took away."""
    world = healthy(Shape(), 1)
    world.nodes["b1"].handle(Measured("l9", HERE))
    assert agent_of(world).known.measured == {}


def test_measuring_moves_nothing() -> None:
    """No effect, and a settled gateway stays settled."""
    world = healthy(Shape(), 1)
    agent, clock = agent_of(world), world.nodes["b1"].clock
    assert agent.handle(clock, Measured("l1", HERE)) == []
