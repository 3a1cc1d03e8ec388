"""What can never matter."""

from linkbalancer.engine.foresight.idle import Idle, IdlePriority, IdleSteps, Tie
from linkbalancer.engine.foresight.survey import survey
from linkbalancer.links import GroupId
from linkbalancer.sim.shape import Shape
from tests.engine.foresight.sites import site, small, texts

TRACKERS = "trackers:\n  up: {script: /bin/true}\n"


def tracked(name: str, vid: int, base: int, weight: int) -> list[tuple[str, str, str]]:
    """Return changes that give a gateway a tracker with a weight in a VID."""
    old = f"priority: {base}}}\n  {vid + 1}"
    return [
        (name, "groups:", f"{TRACKERS}groups:"),
        (name, old, f"priority: {base}, track: {{up: {weight}}}}}\n  {vid + 1}"),
    ]


def test_priorities_that_decide_nothing() -> None:
    """Those near, for the far side decides; and those of gateways that are alone in a VID."""
    found = list(Idle(survey(small())).priorities())
    assert found[0] == IdlePriority("f1", GroupId(3), 150, "no other gateway of its side takes part in VID 3", ())
    assert [(one.gateway, one.group.vid) for one in found[1:]] == [
        ("b1", 1),
        ("b2", 1),
        ("b1", 2),
        ("b2", 2),
        ("b1", 3),
    ]
    assert found[1].why == "the far side's election decides, and the near one follows it"


def test_a_priority_that_decides_something_is_not_among_them() -> None:
    """Whatever value f1 and f2 have in VID 1, another one would change who is Master: proven by trying."""
    idle = {(one.gateway, one.group.vid, one.priority) for one in Idle(survey(small())).priorities()}
    for name, old in (("f1", "priority: 150}\n  2"), ("b1", "priority: 150}\n  2"), ("f2", "priority: 100}\n  2")):
        before, vid = survey(small()), 1
        after = survey(small((name, old, "priority: 125}\n  2")))
        lower = survey(small((name, old, "priority: 2}\n  2")))
        higher = survey(small((name, old, "priority: 254}\n  2")))
        same = all(
            [one.facts() for one in before.outcomes] == [one.facts() for one in other.outcomes]
            for other in (after, lower, higher)
        )
        assert same == ((name, vid, int(old[10:13])) in idle), name


def test_weights_that_never_take_a_priority_past_another() -> None:
    """150 against 100: 40 is not enough, 60 is; at a near gateway none is, as its priority decides nothing."""
    weak = list(Idle(survey(small(*tracked("f1", 1, 150, -40)))).weights())
    assert [(one.gateway, one.group.vid, one.weights) for one in weak] == [("f1", 1, ("up -40",))]
    assert weak[0].why == "110 to 150 stays on one side of f2's 100"
    assert list(Idle(survey(small(*tracked("f1", 1, 150, -60)))).weights()) == []
    both = list(Idle(survey(small(*tracked("f1", 1, 150, -20), *tracked("f2", 1, 100, 10)))).weights())
    assert [one.why for one in both] == [
        "130 to 150 stays on one side of f2's 100 to 110",
        "100 to 110 stays on one side of f1's 130 to 150",
    ]
    near = Idle(survey(small(*tracked("b1", 1, 150, -60))))
    assert list(near.weights()) == []
    assert next(one for one in near.priorities() if one.gateway == "b1").weights == ("up -60",)


def test_choices_that_are_never_made() -> None:
    """While a link is left every VID of both works, so that nobody ever needs a second one."""
    found = list(
        Idle(survey(site(texts(Shape()), "App=* * * * * * [1 2] name=a\nApp=* * * * 1 tcp [3 1] name=b\n"))).steps()
    )
    assert found == [IdleSteps("a", (2,))]


def test_equal_priorities_are_told_once() -> None:
    """f1 and f2 are equal in VID 2; of Masters without a link nobody cares."""
    found = list(Idle(survey(small(("f1", "priority: 100", "priority: 150")))).ties())
    assert found == [Tie("far", GroupId(2), ("f1", "f2"))]
    assert list(Idle(survey(small())).ties()) == []


def test_nothing_is_idle_where_files_are_missing() -> None:
    """Others may decide by what looks idle here."""
    idle = Idle(survey(small(without=("b2", "f1", "f2"))))
    assert [*idle.priorities(), *idle.weights(), *idle.steps(), *idle.ties()] == []
