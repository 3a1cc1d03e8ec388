"""Tests of the machine for one link: what is told to the far end, and when; restarts and reloads move nothing."""

import json
from dataclasses import replace
from typing import Any

import pytest
from hypothesis import given
from hypothesis import strategies as st

from linkbalancer.clock import SECOND
from linkbalancer.links import Family, GroupId
from linkbalancer.weights.bandwidth import AvailableBandwidth
from linkbalancer.weights.checked import Checks
from linkbalancer.weights.composite import Composite, Part
from linkbalancer.weights.cost import Cost
from linkbalancer.weights.damping import Damping
from linkbalancer.weights.expression import Expression
from linkbalancer.weights.function import Function
from linkbalancer.weights.hysteresis import Calm
from linkbalancer.weights.latency import Latency
from linkbalancer.weights.mapping import Linear, Steps
from linkbalancer.weights.news import (
    Checked,
    Clocked,
    Closed,
    Mastered,
    Measured,
    News,
    Opened,
    Priorities,
    Tick,
)
from linkbalancer.weights.settings import WeigherSettings, Weighing
from linkbalancer.weights.spread import Spread
from linkbalancer.weights.weigher import Weigher
from tests.weights.links import at, metrics

ONE, TWO, SIX = GroupId(1), GroupId(2), GroupId(1, Family.IPV6)
LATENCY = Latency(good=0, bad=100_000_000, jitter=0)
PLAIN = Weighing(function=LATENCY, mapping=Linear(54, 154), calm=Calm(least=5, hold=10 * SECOND))
SPREAD = replace(PLAIN, spread=Spread.WEIGHTED)


def weigher(*, open_: bool = True, **groups: Weighing) -> Weigher:
    """Return a weigher of an open link; `one`, `two`, `six` name its groups, VID 1 alone where none is."""
    names = {"one": ONE, "two": TWO, "six": SIX}
    known = {names[name]: weighing for name, weighing in groups.items()} or {ONE: PLAIN}
    found = Weigher(WeigherSettings("l1", known))
    if open_:
        found.handle(0, Opened())
    return found


def told(machine: Weigher, seconds: float, event: News) -> dict[GroupId, int] | None:
    """Hand in an event; return the priorities that are told, None where nothing is."""
    effects = machine.handle(int(seconds * SECOND), event)
    return {group: priority for group, priority, _ in effects[0].wanted} if effects else None


def measured(rtt_ms: float | None) -> Measured:
    """Return what was measured."""
    return Measured(metrics(rtt_ms=rtt_ms))


def test_nothing_is_told_before_anything_is_known() -> None:
    """The far end's configured priority stands."""
    machine = weigher()

    assert told(machine, 1, measured(None)) is None
    assert machine.wanted == {}
    assert machine.deadline() is None
    assert told(machine, 2, measured(20)) == {ONE: 134}
    assert machine.wanted == {ONE: (80, 134)}


def test_a_weight_that_is_configured_for_the_unknown_is_told() -> None:
    """From the first moment."""
    machine = weigher(one=replace(PLAIN, unknown=30))

    assert machine.wanted == {ONE: (30, 84)}


def test_what_becomes_unknown_moves_nothing() -> None:
    """The last weight stands (mission L8), over a closed link too."""
    machine = weigher()
    told(machine, 1, measured(20))

    assert told(machine, 30, measured(None)) is None
    assert told(machine, 60, Closed()) is None
    assert machine.wanted == {ONE: (80, 134)}


def test_noise_moves_nothing_and_a_change_comes_at_the_deadline() -> None:
    """Hysteresis, hold, and the tick that ends it."""
    machine = weigher()
    told(machine, 1, measured(20))

    assert told(machine, 2, measured(24)) is None
    assert machine.deadline() is None
    assert told(machine, 3, measured(60)) is None
    assert machine.deadline() == 11 * SECOND
    assert told(machine, 10.9, Tick()) is None
    assert told(machine, 11, Tick()) == {ONE: 94}
    assert machine.deadline() is None


def test_a_link_of_no_use_is_told_at_once() -> None:
    """And comes back only after the hold time."""
    machine = weigher()
    told(machine, 1, measured(20))

    assert told(machine, 2, measured(500)) == {ONE: 54}
    assert told(machine, 3, measured(20)) is None
    assert told(machine, 12, Tick()) == {ONE: 134}


def test_vids_before_make_it_less_and_vids_after_do_not() -> None:
    """Each family is an order of its own, and what is mastered itself does not count."""
    machine = weigher(one=SPREAD, two=SPREAD, six=SPREAD)
    assert told(machine, 1, measured(20)) == {ONE: 134, TWO: 134, SIX: 134}

    assert told(machine, 2, Mastered(frozenset({ONE, TWO, SIX}))) == {ONE: 134, TWO: 94, SIX: 134}
    assert told(machine, 3, Mastered(frozenset({TWO}))) == {ONE: 134, TWO: 134, SIX: 134}


def test_a_link_that_flaps_is_let_down_until_it_has_calmed() -> None:
    """Then it is weighed as before; a planned closing is no flap."""
    machine = weigher(one=replace(PLAIN, damping=Damping(half_life=30 * SECOND, suppress=2.5, reuse=1)))
    told(machine, 1, measured(20))
    answers = []
    for second in (2, 3, 4):
        answers += [told(machine, second, Closed()), told(machine, second, Opened())]
        answers.append(told(machine, second, measured(20)))
    for second in (5, 6, 7):
        machine.handle(second * SECOND, Closed(planned=True))
        machine.handle(second * SECOND, Opened())

    assert [one for one in answers if one] == [{ONE: 54}]
    deadline = machine.deadline()
    assert deadline is not None
    assert deadline > 40 * SECOND
    assert "suppressed for flapping" in machine.explain(8 * SECOND)[0].in_words()
    assert machine.handle(deadline - 1, Tick()) == ()
    assert machine.handle(deadline, Tick()) == (Priorities(((ONE, 134, 80.0),)),)
    assert machine.deadline() is None


def test_a_link_that_closes_twice_flaps_once() -> None:
    """Only an open link can flap; and without damping it does not matter."""
    machine = weigher(one=replace(PLAIN, damping=None))
    for _ in range(9):
        machine.handle(SECOND, Closed())
    assert machine.explain(SECOND)[0].penalty == 0
    damped = weigher()
    for _ in range(9):
        damped.handle(SECOND, Closed())
    assert damped.explain(SECOND)[0].penalty == pytest.approx(1)


def test_checks_and_the_clock_are_told() -> None:
    """Every function sees what it needs."""
    both = Composite((Part(Checks(("dns",)), 1), Part(Cost(cap=1e9, careful=0.5), 1)))
    machine = weigher(one=replace(PLAIN, function=both))

    assert told(machine, 0, Checked({"dns": 1.0})) is None
    assert told(machine, 0, Clocked(at(12))) == {ONE: 154}
    for second in range(0, 61, 10):
        answer = told(machine, second, Measured(metrics(rtt_ms=1, rate=5e7, capacity=1e9)))
    assert answer == {ONE: 124}  # 750 MB of 1 GB: half of what care leaves, a mean of 70.7 with the check


def successor(machine: Weigher, seconds: float, settings: WeigherSettings | None = None) -> Weigher:
    """Return a weigher that goes on from a snapshot, as after a restart of the agent."""
    found = json.loads(json.dumps(machine.snapshot()))
    other = Weigher(settings or WeigherSettings("l1", {ONE: PLAIN}))
    assert other.restore(int(seconds * SECOND), found)
    return other


def test_a_restart_moves_nothing() -> None:
    """What was told stands at once; hold and hysteresis go on from where they were."""
    machine = weigher()
    told(machine, 1, measured(20))
    other = successor(machine, 4)

    assert other.wanted == {ONE: (80, 134)}
    assert told(other, 4, Tick()) is None
    assert told(other, 5, measured(22)) is None
    assert told(other, 6, measured(60)) is None
    assert other.deadline() == 11 * SECOND


def test_a_restart_keeps_flaps_masters_and_what_was_carried() -> None:
    """A snapshot of a snapshot is the same."""
    capped = replace(SPREAD, function=Composite((Part(LATENCY, 1), Part(Cost(cap=1e12, resets=5), 1))))
    settings = WeigherSettings("l1", {ONE: capped, TWO: capped})
    machine = Weigher(settings)
    for event in (Opened(), Clocked(at(3)), Mastered(frozenset({ONE})), Closed(), Opened()):
        machine.handle(SECOND, event)
    for second in (1, 11):
        machine.handle(second * SECOND, Measured(metrics(rtt_ms=20, rate=4e6)))
    other = successor(machine, 12, settings)

    assert other.snapshot() == machine.snapshot()
    assert other.snapshot()["months"] == {"5": [pytest.approx(2026 * 12 + 10), pytest.approx(10e6)]}
    assert other.wanted == machine.wanted
    assert other.explain(12 * SECOND)[0].penalty == pytest.approx(machine.explain(12 * SECOND)[0].penalty)


def test_a_restart_with_another_function_weighs_anew_at_once() -> None:
    """What an operator changes is no noise; a VID that is new begins with nothing."""
    machine = weigher()
    told(machine, 1, measured(20))
    changed = replace(PLAIN, function=replace(LATENCY, bad=50_000_000))
    other = successor(machine, 2, WeigherSettings("l1", {ONE: changed, TWO: PLAIN}))

    assert other.wanted == {ONE: (80, 134)}
    assert told(other, 3, measured(20)) == {ONE: 114, TWO: 134}


def broken(**changes: Any) -> dict[str, Any]:
    """Return a snapshot with something in it changed."""
    machine = weigher()
    told(machine, 1, measured(20))
    found: dict[str, Any] = json.loads(json.dumps(machine.snapshot()))
    for path, value in changes.items():
        *way, last = path.split("__")
        inner = found
        for key in way:
            inner = inner[{"one": "1"}.get(key, key)]
        inner[last] = value
    return found


@pytest.mark.parametrize(
    "found",
    [
        {},
        {"groups": []},
        broken(schema=2),
        broken(link="l2"),
        broken(open=1),
        broken(groups={"x": {}}),
        broken(groups__one__flaps=[1, 99 * SECOND, None]),
        broken(groups__one__settled=[101, 0, None, 0]),
        broken(groups__one__settled=["80", 0, None, 0]),
        broken(groups__one__settled=[80, None, None, 0]),
        broken(groups__one__settled=[True, 0, None, 0]),
        broken(groups__one__settled=[80, 0, 7, 0]),
        broken(groups__one__settled=[80, 0, True, -1]),
        broken(groups__one__settled=[80, 0]),
        broken(groups__one__reckoning=7),
        broken(groups__one__flaps=[-1, 0, None]),
        broken(groups__one__flaps=[1e999, 0, None]),
        broken(groups__one__flaps=[1, 0]),
        broken(measured_at=True),
        broken(months={"1": [1]}),
        broken(masters=["1/ipv5"]),
    ],
)
def test_a_snapshot_of_something_else_is_left_alone(found: dict[str, Any]) -> None:
    """Of another link, from before the host's boot, or damaged."""
    machine = weigher()
    before = machine.snapshot()

    assert not machine.restore(50 * SECOND, found)
    assert machine.snapshot() == before


def test_a_reboot_of_the_host_leaves_what_was_carried() -> None:
    """Its clock began anew, so that nothing else of a snapshot that was kept on disk says anything."""
    capped = WeigherSettings("l1", {ONE: replace(PLAIN, function=Cost(cap=1e9, careful=0.5))})
    machine = Weigher(capped)
    machine.handle(900 * SECOND, Clocked(at(3)))
    for second in (900, 960):
        machine.handle(second * SECOND, Measured(metrics(rtt_ms=1, rate=5e7)))
    other = successor(machine, 20, capped)

    assert other.wanted == {}
    assert other.snapshot()["months"] == machine.snapshot()["months"]
    assert told(other, 21, Clocked(at(4))) == {ONE: 104}


def reloaded(machine: Weigher, **groups: Weighing) -> Weigher:
    """Return the weigher of an agent that succeeds one with other settings."""
    other = weigher(open_=False, **groups)
    assert other.restore(4 * SECOND, json.loads(json.dumps(machine.snapshot())))
    return other


def test_the_same_settings_again_change_nothing() -> None:
    """Equal values, not the same ones: a reload reads them anew."""
    machine = weigher()
    told(machine, 1, measured(20))
    told(machine, 2, measured(60))
    other = reloaded(machine, one=replace(PLAIN, function=replace(LATENCY)))

    assert told(other, 5, measured(60)) is None
    assert other.deadline() == machine.deadline() == 11 * SECOND


def test_other_settings_act_at_once() -> None:
    """Another mapping as soon as they are there, another function when something is measured; no noise is in that."""
    machine = weigher(one=PLAIN, two=PLAIN)
    told(machine, 1, measured(20))
    steps = replace(PLAIN, mapping=Steps(((0, 10), (50, 200))))
    other = reloaded(machine, one=steps, two=replace(PLAIN, function=replace(LATENCY, bad=50_000_000)))

    assert other.wanted == {ONE: (80.0, 200), TWO: (80.0, 134)}
    assert told(other, 5, measured(20)) == {ONE: 200, TWO: 114}


def test_a_vid_that_is_gone_is_no_longer_told() -> None:
    """What was known of it goes too."""
    machine = weigher(one=PLAIN, two=PLAIN)
    told(machine, 1, measured(20))
    other = reloaded(machine, two=PLAIN)

    assert set(other.wanted) == {TWO}
    assert set(other.snapshot()["groups"]) == {"2"}


def test_another_cap_is_counted_from_now() -> None:
    """By the clock, as soon as that is known."""
    machine = weigher(one=replace(PLAIN, function=Cost(cap=1e9, resets=5)))
    told(machine, 1, Clocked(at(3)))
    assert machine.wanted == {ONE: (100, 154)}
    other = reloaded(machine, one=replace(PLAIN, function=Cost(cap=1e9, resets=6)))
    told(other, 5, Clocked(at(3)))

    assert set(other.snapshot()["months"]) == {"6"}


def test_everything_can_be_explained() -> None:
    """What a person asks for at three in the morning, for programs too."""
    machine = weigher(one=PLAIN, two=SPREAD, six=replace(PLAIN, function=Checks(("dns",))))
    told(machine, 1, measured(20))
    told(machine, 2, Mastered(frozenset({ONE})))
    told(machine, 3, measured(60))
    one, two, six = machine.explain(4 * SECOND)

    assert one.in_words() == "weight 80 -> priority 134: latency 40 (rtt 60 ms, jitter unknown), 80 stands for 7 s more"
    assert two.in_words().startswith("weight 40 -> priority 94: latency 40 ")
    assert two.in_words().endswith(", 1 VID before it here (spread weighted)")
    assert six.in_words() == "no weight yet: checks unknown (dns unknown)"
    assert json.loads(json.dumps(two.to_json())) | {"words": ""} == {
        "group": 2,
        "function": "latency",
        "reckoned": 40.0,
        "because": ["rtt 60 ms", "jitter unknown"],
        "settled": 80.0,
        "turns": 0,
        "held_for_ms": 7000.0,
        "suppressed_for_ms": None,
        "penalty": 0.0,
        "spread": "weighted",
        "before": 1,
        "weight": 40.0,
        "priority": 94,
        "words": "",
    }


def test_a_weight_that_turned_back_says_so() -> None:
    """For how long it stands then, or that it is too little after so many turns."""
    machine = weigher()
    for second, rtt in ((1, 20), (11, 90), (21, 20), (41, 90)):
        told(machine, second, measured(rtt))
    assert machine.explain(50 * SECOND)[0].turns == 2
    told(machine, 50, measured(20))
    assert machine.explain(51 * SECOND)[0].in_words().endswith("10 stands for 30 s more after 2 turns back")
    told(machine, 52, measured(88))
    assert machine.explain(53 * SECOND)[0].in_words().endswith("10 stands: too little a change after 2 turns back")


def test_a_weight_that_stands_says_why() -> None:
    """Because the change is little, or because nothing is known."""
    machine = weigher()
    told(machine, 1, measured(20))
    told(machine, 2, measured(22))
    assert machine.explain(3 * SECOND)[0].in_words().endswith("80 stands: too little a change")
    told(machine, 4, measured(None))
    assert (
        machine.explain(5 * SECOND)[0].in_words().endswith("latency unknown (rtt unknown, jitter unknown), 80 stands")
    )


events = st.one_of(
    st.none() | st.floats(0, 200).map(float),
    st.sampled_from([Opened(), Closed(), Closed(planned=True), Tick(), Clocked(at(3))]),
    st.sets(st.sampled_from([ONE, TWO, SIX])).map(lambda groups: Mastered(frozenset(groups))),
    st.floats(0, 1).map(lambda share: Checked({"dns": share})),
)
stories = st.lists(st.tuples(st.integers(0, 20 * SECOND), events), max_size=40)


@given(stories, st.integers(0, 40))
def test_a_restart_at_any_moment_is_not_noticed(story: list[tuple[int, Any]], at_step: int) -> None:
    """Whatever happens: the far end is told the same, except for what the successor has not been told anew."""
    settings = WeigherSettings(
        "l1", {ONE: SPREAD, TWO: replace(SPREAD, spread=Spread.EVEN), SIX: replace(PLAIN, unknown=20)}
    )
    whole, now = Weigher(settings), 0
    for step, (pause, happens) in enumerate(story):
        now += pause
        event = measured(happens) if happens is None or isinstance(happens, float) else happens
        whole.handle(now, event)
        if step == at_step:
            known = whole.wanted
            other = Weigher(settings)
            assert other.restore(now, json.loads(json.dumps(whole.snapshot())))
            assert other.wanted == known
            other.handle(now, event)
            whole = other
        for weight, priority in whole.wanted.values():
            assert 0 <= weight <= 100
            assert 54 <= priority <= 154
        deadline = whole.deadline()
        if deadline is not None and deadline > now:
            whole.handle(deadline - 1, Tick())
            assert whole.deadline() == deadline


@given(st.lists(st.tuples(st.integers(1, 3 * SECOND), st.floats(80, 95)), min_size=1, max_size=60))
def test_noise_never_elects(story: list[tuple[int, float]]) -> None:
    """Changes below the least one, however many: at most one value is ever told."""
    machine = weigher(one=replace(PLAIN, calm=Calm(least=16, hold=0)))
    now, priorities = 0, set()
    for pause, rtt in story:
        now += pause
        machine.handle(now, measured(rtt))
        priorities.add(machine.wanted[ONE])

    assert len(priorities) == 1


@pytest.mark.parametrize(
    ("function", "waits"),
    [
        (AvailableBandwidth(best=1e8), 15),
        (Expression("100 - 100 * load"), 15),
        (Composite((Part(AvailableBandwidth(best=1e8), 1),)), 15),
        (Composite((Part(Expression("100 * (capacity - 40Mbit) / 60Mbit + 0 * rtt / 1ms"), 1),)), 10),
    ],
)
def test_vids_that_follow_the_load_do_not_move_together(function: Function, waits: int) -> None:
    """Each waits half a hold time more than the one before it, where its weight follows the load."""
    machine = weigher(one=replace(PLAIN, function=function), two=replace(PLAIN, function=function))
    machine.handle(0, Measured(metrics(rtt_ms=1, rate=0, capacity=1e8)))
    machine.handle(SECOND, Measured(metrics(rtt_ms=1, rate=5e7, capacity=7e7)))
    first = machine.deadline()
    assert first == 10 * SECOND
    machine.handle(first, Tick())

    assert machine.deadline() == (waits * SECOND if waits > 10 else None)
