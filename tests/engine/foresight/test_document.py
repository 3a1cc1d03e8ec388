"""A survey as JSON."""

import json

from linkbalancer.engine.foresight.document import outcome_document, single_document, survey_document
from linkbalancer.engine.foresight.outcome import Oracle
from linkbalancer.engine.foresight.survey import survey
from linkbalancer.sim.shape import Shape
from tests.engine.foresight.sites import ALONE, ALONE_RULES, after, site, small, texts
from tests.engine.foresight.test_outcome import PEER6, STEER6


def test_a_survey_has_all_that_is_known() -> None:
    """Failures that come to the same share an entry; nothing is left out."""
    found = survey(small(("f1", "priority: 100", "priority: 150")))
    document = json.loads(json.dumps(survey_document(found, found.stranded())))
    assert (document["schema"], document["name"], document["good"], document["complete"]) == (1, "some", True, True)
    assert document["counted"] == {"single": 10, "double": 45}
    assert sum(len(one["failures"]) for one in document["single"]) == 10
    assert sum(len(one["failures"]) for one in document["double"]) == 45
    (together,) = document["together"]
    assert together["applications"] == ["app1", "app2", "app3", "rest"]
    assert ["link:l1", "gateway:b2"] in together["pairs"]
    idle = document["idle"]
    assert {"gateway": "f1", "group": "3", "priority": 150, "weights": []}.items() <= idle["priorities"][0].items()
    assert idle["ties"] == [{"side": "far", "group": "2", "gateways": ["f1", "f2"]}]
    assert idle["weights"] == []
    assert {"app": "app1", "vids": [2, 3]} in idle["steps"]


def test_an_outcome_names_what_is_not_as_before() -> None:
    """Masters and ways of every VID; of applications those that moved, or all."""
    oracle = Oracle(small())
    gone = outcome_document(oracle, after(oracle, "gateway:b1"))
    assert gone["masters"]["near"] == {"1": "b2", "2": "b2", "3": None}
    assert gone["links"]["far"] == {"1": "l2", "2": "l2", "3": None}
    assert gone["unanswered"] == [{"side": "near", "group": "3"}]
    assert gone["moves"] == ["app1", "app3", "rest"]
    assert gone["applications"]["app3"] == {"near": [{"vid": 1, "link": "l2"}], "far": [{"vid": 1, "link": "l2"}]}
    assert "app2" not in gone["applications"]
    dead = outcome_document(oracle, after(oracle, "link:l1", "link:l2"), whole=True)
    assert dead["nowhere"] == ["app1", "app2", "app3", "rest"]
    assert dead["rivals"]["near"] == {"1": ["b1"], "2": ["b1"]}
    assert dead["applications"]["app1"]["near"] == [{"vid": None, "link": None}]


def test_certain_failures_alone() -> None:
    """And whether they are survived; gateways are named where they differ."""
    other = ALONE.replace("gw", "gx").replace("203.0.113.1", "203.0.113.9")
    oracle = Oracle(site({"gw": ALONE, "gx": other}, ALONE_RULES))
    document = single_document(oracle, after(oracle, "upstream:203.0.113.1"))
    assert (document["good"], document["failed"]) == (True, ["upstream:203.0.113.1"])
    assert document["outcome"]["applications"]["web"]["here"] == [
        {"vid": 2, "link": "192.0.2.1", "gateways": ["gw"]},
        {"vid": 1, "link": "203.0.113.9", "gateways": ["gx"]},
    ]
    missing = Oracle(small(without=("b2", "f1", "f2")))
    unknown = single_document(missing, after(missing, "link:l1"))
    assert (unknown["good"], unknown["complete"], len(unknown["assumed"])) == (False, False, 2)
    assert unknown["outcome"]["unknown"] == ["app1", "app2", "app3", "rest"]


def test_places_say_what_becomes_of_ipv6() -> None:
    """Where it is steered, that is; of a balanced step each share does."""
    rules = "App=* * * * 443 tcp [3*3+2] name=web\nApp=* * * * * * [1] name=rest\n"
    oracle = Oracle(site(texts(Shape(), *PEER6, *STEER6), rules))
    document = outcome_document(oracle, oracle.healthy, whole=True)
    assert document["refused"] == {"web": [2]}
    (web,), (rest,) = (document["applications"][app]["near"] for app in ("web", "rest"))
    assert rest == {"vid": 1, "link": "l1", "ipv6": "carried"}
    assert [(web["ipv6"], *(one["ipv6"] for one in web["shares"]))] == [("refused", "carried", "refused")]
    plain = Oracle(small())
    assert outcome_document(plain, plain.healthy)["refused"] == {}
