"""What a recording begins with makes the same agent again, and holds no secret."""

import base64
import json
import zlib
from dataclasses import replace
from datetime import date
from pathlib import Path
from random import Random
from typing import Any

import pytest

from linkbalancer.clock import MILLISECOND, SECOND
from linkbalancer.config.load import load
from linkbalancer.engine.agent import Agent
from linkbalancer.engine.effects import Ask
from linkbalancer.engine.events import Answered, Event, Measured, Started, Tick
from linkbalancer.engine.flight.chance import RecordedChance, RepeatedChance
from linkbalancer.engine.flight.digest import Digester
from linkbalancer.engine.flight.graph import GraphError
from linkbalancer.engine.flight.seed import STATE_MAX, Start, dump_agent, dump_start, parts, restore
from linkbalancer.engine.flight.veil import Passwords, stand_in_keys
from linkbalancer.engine.found import Found
from linkbalancer.engine.scales import MinuteBegan
from linkbalancer.engine.tracking import Checked
from linkbalancer.health.report import Report, Reports
from linkbalancer.links import GroupId
from linkbalancer.lvrrp.keys import Key
from linkbalancer.sim.shape import Shape
from linkbalancer.weights.metrics import Metrics
from linkbalancer.weights.question import Reply
from linkbalancer.weights.view import Answer
from linkbalancer.weights.wall import Wall
from tests.config.plugins import installed
from tests.engine.bench import Bench
from tests.engine.flight.flown import config_of, flown

SECRET = b"the secret of l1, as both know"
CONFIG = config_of(Shape(), "b1")
KEYS = {"l1": (Key(1, SECRET),)}
STAND_INS = stand_in_keys({"l1": [1]})
APPS = {"app1": 2, "app2": 3, "rest": 4}


def recorded_bench() -> Bench:
    """Return an agent on a bench whose chance is a recorded one."""
    bench = Bench()
    for link in bench.agent.links.values():
        assert link._probing is not None
        link._sessions._chance = RecordedChance(Random(1))
        link._probing.pace._chance = RecordedChance(Random(1))
    return bench


WEIGHED = """\
node: b1
role: controller
links:
  l1: {device: eth1, local: 10.1.0.1, peer: 10.1.0.2, insecure: true, weight: {function: cost, cost: {price: 5}}}
groups:
  1:
    device: eth0
    link: l1
    virtual_ips: [192.0.2.251/24]
    weight: {function: expression, expression: 100 - rtt / 1ms}
  2: {device: eth0, link: l1, virtual_ips: [192.0.2.252/24]}
applications: apps.conf
"""


def test_an_agent_that_weighs_is_read_in_the_midst_of_its_life() -> None:
    """How it weighs comes from the configuration, what it has learnt from the recording."""
    texts = {"b1.yaml": WEIGHED, "apps.conf": "App=* * * * * * [1 2] name=all\n"}
    loaded = load("b1.yaml", texts.__getitem__)
    agent = Agent(loaded, {}, RecordedChance(Random(1)), {"all": 2}, session=1, boot=0)
    agent.handle(0, Started())
    agent.handle(0, MinuteBegan(Wall(date(2026, 3, 2), 600)))
    agent.handle(SECOND, Measured("l1", Metrics(rtt=20 * MILLISECOND)))
    again = restore(dump_agent(agent, loaded, Passwords({})), loaded, {}, RepeatedChance())
    assert isinstance(again, Agent)
    weights = again.status(2 * SECOND)["links"]["l1"]["weights"]
    assert [(one["group"], one["weight"]) for one in weights] == [(1, 80.0), (2, 50.0)]
    assert weights == agent.status(2 * SECOND)["links"]["l1"]["weights"]
    later = Measured("l1", Metrics(rtt=99 * MILLISECOND))
    for one in (again, agent):
        one.handle(60 * SECOND, later)
    assert again.snapshot(60 * SECOND)["weights"] == agent.snapshot(60 * SECOND)["weights"]


def test_an_agent_that_has_asked_plug_ins_goes_on(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    """Their answers are inputs as any, and nobody is asked in a replay; what they said before is remembered."""
    text = WEIGHED.replace("function: cost, cost: {price: 5}", "function: trip, plugins: {trip: {does: sleep}}")
    texts = {"b1.yaml": text, "apps.conf": "App=* * * * * * [1 2] name=all\n"}
    with installed(tmp_path, monkeypatch, "trip = strange:Trip"):
        loaded = load("b1.yaml", texts.__getitem__)
        agent = Agent(loaded, {}, RecordedChance(Random(1)), {"all": 2}, session=1, boot=0)
        agent.handle(0, Started())
        (effect,) = agent.handle(SECOND, Measured("l1", Metrics(rtt=20 * MILLISECOND)))[-1:]
        assert isinstance(effect, Ask)
        (question,) = effect.questions
        assert question.view.parameters == {"does": "sleep"}
        answer = Reply("l1", question.view.group, "trip", Answer(40.0))
        agent.handle(2 * SECOND, Answered((answer,)))
        again = restore(dump_agent(agent, loaded, Passwords({})), loaded, {}, RepeatedChance())
    assert isinstance(again, Agent)
    assert again.status(3 * SECOND) == agent.status(3 * SECOND)
    events: list[Event] = [
        Measured("l1", Metrics(rtt=30 * MILLISECOND)),
        Answered((replace(answer, answer=Answer(60.0)),)),
        Tick(),
    ]
    for second, event in enumerate([*events, *events], start=30):
        assert repr(again.handle(second * SECOND, event)) == repr(agent.handle(second * SECOND, event))


def packed(value: Any) -> str:
    """Return a seed of any JSON."""
    return base64.b64encode(zlib.compress(json.dumps(value).encode())).decode()


def unpacked(text: str) -> str:
    """Return a seed's JSON."""
    return zlib.decompress(base64.b64decode(text)).decode()


def test_how_an_agent_was_made_makes_it_again() -> None:
    """With the same draws it is the same agent: its first session, its first words."""
    left = Bench()
    left.start()
    found = Found(snapshot=left.agent.snapshot(left.now))
    chance = RecordedChance(Random(4))
    start = Start(APPS, 7, left.now + SECOND, found)
    agent = start.agent(CONFIG, KEYS, chance)
    text = dump_start(Start(APPS, 7, left.now + SECOND, found, tuple(chance.take())))
    again = restore(text, CONFIG, STAND_INS, RepeatedChance())

    assert isinstance(again, Start)
    repeated = RepeatedChance()
    repeated.give(again.draws)
    other = again.agent(CONFIG, STAND_INS, repeated)
    assert other.snapshot(left.now) == agent.snapshot(left.now)
    assert other.handle(left.now + SECOND, Started()) == agent.handle(left.now + SECOND, Started())


def test_an_agent_in_the_midst_of_its_life_goes_on() -> None:
    """Its status is the same, and its parts of the configuration are the configuration's own."""
    with flown(Shape(), 2) as flights:
        flights.world.start()
        flights.world.run(4000)
        node = flights.world.nodes["b1"]
        assert node.agent is not None
        config = config_of(node.shape, "b1")
        text = dump_agent(node.agent, config, Passwords({}))
        again = restore(text, config, STAND_INS, RepeatedChance())

        assert isinstance(again, Agent)
        assert again.status(node.clock) == node.agent.status(node.clock)
        assert again.snapshot(node.clock, live=True) == node.agent.snapshot(node.clock, live=True)
        assert again.config is config.config
        assert SECRET.hex() not in unpacked(text)


SIX = """\
node: r1
role: standalone
groups:
  9: {mode: static, device: eth3, gateway: 203.0.113.1, gateway6: "fe80::9"}
applications: apps.conf
"""


def test_an_agent_that_knows_of_lost_ipv6_goes_on() -> None:
    """What is lost is part of what it knows, and what comes next is decided alike."""
    files = {"r1.yaml": SIX, "apps.conf": "App=* * * * * * [9] name=all\n"}
    config = load("r1.yaml", files.__getitem__)
    agent = Agent(config, {}, RecordedChance(Random(1)), {"all": 2}, session=1, boot=SECOND)
    told = [Checked(Reports(ends={"VID 9": Report("echo fe80::9", ok=ok, since=SECOND)})) for ok in (False, True)]
    agent.handle(SECOND, Started())
    agent.handle(SECOND, told[0])
    again = restore(dump_agent(agent, config, Passwords({})), config, {}, RepeatedChance())

    assert isinstance(again, Agent)
    assert again.status(2 * SECOND) == agent.status(2 * SECOND)
    decided = Digester().digest(agent.handle(2 * SECOND, told[1]))
    assert Digester().digest(again.handle(2 * SECOND, told[1])) == decided != 0


def test_an_agent_is_written_without_passwords() -> None:
    """Where it holds one, its stand-in is written."""
    bench = recorded_bench()
    bench.start()
    passwords = Passwords({GroupId(1): b"rosebud"})
    bench.agent.leftovers = [b"rosebud", b"xxrosebud\0xx"]  # type: ignore[attr-defined]
    text = dump_agent(bench.agent, CONFIG, passwords)

    assert b"rosebud".hex() not in unpacked(text)
    assert b"stand000".hex() in unpacked(text)


def test_a_key_is_never_written() -> None:
    """Rather nothing is recorded."""
    bench = recorded_bench()
    bench.agent.leftovers = [Key(1, SECRET)]  # type: ignore[attr-defined]

    with pytest.raises(GraphError, match="it holds a key"):
        dump_agent(bench.agent, CONFIG, Passwords({}))


def test_parts_of_a_configuration_have_their_places() -> None:
    """Equal texts have the same places; thousands of rules, passwords and texts have none."""
    other = config_of(Shape(), "b1")
    places = [path for path, _part in parts(CONFIG)]

    assert places == [path for path, _part in parts(other)]
    assert ("config", "groups", 0) in places
    assert ("rules", "applications", 0) in places
    assert not any(path[:2] == ("rules", "rules") or path[:1] in {("texts",), ("passwords",)} for path in places)


def outside(name: Any) -> str:
    """Return a seed that names something."""
    return packed({"root": [0], "nodes": [["outside", name]]})


@pytest.mark.parametrize(
    "text",
    [
        "no base64!",
        base64.b64encode(b"not packed").decode(),
        packed(None),
        packed({"root": 7, "nodes": []}),
        outside(["configuration", ["nothing"]]),
        outside(["configuration", []]),
        outside(["keyring", "l9"]),
        outside(["keyring", "l1"]),
        outside(["bytes", "6c31"]),
        outside(["chance", None]),
        outside(["sent", None]),
        outside(["anything", None]),
        base64.b64encode(zlib.compress(b"[" + b" " * STATE_MAX + b"]")).decode(),
    ],
)
def test_nothing_else_is_a_beginning(text: str) -> None:
    """Whatever the file says, it is refused in a sentence."""
    with pytest.raises(GraphError):
        restore(text, CONFIG, STAND_INS, RepeatedChance())
