"""Every fault of every target, one at a time, and the outage that it costs at the timers of the example."""

import pytest

from linkbalancer.links import OnProbeLoss
from linkbalancer.sim.faults import Cut, Kill, KillApplications, Pause, Restart
from linkbalancer.sim.rehearsal import GRACE_MS, Outage, every_fault, healthy, rehearse
from linkbalancer.sim.shape import Shape
from linkbalancer.sim.world import Fault

SHAPES = [
    Shape(mode=OnProbeLoss.DEMOTE),
    Shape(mode=OnProbeLoss.STOP, contrary=True),
]


def limit_ms(fault: Fault) -> float:
    """Return the longest outage that a fault may cost, adverts every 200 ms, three probes of 100-200 ms."""
    match fault:
        case Cut():
            return 500
        case Restart() | Kill() | KillApplications() | Pause():
            return 0
        case _:
            return 1500


@pytest.mark.slow
@pytest.mark.parametrize("shape", SHAPES, ids=lambda shape: f"{shape.links}-{shape.mode}")
def test_no_fault_costs_more_than_its_limit(shape: Shape) -> None:
    """A cut half a second, silence and death a second and a half, a restart nothing; and healing nothing either."""
    for seed, (fault, lasts_ms) in enumerate(every_fault(shape)):
        outage = rehearse(healthy(shape, seed), fault, lasts_ms)
        assert outage.broken_ms <= limit_ms(fault), outage
        assert outage.healed_ms <= GRACE_MS, outage


@pytest.mark.parametrize("name", ["b1", "b2", "f1", "f2"])
def test_a_kill_moves_nothing_on_other_gateways(name: str) -> None:
    """An agent that is back within one advertisement interval is not missed, nor are its applications."""
    for seed in range(3):
        for fault in (Kill(name), KillApplications(name), KillApplications(name, agent=True), Pause(name)):
            outage = rehearse(healthy(Shape(), seed), fault, 150)
            assert (outage.broken_ms, outage.healed_ms, outage.unanswered_ms, outage.moves) == (0, 0, 0, 0), outage


def test_an_outage_is_a_line_of_a_table() -> None:
    """Its figures stand in columns."""
    line = str(Outage(Cut("l1"), 225.61, 0, 9.9, 2600, 12))
    assert line.split() == ["Cut(link='l1')", "225.6", "0.0", "9.9", "2600", "12"]
