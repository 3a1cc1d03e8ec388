"""Whole runs: the same seed is the same story, and no seed finds an objection."""

import pytest

from linkbalancer.links import OnProbeLoss
from linkbalancer.sim.draw import draw
from linkbalancer.sim.run import Verdict, run
from linkbalancer.sim.shape import Shape

SHAPES = [
    (Shape(mode=OnProbeLoss.DEMOTE), 100),
    (Shape(mode=OnProbeLoss.STOP), 100),
    (Shape(links=3, vids=4, mode=OnProbeLoss.DEMOTE), 30),
    (Shape(links=4, vids=4, mode=OnProbeLoss.STOP, secret=False), 12),
]


def test_one_seed_is_one_story() -> None:
    """Two runs of a seed have the same trace, line by line; another seed has another."""
    first, again, other = (run(draw(seed, Shape()), keep_all=True).trace.digest() for seed in (7, 7, 8))
    assert first == again != other


@pytest.mark.parametrize("mode", OnProbeLoss)
def test_no_judge_objects_to_a_few_seeds(mode: OnProbeLoss) -> None:
    """Random faults under the judges' eyes; a failure prints the seed, its draw and the last lines of the trace."""
    for seed in range(1000, 1020):
        verdict = run(draw(seed, Shape(mode=mode)))
        assert verdict.objection is None, verdict.report()


@pytest.mark.slow
@pytest.mark.parametrize(("shape", "seeds"), SHAPES)
def test_no_judge_objects(shape: Shape, seeds: int) -> None:
    """The same, at length, and with more links."""
    for seed in range(seeds):
        verdict = run(draw(seed, shape))
        assert verdict.objection is None, verdict.report()


def test_the_draws_hold_every_fault() -> None:
    """No kind of fault is forgotten by the lot."""
    kinds = {type(strike.fault).__name__ for seed in range(200) for strike in draw(seed, Shape()).strikes}
    assert kinds == {
        "Cut",
        "Deaf",
        "Drain",
        "Silent",
        "Death",
        "Leap",
        "Leg",
        "Restart",
        "Kill",
        "KillApplications",
        "Pause",
        "Stall",
        "Lossy",
        "LossyLan",
        "Partition",
    }


def test_a_link_survives_whatever_stays_broken() -> None:
    """Every draw leaves a link on which both sides can agree."""
    for drawn in (draw(seed, Shape()) for seed in range(100)):
        lasting = {getattr(s.fault, "link", getattr(s.fault, "node", ""))[1:] for s in drawn.strikes if not s.lasts_ms}
        assert len(lasting - {""}) < 2


def test_a_report_tells_the_seed_the_draw_and_the_end_of_the_story() -> None:
    """What a person needs to replay and to understand a failure."""
    drawn = draw(3, Shape())
    verdict = run(drawn)
    report = Verdict(drawn, "because", None, verdict.events, verdict.trace).report(2)
    assert report.startswith("OBJECTION: because\nseed 3: Shape(links=2")
    assert len(report.splitlines()) == 2 + len(drawn.strikes) + 2


def test_a_standstill_is_an_objection(monkeypatch: pytest.MonkeyPatch) -> None:
    """An agent that names a deadline and does not meet it is found."""
    monkeypatch.setattr("linkbalancer.engine.agent.Agent.deadline", lambda _agent: 0)
    assert "entries at" in str(run(draw(1, Shape())).objection)
