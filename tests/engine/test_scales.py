"""The links of a controller on the scales."""

import json
from dataclasses import replace
from datetime import date
from types import SimpleNamespace
from typing import Any, cast

from linkbalancer.clock import MILLISECOND, SECOND
from linkbalancer.engine.events import Measured
from linkbalancer.engine.scales import MinuteBegan, Scales
from linkbalancer.health.report import Report, Reports
from linkbalancer.links import GroupId, GroupState, GroupWord
from linkbalancer.lvrrp.events import Closed, Opened
from linkbalancer.lvrrp.link import Link
from linkbalancer.sim.node import Node
from linkbalancer.sim.rehearsal import healthy
from linkbalancer.sim.shape import Shape
from linkbalancer.weights.checked import Checks
from linkbalancer.weights.cost import Cost, Tariff
from linkbalancer.weights.damping import Damping
from linkbalancer.weights.hysteresis import Calm
from linkbalancer.weights.latency import Latency
from linkbalancer.weights.mapping import Linear
from linkbalancer.weights.metrics import Lane, Metrics
from linkbalancer.weights.plugin import Plugged
from linkbalancer.weights.question import Reply
from linkbalancer.weights.settings import WeigherSettings, Weighing
from linkbalancer.weights.spread import Spread
from linkbalancer.weights.view import Answer
from linkbalancer.weights.wall import Hours, Wall

ONE, TWO = GroupId(1), GroupId(2)
LATENCY = Latency(good=0, bad=100 * MILLISECOND, jitter=0)
PLAIN = Weighing(function=LATENCY, mapping=Linear(54, 154), calm=Calm(least=5, hold=10 * SECOND))
NOON = Wall(date(2026, 3, 2), 12 * 60)


def scales(**links: Weighing) -> Scales:
    """Return the scales of links with VID 1 and 2 each, weighed alike."""
    return Scales(WeigherSettings(name, {ONE: one, TWO: one}) for name, one in (links or {"l1": PLAIN}).items())


def told(one: Scales, seconds: float) -> dict[str, dict[int, int]]:
    """Weigh; return which priorities are wanted, by link."""
    wanted, _ = one.weigh(round(seconds * SECOND))
    return {name: {group.vid: priority for group, priority, _ in some} for name, some in wanted}


def rtt(ms: int) -> Metrics:
    """Return what is known of a link of this round-trip time."""
    return Metrics(rtt=ms * MILLISECOND)


def peer(*masters: int) -> Link:
    """Return a link whose far end is Master of these VIDs."""
    states = [(vid, GroupState.MASTER if vid in masters else GroupState.BACKUP) for vid in (1, 2, 3)]
    words = tuple(GroupWord(vid, state, 100, 1, 0) for vid, state in states)
    return cast("Link", SimpleNamespace(peer=SimpleNamespace(words=lambda: words)))


def test_what_is_measured_becomes_a_wish() -> None:
    """Said once, with a record that says why; a link that is not weighed is none of these."""
    one = scales()
    one.turned("l1", Opened(""))
    one.measured("l1", rtt(20))
    one.measured("l9", rtt(20))
    wanted, records = one.weigh(SECOND)

    assert wanted == [("l1", ((ONE, 134, 80.0), (TWO, 134, 80.0)))]
    assert [(record.kind, record.subject, record.fields) for record in records] == [
        ("weight", "link l1", (("link", "l1"), ("vid", 1), ("family", 4))),
        ("weight", "link l1", (("link", "l1"), ("vid", 2), ("family", 4))),
    ]
    assert records[0].text == "VID 1: weight 80 -> priority 134: latency 80 (rtt 20 ms, jitter unknown)"
    assert one.weigh(2 * SECOND) == ([], [])


def test_several_things_at_once_are_one_change() -> None:
    """What is noted before it is weighed is told together, and a change that was put off when its time has come."""
    one = scales()
    one.turned("l1", Opened(""))
    one.measured("l1", rtt(20))
    one.measured("l1", rtt(21))
    assert told(one, 1) == {"l1": {1: 134, 2: 134}}
    one.measured("l1", rtt(40))
    assert told(one, 2) == {}
    due = one.deadline()
    assert due is not None
    assert told(one, due / SECOND) == {"l1": {1: 114, 2: 114}}
    assert one.deadline() is None


def test_whom_the_far_end_masters_divides_the_weight_of_those_behind() -> None:
    """`spread`: said when it changes, and forgotten when the link closes."""
    one = scales(l1=Weighing(function=LATENCY, mapping=Linear(54, 154), spread=Spread.WEIGHTED))
    one.turned("l1", Opened(""))
    one.measured("l1", rtt(20))
    one.peer_spoke("l1", peer(1))
    one.peer_spoke("l1", peer(1))
    one.peer_spoke("l9", peer(1))
    assert told(one, 1) == {"l1": {1: 134, 2: 94}}
    one.turned("l1", Closed("peer stopped", planned=True))
    one.turned("l9", Closed("peer stopped", planned=True))
    assert told(one, 2) == {"l1": {1: 134, 2: 134}}


def test_a_successor_hears_who_is_master_no_more() -> None:
    """A far end that gave up its VID while nobody listened divides no weight any more, though it says nothing new."""
    settings = Weighing(function=LATENCY, mapping=Linear(54, 154), spread=Spread.WEIGHTED)
    one = scales(l1=settings)
    one.turned("l1", Opened(""))
    one.measured("l1", rtt(20))
    one.peer_spoke("l1", peer(1))
    assert told(one, 1) == {"l1": {1: 134, 2: 94}}

    successor = scales(l1=settings)
    successor.recall(2 * SECOND, json.loads(json.dumps(one.snapshot())))
    successor.peer_spoke("l1", peer())
    successor.measured("l1", rtt(20))
    assert told(successor, 3) == {"l1": {1: 134, 2: 134}}


def test_a_planned_end_is_no_flap() -> None:
    """Whoever stops a gateway does not have its link distrusted; a carrier that goes three times is."""
    damped = Weighing(function=LATENCY, mapping=Linear(54, 154), damping=Damping())
    one = scales(l1=damped, l2=damped)
    for name, reason, planned in (("l1", "peer stopped", True), ("l2", "no carrier", False)):
        one.turned(name, Opened(""))
        one.measured(name, rtt(20))
        for _ in range(5):
            one.turned(name, Closed(reason, planned=planned))
            one.turned(name, Opened(""))
    assert told(one, 1) == {"l1": {1: 134, 2: 134}, "l2": {1: 54, 2: 54}}


def test_checks_and_the_hour_count() -> None:
    """Trackers by name, static groups by VID; what is not known leaves the weight as it was."""
    checks = Weighing(function=Checks(("dns", "VID 9")), mapping=Linear(54, 154), calm=Calm(least=0, hold=0))
    night = Cost(price=10, schedule=(Tariff(price=0, hours=Hours(22 * 60, 6 * 60)),))
    one = scales(l1=checks, l2=Weighing(function=night, mapping=Linear(54, 154)))
    one.checked(
        Reports({"dns": Report("script", ok=True, since=0)}, {"9": Report("gateway", ok=None, since=0)}, whole=True)
    )
    one.minute_began(MinuteBegan(NOON))
    assert told(one, 1) == {"l2": {1: 54, 2: 54}}
    one.checked(
        Reports({"dns": Report("script", ok=True, since=0)}, {"9": Report("gateway", ok=False, since=0)}, whole=True)
    )
    assert told(one, 2) == {"l1": {1: 104, 2: 104}}


def test_only_what_moves_a_priority_is_worth_a_record() -> None:
    """A weight that leads to the same one is told, and not recorded."""
    one = scales(l1=Weighing(function=LATENCY, mapping=Linear(100, 101), calm=Calm(least=0, hold=0)))
    one.turned("l1", Opened(""))
    one.measured("l1", rtt(20))
    one.weigh(SECOND)
    one.measured("l1", rtt(21))
    wanted, records = one.weigh(2 * SECOND)
    assert (len(wanted), records) == (1, [])


def test_a_successor_wants_the_same() -> None:
    """From what its predecessor left; what is no such thing, or of another link, is nothing."""
    one = scales(l1=PLAIN, l2=PLAIN)
    for name in ("l1", "l2"):
        one.turned(name, Opened(""))
    one.measured("l1", rtt(20))
    one.weigh(SECOND)
    left: Any = json.loads(json.dumps(one.snapshot()))

    successor = scales(l1=PLAIN, l3=PLAIN)
    successor.recall(2 * SECOND, left)
    assert successor.first("l1") == one.first("l1") == ((ONE, 134, 80.0), (TWO, 134, 80.0))
    assert (successor.first("l3"), successor.first("l9")) == ((), None)
    assert successor.first("l2") == (), "what was wanted of a link that is not weighed any more is taken back"
    assert successor.weigh(2 * SECOND) == ([], [])
    some: tuple[object, ...] = (None, {"l1": 7}, {"l1": {}})
    for nonsense in some:
        other = scales(l1=PLAIN)
        other.recall(2 * SECOND, nonsense)
        assert other.first("l1") == ()


def test_a_link_that_is_not_weighed_is_not_on_the_scales() -> None:
    """Nothing is wanted of its far end."""
    one = Scales([WeigherSettings("l1")])
    one.turned("l1", Opened(""))
    assert (one.weigh(SECOND), one.deadline(), one.first("l1")) == (([], []), None, None)


def test_a_month_outlives_a_reboot() -> None:
    """What was carried counts on; a predecessor of this boot knows better, and what makes no sense is nothing."""
    capped = Weighing(function=Cost(cap=1e9, resets=1), mapping=Linear(54, 154))
    one = scales(l1=capped, l2=PLAIN)
    one.minute_began(MinuteBegan(NOON))
    one.measured("l1", Metrics(outward=Lane(rate=8e8)))
    one.weigh(SECOND)
    one.measured("l1", Metrics(outward=Lane(rate=8e8)))
    one.weigh(10 * SECOND)
    left: Any = json.loads(json.dumps(one.carried()))
    assert left == {"l1": {"1": [NOON.period(1), 9e8]}}

    booted = scales(l1=capped)
    booted.carry({**left, "l9": {}})
    booted.minute_began(MinuteBegan(NOON))
    booted.weigh(0)
    assert booted.carried() == left
    booted.carry({"l1": {"1": [NOON.period(1), 5.0]}})
    assert booted.carried() == left
    nonsense: tuple[object, ...] = (None, 7, {"l1": 7}, {"l1": {"1": 7}}, {"l1": {"1": [1, "much"]}})
    for some in nonsense:
        other = scales(l1=capped)
        other.carry(some)
        assert other.carried() == {}


def test_it_says_what_each_weight_is_made_of() -> None:
    """For a status; of a link that is not weighed there is nothing to say."""
    one = scales()
    one.turned("l1", Opened(""))
    one.measured("l1", rtt(20))
    one.weigh(SECOND)
    described = one.describe(SECOND, "l1")
    assert [(entry["group"], entry["priority"], entry["weight"]) for entry in described] == [
        (1, 134, 80.0),
        (2, 134, 80.0),
    ]
    assert one.describe(SECOND, "l9") == []


def wanted_of(node: Node) -> dict[str, int]:
    """Return which priorities an agent wants of the far end of its link, by group."""
    assert node.agent is not None
    wanted = node.agent.status(node.clock)["links"][node.link]["wanted"]
    return {group: one["priority"] for group, one in wanted.items()}


def test_an_agent_weighs_and_one_that_is_started_anew_wants_what_its_predecessor_did() -> None:
    """Before anything is measured again; the time of day is no news to a weight that does not go by it."""
    world = healthy(Shape(2, 2, weight="latency"), 1)
    node = world.nodes["b1"]
    assert wanted_of(node) == {}
    node.handle(MinuteBegan(NOON))
    assert wanted_of(node) == {}
    node.handle(Measured("l1", Metrics(loss=0.0, rtt=160 * MILLISECOND, jitter=0)))
    wanted = wanted_of(node)
    assert set(wanted) == {"1", "2"}
    assert len(set(wanted.values())) == 1
    world.run(200)
    node.kill()
    node.start()
    assert wanted_of(node) == wanted
    world.run(1000)
    far = world.nodes["f1"].agent
    assert far is not None
    assert far.status(world.nodes["f1"].clock)["groups"]["1"]["priority"] == wanted["1"]


def test_plug_ins_are_asked_and_answer() -> None:
    """Each about every VID of every link; what they answer is weighed, and is nobody else's."""
    one = scales(l1=replace(PLAIN, function=Plugged("queue", ())), l2=PLAIN)
    one.turned("l1", Opened(""))
    assert [(asked.link, asked.key[1]) for asked in one.questions(0)] == [("l1", ONE), ("l1", TWO)]
    assert one.questions(0) == ()
    replies = [Reply(link, group, "queue", Answer(50.0)) for link, group in (("l1", ONE), ("l1", TWO), ("l9", ONE))]
    assert one.answered(SECOND, replies) == []
    assert told(one, 1) == {"l1": {1: 104, 2: 104}}
    (record,) = one.answered(2 * SECOND, [Reply("l1", ONE, "queue", Answer(trouble="it rusts"))])
    assert (record.kind, record.subject) == ("plugin", "plug-in queue")
    assert told(one, 2) == {}
