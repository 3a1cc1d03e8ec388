"""Every single and double failure, and what of it is alike."""

import pytest

from linkbalancer.engine.foresight.failure import Failure, Kind
from linkbalancer.engine.foresight.outcome import Fate, Oracle
from linkbalancer.engine.foresight.site import Site
from linkbalancer.engine.foresight.survey import survey
from linkbalancer.links import OnProbeLoss
from linkbalancer.routing.application import Application, Member
from linkbalancer.sim.shape import Shape
from tests.engine.foresight.sites import after, failed, site, small, texts


def test_failures_that_come_to_the_same_are_one_and_the_worst_is_first() -> None:
    """VID 3 has link 1 alone, so that it matters which part of that fails; of link 2 it does not."""
    found = survey(small())
    rows = [[one.word for (one,) in alike.failures] for alike in found.merged(found.singles)]
    assert rows == [
        ["leg:b1/eth0"],
        ["gateway:b1"],
        ["gateway:f1", "leg:f1/eth0"],
        ["link:l1"],
        ["link:l2", "gateway:b2", "gateway:f2", "leg:b2/eth0", "leg:f2/eth0"],
    ]
    assert len(found.outcomes) == 1 + 10 + 45
    assert found.stranded() == []


def test_pairs_that_take_away_what_neither_does_alone() -> None:
    """One of each link."""
    found = survey(small())
    ((lost, pairs),) = found.together()
    assert lost == {"app1", "app2", "app3", "rest"}
    assert len(pairs) == 25
    assert all(one.target[1] != other.target[1] for one, other in pairs)


def test_what_one_failure_strands_unless_it_is_accepted() -> None:
    """An application of VID 3 alone; what a pair takes beyond that is named without it."""
    found = survey(site(texts(Shape()), "App=* * * * 1 tcp [3] name=only\nApp=* * * * * * [1] name=rest\n"))
    stranded = found.stranded()
    links_parts = ["link:l1", "gateway:b1", "gateway:f1", "leg:b1/eth0", "leg:f1/eth0"]
    assert [one.failed[0].word for one in stranded] == links_parts
    assert found.losses(stranded[0]) == {"only"}
    assert found.stranded(failed(found.site, *links_parts[1:])) == stranded[:1]
    assert [lost for lost, _ in found.together()] == [{"rest"}]


def test_what_is_lost_while_nothing_fails_is_always_told() -> None:
    """No failure can be accepted for it; and a pair does not take it away."""
    observed = [("f1", "link: l1, priority: 150}\napp", "mode: observe}\napp")]
    some = texts(Shape(), *observed)
    found = survey(site(some, "App=* * * * 1 tcp [3] name=only\nApp=* * * * * * [1] name=rest\n"))
    assert found.oracle.fate(found.oracle.healthy, "only") is Fate.NOWHERE
    assert found.stranded(one.failed[0] for one in found.singles) == [found.oracle.healthy]
    assert [lost for lost, _ in found.together()] == [{"rest"}]


def test_a_survey_is_what_the_oracle_says_of_each() -> None:
    """In particular what is remembered between them changes nothing."""
    found = survey(small(shape=Shape(mode=OnProbeLoss.STOP)))
    double = next(one for one in found.doubles if {str(it) for it in one.failed} == {"link l1", "gateway f2"})
    again = after(Oracle(found.site), "link:l1", "gateway:f2")
    assert double.facts() == again.facts()
    assert double.failed == (Failure(Kind.LINK, "l1"), Failure(Kind.GATEWAY, "f2"))


@pytest.mark.thorough
def test_what_is_chosen_is_worked_out_once_for_all_that_works() -> None:
    """8 links, 16 VIDs, 200 applications: 821 outcomes, and as many choices as there are ways to be left."""
    some = small(shape=Shape(8, 16))
    apps = {f"app{number}": Application(f"app{number}", ((Member(1 + number % 16),),)) for number in range(200)}
    found = survey(Site(some.name, some.gateways, apps))
    assert len(found.outcomes) == 1 + 40 + 40 * 39 // 2
    assert len(found.oracle._choices) < 50
    assert len(found.stranded()) == 5, "VID 9 has link 1 alone"
