"""Tests of what plug-ins are asked, and of weights that are made of their answers."""

from dataclasses import replace

from linkbalancer.clock import SECOND
from linkbalancer.links import GroupId
from linkbalancer.weights.composite import Composite, Part
from linkbalancer.weights.counsel import PATIENCE, Counsel
from linkbalancer.weights.loss import Loss
from linkbalancer.weights.news import Advised, Measured, Opened
from linkbalancer.weights.plugin import Plugged
from linkbalancer.weights.question import Question, Reply
from linkbalancer.weights.settings import WeigherSettings, Weighing
from linkbalancer.weights.view import Answer, View
from linkbalancer.weights.weigher import Weigher
from tests.weights.links import metrics

ONE, TWO = GroupId(1), GroupId(2)
QUEUE = Weighing(function=Plugged("queue", (("worst_ms", 50),)))
BOTH = Weighing(function=Composite((Part(QUEUE.function, 1), Part(Loss(good=0, bad=0.1), 1))))


def weigher(one: Weighing = QUEUE, two: Weighing | None = None) -> Weigher:
    """Return the weigher of an open link."""
    found = Weigher(WeigherSettings("l1", {ONE: one, **({} if two is None else {TWO: two})}))
    found.handle(0, Opened())
    return found


def said(*answers: Answer, name: str = "queue") -> Advised:
    """Return the plug-in's answers, of VID 1 first."""
    return Advised(tuple(Reply("l1", GroupId(vid), name, one) for vid, one in enumerate(answers, start=1)))


def test_what_is_seen_otherwise_is_asked_once() -> None:
    """With the parameters, about each VID; and again when something is seen otherwise."""
    machine = weigher(QUEUE, BOTH)
    first = machine.questions(0)
    assert [(one.link, one.name, one.view.group, one.view.parameters) for one in first] == [
        ("l1", "queue", ONE, {"worst_ms": 50}),
        ("l1", "queue", TWO, {"worst_ms": 50}),
    ]
    assert machine.questions(1) == ()
    machine.handle(2, Measured(metrics(rtt_ms=5)))
    assert [one.view.metrics.rtt for one in machine.questions(2)] == [5_000_000, 5_000_000]
    machine.handle(3, said(Answer(50), Answer(50)))
    assert machine.questions(3) == ()


def test_a_link_without_plug_ins_asks_nothing() -> None:
    """And has no answers."""
    machine = weigher(Weighing(function=Loss(good=0, bad=0.1)))

    assert machine.questions(0) == ()
    assert Counsel(WeigherSettings("l1")).of(ONE) == {}


def test_an_answer_is_the_weight_and_stands_until_there_is_another_one() -> None:
    """Measured meanwhile is much, and moves nothing."""
    machine = weigher()
    machine.questions(0)
    assert machine.wanted == {}
    machine.handle(SECOND, said(Answer(40.0)))
    assert machine.wanted[ONE][0] == 40
    machine.handle(30 * SECOND, Measured(metrics(rtt_ms=5)))
    machine.questions(30 * SECOND)
    assert machine.wanted[ONE][0] == 40
    machine.handle(60 * SECOND, said(Answer(80.0)))
    assert machine.wanted[ONE][0] == 80


def test_a_trouble_moves_nothing() -> None:
    """Unless a weight was configured for what is unknown; it is said why."""
    machine, cautious = weigher(), weigher(replace(QUEUE, unknown=20.0))
    for one in (machine, cautious):
        one.questions(0)
        one.handle(SECOND, said(Answer(40.0)))
        one.handle(60 * SECOND, said(Answer(trouble="no answer within 1 s")))

    assert (machine.wanted[ONE][0], cautious.wanted[ONE][0]) == (40, 20)
    (explanation,) = machine.explain(60 * SECOND)
    assert explanation.because == ("worst_ms 50", "no answer within 1 s")
    assert explanation.reckoned is None


def test_an_answer_to_nothing_that_was_asked_is_none() -> None:
    """Of a predecessor's question, or of a plug-in that weighs something else."""
    machine = weigher()
    machine.handle(1, said(Answer(40.0)))
    machine.questions(2)
    machine.handle(3, said(Answer(40.0), name="other"))
    machine.handle(4, Advised((Reply("l1", TWO, "queue", Answer(1.0)),)))

    assert machine.wanted == {}


def test_who_waits_for_an_answer_says_so() -> None:
    """After a while: since the first question that nobody answered, whatever was asked since."""
    machine = weigher(BOTH)
    machine.questions(0)
    machine.handle(SECOND, Measured(metrics(rtt_ms=5, loss=0.0)))
    machine.questions(SECOND)
    assert machine.explain(PATIENCE - 1)[0].because == ("queue unknown x 1 (worst_ms 50)", "loss 100 x 1 (loss 0 %)")
    assert machine.explain(PATIENCE)[0].because[-1] == "queue has not answered for 5 s"
    machine.handle(PATIENCE, said(Answer(100.0)))
    assert machine.explain(2 * PATIENCE)[0].because[-1].startswith("loss 100")
    assert machine.wanted[ONE][0] == 100


def test_questions_are_values() -> None:
    """So that a recording can compare what was asked."""
    view = View(group=ONE)

    assert Question("l1", "queue", view) == Question("l1", "queue", View(group=ONE))
