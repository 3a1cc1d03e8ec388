"""What a verb says of itself, and what it is not asked."""

import json
from typing import Any

import pytest

from linkbalancer.daemon.requests import Request
from linkbalancer.daemon.verbs import Argument, Verb, list_of

VERB = Verb(
    take=lambda _now, request: request.answer({}),
    about="Does something.",
    arguments={
        "what": Argument("text", "to what", required=True),
        "count": Argument("number", "how often"),
        "loud": Argument("switch", "whether loudly"),
        "names": Argument("texts", "for whom"),
        "more": Argument("object", "and what else"),
    },
    changes=True,
)


@pytest.mark.parametrize(
    "given",
    [{"what": "x"}, {"what": "x", "count": None}, {"what": "x", "count": 1, "loud": True, "names": ["a"], "more": {}}],
)
def test_what_is_right(given: dict[str, Any]) -> None:
    """Nothing to say; null is not given."""
    assert VERB.fault(given) is None


@pytest.mark.parametrize(
    ("given", "wrong"),
    [
        ({}, "what is missing"),
        ({"what": None}, "what is missing"),
        ({"what": 7}, "what must be of the kind text"),
        ({"what": "x", "count": True}, "count must be of the kind number"),
        ({"what": "x", "loud": "yes"}, "loud must be of the kind switch"),
        ({"what": "x", "names": ["a", 1]}, "names must be of the kind texts"),
        ({"what": "x", "more": []}, "more must be of the kind object"),
        ({"what": "x", "waht": "y"}, "there is no argument 'waht'"),
    ],
)
def test_what_is_wrong(given: dict[str, Any], wrong: str) -> None:
    """It says what, and what is right."""
    right = "it takes what (text), count (number), loud (switch), names (texts), more (object)"
    assert VERB.fault(given) == (wrong, right)
    assert Verb(take=VERB.take, about="", arguments={}).fault({"x": 1}) == (
        "there is no argument 'x'",
        "it takes no arguments",
    )


def test_the_list() -> None:
    """Every verb as it describes itself, those that come later too."""
    verbs = {"do": VERB}
    verbs["verbs"] = list_of(verbs)
    verbs["late"] = Verb(take=VERB.take, about="Comes later.", arguments={})
    replies: list[Any] = []
    request = Request("verbs", {}, "ann", lambda _request, data: replies.append(json.loads(data)))
    verbs["verbs"].take(0, request)
    listed = replies[0]["answer"]["verbs"]
    assert list(listed) == ["do", "late", "verbs"]
    assert listed["do"]["arguments"]["what"] == {"kind": "text", "about": "to what", "required": True}
    assert listed["do"]["changes"]
