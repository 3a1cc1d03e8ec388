"""Tests of questions and replies as JSON: what a view says arrives whole, and nothing strange does."""

import json
from dataclasses import replace
from typing import Any

import pytest

from linkbalancer.links import Family, GroupId
from linkbalancer.weights.conformance import views
from linkbalancer.weights.question import Question, Reply, answer_from_json
from linkbalancer.weights.view import Answer, View

GOOD = Reply("l1", GroupId(3, Family.IPV6), "queue", Answer(37.5))


def again(value: Any) -> Any:
    """Return what a value becomes on its way."""
    return json.loads(json.dumps(value))


def test_every_view_arrives_as_it_is() -> None:
    """Of links of every kind, and of parameters of every kind; but nobody's answers."""
    for view in views():
        shown = replace(view, parameters={"a": 1, "b": 2.5, "c": True, "d": "x"})
        question = Question("l1", "queue", shown)

        assert Question.from_json(again(question.to_json())) == question
        assert question.key == ("l1", view.group)
    told = Question("l1", "queue", View(group=GroupId(1), answers={"queue": Answer(1)}))
    assert Question.from_json(again(told.to_json())).view.answers == {}


@pytest.mark.parametrize("answer", [Answer(37.5), Answer(), Answer(0.0), Answer(trouble="exception: \u00e4")])
def test_a_reply_arrives_as_it_is(answer: Answer) -> None:
    """Weights, none, and troubles."""
    reply = replace(GOOD, answer=answer)

    assert Reply.from_json(again(reply.to_json())) == reply


@pytest.mark.parametrize(
    "wrong",
    [
        {"weight": "50"},
        {"weight": True},
        {"weight": float("nan")},
        {"weight": 100.5},
        {"weight": -1},
        {"weight": [1]},
        {"trouble": None},
        {"trouble": 161 * "x"},
        {"trouble": "a\x1b[2J"},
    ],
)
def test_what_is_no_answer_is_refused(wrong: dict[str, Any]) -> None:
    """A stranger's code says it."""
    with pytest.raises((TypeError, ValueError)):
        answer_from_json(GOOD.to_json() | wrong)


def test_a_whole_number_is_a_weight() -> None:
    """JSON has no other way to say 7.0 in some languages."""
    assert answer_from_json({"weight": 7, "trouble": ""}) == Answer(7.0)
