"""Which histories `make sim` runs, and how it writes them down."""

import pytest

from linkbalancer.cli.sim import INTERVALS
from linkbalancer.sim.histories import Scheme
from tests.simulation.plan import HEADER, RUNS, Row, counts, rows


@pytest.mark.parametrize(
    ("text", "expected"),
    [
        ("", {2: 10_000, 3: 10_000, 8: 2_000, 64: 20}),
        ("100", {2: 100, 3: 100, 8: 100, 64: 20}),
        ("2:500 8:7", {2: 500, 8: 7}),
    ],
)
def test_runs_say_how_many(text: str, expected: dict[int, int]) -> None:
    """A number is a limit, pairs choose."""
    assert expected == counts(text)


@pytest.mark.parametrize("text", ["0", "many", "2:", ":5", "2:0", "65:1", "100 2:5"])
def test_what_says_nothing_is_refused(text: str) -> None:
    """With what it should have been."""
    with pytest.raises(ValueError, match="RUNS is a number, or LINKS:COUNT"):
        counts(text)


def test_older_schemes_are_compared_where_there_are_few_links() -> None:
    """Every size has a line of LVrrp."""
    found = [(row.links, row.scheme, row.interval) for row in rows(RUNS) if not row.weighed]

    assert [(8, Scheme.LVRRP, "random"), (64, Scheme.LVRRP, "random")] == found[-2:]
    for links in (2, 3):
        assert {(links, Scheme.LVRRP, interval) for interval in INTERVALS} < set(found)
        assert {(links, Scheme.ONE, "fixed"), (links, Scheme.ONE, "random"), (links, Scheme.TWO, "random")} < set(found)
    assert 14 == len(found)
    assert [2, 3, 8, 64] == [row.links for row in rows(RUNS) if row.weighed]


def test_a_line_of_weights_says_so() -> None:
    """In the table, and in the command that runs one of its histories again."""
    row = Row(3, Scheme.LVRRP, "random", 5, weighed=True)
    assert row.order().weighed
    assert "--links 3 --vids 3 --interval random --weights" == row.words()
    assert "--links 3 --vids 3 --interval random" == Row(3, Scheme.LVRRP, "random", 5).words()


def test_a_line_has_a_cell_for_each_heading() -> None:
    """And says when nothing was measured."""
    row = Row(2, Scheme.ONE, "fixed", 3)
    nothing = {"median": None, "p99": None, "max": None}
    line = row.line(
        {
            "runs": 3,
            "faults": 6000,
            "convergence_ms": {"median": 1500.0, "p99": 2000.4, "max": 9999.0},
            "convergence_rounds": nothing,
            "switches_per_fault": 1.5,
            "crossed_runs": 1,
            "violations": 2,
            "events_per_second": 12345,
            "events_per_second_bare": None,
        }
    )

    expected = "| 2 | one | fixed | 3 | 6,000 | 1,500, 2,000, 9,999 ms | -, -, - | 1.50 | 1 | 2 | 12,345 | - |"
    assert expected == line
    assert {line.count("|")} == {part.count("|") for part in HEADER.splitlines()}
    assert (150, 150) == row.order().shape.probe_ms
