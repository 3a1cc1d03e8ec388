"""What is drained, and what an agent does about it."""

import json
from typing import Any

import pytest

from linkbalancer.engine.drain import LIMIT, Drained, as_recorded, read
from linkbalancer.engine.effects import Publish, Record, SendAdvert, SendDatagram
from linkbalancer.sim.faults import Cut, Death, Drain, Leg, Silent
from linkbalancer.sim.rehearsal import healthy
from linkbalancer.sim.run import quiet, settle
from linkbalancer.sim.shape import Shape
from tests.engine.bench import Bench, of_type
from tests.sim.test_scenarios import LIMIT_MS, names

ENTRIES: list[dict[str, Any]] = [
    {"kind": "link", "name": "l1", "who": "root", "reason": "new cable", "at": "now"},
    {"kind": "vid", "name": "3", "who": "ann"},
    {"kind": "node", "name": "b1", "who": "bob", "reason": None},
]


def test_an_entry_is_called_as_in_the_history() -> None:
    """A link and a VID by name, a gateway as the one that says it."""
    assert [as_recorded(entry) for entry in ENTRIES] == ["link l1", "VID 3", "this gateway"]


def test_entries_are_read() -> None:
    """Each with who and why; what else an entry has is for others."""
    drained = read(ENTRIES)
    assert drained == Drained({"l1": "by root: new cable"}, {3: "by ann"}, "by bob")
    assert [drained.reason(vid, link) for vid, link in ((1, "l1"), (3, "l1"), (1, "l2"), (2, None))] == [
        "drained by root: new cable",
        "drained by ann",
        "drained by bob",
        "drained by bob",
    ]
    assert read([]).reason(1, "l1") is None


@pytest.mark.parametrize(
    "entries",
    [
        None,
        {},
        [7],
        [{"kind": "lan", "name": "x", "who": "y"}],
        [{"kind": "link", "name": "", "who": "y"}],
        [{"kind": "link", "name": "l1"}],
        [{"kind": "link", "name": "l1", "who": "y", "reason": 7}],
        [{"kind": "link", "name": "l1", "who": "y", "reason": "two\nlines"}],
        [{"kind": "link", "name": "l1", "who": "y", "reason": "\ud800"}],
        [{"kind": "link", "name": "l1", "who": "y" * 201}],
        [{"kind": "vid", "name": "one", "who": "y"}],
        [ENTRIES[0]] * (LIMIT + 1),
    ],
)
def test_what_is_no_such_list_is_refused(entries: Any) -> None:
    """Whoever wrote it."""
    with pytest.raises(ValueError, match=r"entr|VID"):
        read(entries)


def test_news_is_told_once() -> None:
    """The whole set is handed over again and again; only what changed is a record."""
    bench = Bench()
    bench.start()
    link, vid = Drained({"l1": "by a"}), Drained({}, {1: "by b"})
    assert ("drained", "link l1", "by a") in {
        (one.kind, one.subject, one.text) for one in of_type(bench.do(link), Record)
    }
    assert of_type(bench.do(link), Record) == []
    assert [one.kind for one in of_type(bench.do(vid), Record)][:2] == ["drained", "resumed"]
    assert [one.subject for one in of_type(bench.do(Drained(node="by c")), Record)][:1] == ["this gateway"]


def test_a_drained_vid_takes_no_part() -> None:
    """It is a fault, told to the LAN and to the peer; neither silence nor a restart of the agent brings it back."""
    bench = Bench()
    bench.do(Drained({}, {1: "by a"}))
    bench.start()
    effects = bench.wait(5000)
    assert of_type(effects, Publish)
    assert of_type(effects, SendDatagram)
    shown = bench.group(1)
    assert (shown["state"], shown["reason"], shown["drained"]) == ("fault", "drained by a", "drained by a")
    assert bench.group(2)["drained"] is None
    assert of_type(effects, SendAdvert)  # of VID 2, at the priority of a gateway without a link
    json.dumps(bench.agent.status(bench.now))


@pytest.mark.thorough
@pytest.mark.parametrize("end", ["b1", "f1"])
@pytest.mark.parametrize("failure", [Cut("l2"), Silent("l2"), Death("b2"), Death("f2"), Leg("b2"), Leg("f2")], ids=str)
@pytest.mark.parametrize("order", ["drain first", "failure first", "failure meanwhile"])
@pytest.mark.parametrize("links", [2, 3])
def test_a_link_is_drained_while_another_fails(end: str, failure: Any, order: str, links: int) -> None:
    """Never two Masters on a side, the group moves as one, nothing swings; and all is well again in the end."""
    world = healthy(Shape(links=links), 4)
    first, second = (failure, Drain(end)) if order == "failure first" else (Drain(end), failure)
    world.begin(first)
    if order == "failure meanwhile":
        world.run(20)
    else:
        settle(world, LIMIT_MS)
    world.begin(second)
    settle(world, LIMIT_MS)
    quiet(world)
    world.end(first)
    settle(world, LIMIT_MS)
    quiet(world)
    world.end(second)
    settle(world, LIMIT_MS)
    quiet(world)
    assert [names(world, side, 1) for side in ("near", "far")] == [["b1"], ["f1"]]


def test_both_ends_of_a_link_and_a_single_vid_are_drained_at_once() -> None:
    """One after the other is given back; the group comes back with the last of them."""
    world = healthy(Shape(), 5)
    faults = [Drain("b1"), Drain("f1"), Drain("b1", 1)]
    for fault in faults:
        world.begin(fault)
    settle(world, LIMIT_MS)
    quiet(world)
    assert [names(world, side, 1) for side in ("near", "far")] == [["b2"], ["f2"]]
    for fault in faults[:2]:
        world.end(fault)
        settle(world, LIMIT_MS)
    assert [names(world, side, 1) for side in ("near", "far")] == [["b2"], ["f2"]]
    world.end(faults[2])
    settle(world, LIMIT_MS)
    assert [names(world, side, 1) for side in ("near", "far")] == [["b1"], ["f1"]]
