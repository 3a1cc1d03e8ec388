"""Many histories in figures."""

import pytest

from linkbalancer.clock import MILLISECOND
from linkbalancer.sim.convergence import Course
from linkbalancer.sim.figures import figures, spread
from linkbalancer.sim.histories import History
from linkbalancer.sim.shape import Shape


@pytest.mark.parametrize(
    ("values", "median", "p99", "most"),
    [
        ([], None, None, None),
        ([3.0], 3, 3, 3),
        ([4.0, 1.0, 2.0, 3.0], 2, 4, 4),
        ([float(value) for value in range(1, 201)], 100, 198, 200),
    ],
)
def test_a_spread_is_of_values_that_occurred(
    values: list[float], median: float | None, p99: float | None, most: float | None
) -> None:
    """By nearest rank."""
    assert {"median": median, "p99": p99, "max": most} == spread(values, 1)


def test_figures_add_histories_up() -> None:
    """A probe round is the mean interval; faults of all histories share all switches."""
    calm = History(1, None, 50.0, Course([150 * MILLISECOND, 300 * MILLISECOND], 1, 2, 6, 0), 2, 100)
    crossed = History(2, "because", None, Course([], 0, 1, 9, 3), 1, 200)
    facts = figures(Shape(), [calm, crossed])

    assert {"median": 150.0, "p99": 300.0, "max": 300.0} == facts["convergence_ms"]
    assert {"median": 1.0, "p99": 2.0, "max": 2.0} == facts["convergence_rounds"]
    assert {"measured": 2, "untouched": 1, "overtaken": 3} == facts["disturbances"]
    assert (2, 300, 3, 15, 5.0) == tuple(
        facts[key] for key in ("runs", "events", "faults", "switches", "switches_per_fault")
    )
    assert (1, 3, 1, 50.0) == tuple(
        facts[key] for key in ("violations", "crossings", "crossed_runs", "settled_ms_worst")
    )
    assert [{"seed": 2, "text": "because"}] == facts["objections"]


def test_histories_without_a_fault_have_no_switches_to_share() -> None:
    """Nothing is divided by nothing."""
    assert 0 == figures(Shape(), [History(1, None, 0.0, Course(), 0, 1)])["switches_per_fault"]
