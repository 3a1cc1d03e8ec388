"""What is told of a gateway's standing in a group, so that people and programs can be told in turn."""

import json
from collections.abc import Callable
from dataclasses import replace

import pytest

from linkbalancer.config.load import Loaded
from linkbalancer.config.synchrony import SyncGroup
from linkbalancer.engine.effects import Effect, Record
from linkbalancer.engine.events import Leave, Retire
from linkbalancer.engine.found import Found
from linkbalancer.links import GroupId, GroupState
from linkbalancer.sim.faults import Leg, Partition
from linkbalancer.sim.node import Node
from linkbalancer.sim.rehearsal import healthy
from linkbalancer.sim.shape import LAN_DEVICE, Shape, loaded
from linkbalancer.sim.wire import FAR
from linkbalancer.sim.world import World
from tests.engine.bench import STOP, Bench, of_type

Told = list[tuple[str, str, str, dict[str, str | int]]]


def edge(effects: list[Effect]) -> list[str | int]:
    """Return what is told of the sync group `edge`."""
    return [dict(one.fields)["state"] for one in of_type(effects, Record) if one.kind == "sync-group"]


def records(effects: list[Effect], kind: str) -> list[dict[str, str | int]]:
    """Return the fields of VID 1's records of a kind."""
    found = [one for one in of_type(effects, Record) if (one.kind, one.subject) == (kind, "VID 1")]
    return [dict(one.fields) for one in found]


@pytest.fixture
def settled(monkeypatch: pytest.MonkeyPatch) -> tuple[World, Callable[[str], Told]]:
    """Return four links at work, and what was told of a kind since then: node, subject, text, fields."""
    world = healthy(Shape(links=4), 1)
    told: list[tuple[str, Record]] = []
    perform = world.perform

    def listen(node: Node, effect: Effect) -> None:
        if isinstance(effect, Record):
            told.append((node.name, effect))
        perform(node, effect)

    monkeypatch.setattr(world, "perform", listen)
    return world, lambda kind: [
        (name, one.subject, one.text, dict(one.fields)) for name, one in told if one.kind == kind
    ]


def test_a_state_has_its_priority() -> None:
    """As programs want them, beside the words for people."""
    bench = Bench()
    bench.start()
    told = records(bench.wait(5000), "vid")[-1]

    assert told == {"vid": 1, "state": "master", "priority": bench.group(1)["priority"]}


@pytest.mark.parametrize(
    ("event", "word"), [(Leave(), "stop"), (Retire(frozenset({GroupId(1)}), frozenset()), "deleted")]
)
def test_a_stop_for_good_is_told_from_others(event: Leave | Retire, word: str) -> None:
    """The service ends, or the group is configured no more."""
    bench = Bench()
    bench.start()
    bench.wait(5000)

    (told,) = records(bench.do(event), "vid")
    assert told["state"] == word


def test_a_rival_that_loses_is_told_by_the_winner(settled: tuple[World, Callable[[str], Told]]) -> None:
    """The Master of a split that healed changes no state, and yet its world has changed; once for each loser's VID."""
    world, told = settled
    split = Partition(FAR, ("f1", "f2"))
    world.begin(split)
    world.run(5000)
    assert told("rival") == []
    world.end(split)
    world.run(5000)

    rivals = told("rival")
    assert rivals
    assert len({(name, subject) for name, subject, _, _ in rivals}) == len(rivals)
    for name, subject, text, fields in rivals:
        agent = world.nodes[name].agent
        assert agent is not None
        assert agent.memberships[GroupId.read(subject.removeprefix("VID "))].state is GroupState.MASTER
        assert fields["state"] == "master"
        assert text.startswith(f"stays Master: {fields['source']} is one too, with priority ")


def test_a_priority_that_changes_while_the_state_does_not(settled: tuple[World, Callable[[str], Told]]) -> None:
    """With what it was and why; whose state changes tells it with that."""
    world, told = settled
    world.begin(Leg("f1"))
    world.run(5000)

    changes = told("priority")
    assert changes
    for _name, _subject, text, fields in changes:
        before, after = text.split()[1], text.split()[3].rstrip(":")
        assert before != after
        assert str(fields["priority"]) == after
        assert fields["state"] in {"backup", "master"}


def test_without_vrrp_there_is_no_priority() -> None:
    """A closed link stops the group."""
    bench = Bench(STOP)
    bench.start()
    bench.wait(5000)

    assert records(bench.carrier(LAN_DEVICE, up=False), "priority") == []


@pytest.fixture
def in_step(monkeypatch: pytest.MonkeyPatch) -> None:
    """Have VIDs 1 and 3 in a sync group."""

    def with_sync_group(shape: Shape, name: str) -> Loaded:
        found = loaded(shape, name)
        groups = {"edge": SyncGroup(groups=(GroupId(1), GroupId(3)))}
        return replace(found, config=found.config.model_copy(update={"sync_groups": groups}))

    monkeypatch.setattr("tests.engine.bench.loaded", with_sync_group)


@pytest.mark.usefixtures("in_step")
def test_a_sync_group_is_told_as_a_whole() -> None:
    """Derived from its members: Master when all are, in Fault when one is; once each, below the member's own record."""
    bench = Bench()
    effects = [*bench.start(), *bench.wait(5000), *bench.carrier(LAN_DEVICE, up=False)]

    told = [one for one in of_type(effects, Record) if one.kind == "sync-group"]
    assert [(one.subject, dict(one.fields)["state"]) for one in told] == [
        ("edge", "backup"),
        ("edge", "master"),
        ("edge", "fault"),
    ]
    causes = {one.number: one.kind for one in of_type(effects, Record)}
    assert [causes.get(one.cause) for one in told] == ["vid"] * 3


@pytest.mark.usefixtures("in_step")
@pytest.mark.parametrize("how", ["reload", "killed"])
def test_a_succession_is_no_news_of_a_sync_group(how: str) -> None:
    """Nobody gets a mail at every reload, nor when a killed agent is back; what changes from there is told."""
    bench = Bench()
    bench.start()
    bench.wait(5000)
    snapshot = json.loads(json.dumps(bench.agent.snapshot(bench.now, live=how == "reload")))
    successor = Bench(now=bench.now, found=Found(snapshot=snapshot, live=how == "reload"))

    assert edge(successor.start()) == []
    assert edge(successor.carrier(LAN_DEVICE, up=False)) == ["fault"]
