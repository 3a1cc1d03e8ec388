"""What the benchmarks make of their samples."""

import json
from pathlib import Path

import pytest

from tests.benchmarks.figures import Figure, Goal, p90, write
from tests.benchmarks.plan import chosen, jobs
from tests.benchmarks.traffic import longest_gap


def figure(ours: float, peer: float, goal: Goal | None = None, name: str = "outage x") -> Figure:
    """Return a figure of three samples each."""
    return Figure(name, "ms", (ours, ours, 9 * ours), (peer, peer, peer), 1.0, goal)


def test_p90() -> None:
    """Nine samples in ten do not exceed it."""
    assert [p90([7.0]), p90(range(1, 11)), p90(range(1, 16))] == [7, 9, 14]


def test_what_is_too_small_to_tell_is_equal() -> None:
    """Below the resolution nothing is better or worse than anything."""
    assert [figure(0.0, 0.5).ratio, figure(0.0, 60.0).ratio, figure(330.0, 300.0).ratio] == [1.0, 1 / 60, 1.1]


@pytest.mark.parametrize(
    ("goal", "ours", "reached"),
    [
        (Goal(1.05), 104, True),
        (Goal(1.05), 106, False),
        (Goal(margin=15), 115, True),
        (Goal(margin=15), 116, False),
        (Goal(limit=50), 50, True),
        (Goal(limit=50), 51, False),
    ],
)
def test_goals(goal: Goal, ours: float, *, reached: bool) -> None:
    """A goal bounds the ratio of the medians, how far ours is above, or ours alone."""
    assert figure(ours, 100.0, goal).reached is reached
    assert figure(ours, 100.0).reached is None


def test_the_report(tmp_path: Path) -> None:
    """It has just the keys that were agreed on, and figures that were not taken anew stay as they were."""
    path = tmp_path / "build" / "bench.json"
    write([figure(1.0, 2.0, name="a"), figure(3.0, 2.0, name="b")], path)
    write([figure(4.0, 2.0, name="b")], path)
    first, second = json.loads(path.read_text())
    assert (first["name"], second["name"], second["ours"]["median"]) == ("a", "b", 4.0)
    assert first == {
        "name": "a",
        "unit": "ms",
        "ours": {"median": 1.0, "p90": 9.0, "max": 9.0, "n": 3},
        "peer": {"name": "Keepalived 2.2.7", "median": 2.0, "p90": 2.0, "max": 2.0, "n": 3},
        "ratio": 0.5,
    }


def test_a_limit_is_reported_with_what_it_is_made_of() -> None:
    """Whoever reads the report can reckon the limit again."""
    terms = {"skew_ms": 121.9, "rtt_ms": 0.5, "bound_ms": 133.4}
    document = Figure("failover carrier", "ms", (5.0,), (7.0,), 1.0, Goal(limit=133.4), terms).document()
    assert document["terms"] == terms
    assert str(Goal(limit=133.4)) == "<= 133"


def test_what_the_peer_has_not_is_ours_alone() -> None:
    """No ratio, nothing of the peer in the report, and no goal by ratio is reached."""
    alone = Figure("cpu controller 8-links", "s/s", (0.1,), (), 1e-5, Goal(1.05))
    assert (alone.ratio, alone.reached) == (None, False)
    assert alone.document().keys() == {"name", "unit", "ours"}


@pytest.mark.parametrize(
    ("arrivals", "gap"),
    [
        ([(1, 0), (11, 1), (21, 2), (31, 3), (41, 4)], 1),
        ([(1, 0), (41, 4)], 31),
        ([(1, 0), (11, 1), (21, 2)], 60),
        ([(1, 0), (38, 1), (39, 2), (40, 3), (41, 4)], 28),
        ([], 90),
    ],
    ids=["none", "lost", "for good", "late", "never"],
)
def test_longest_gap(arrivals: list[tuple[int, int]], gap: int) -> None:
    """It lasts from the sending of the first number that is missing or late to the next arrival, or to the end."""
    assert longest_gap([0, 10, 20, 30, 40], arrivals, 0, 90) == gap


def test_a_gap_is_counted_from_the_question() -> None:
    """What was missing before the instant that is asked about does not count, nor a pause of the sender."""
    assert longest_gap([0, 10, 20, 30], [(1, 0), (31, 3)], 25, 40) == 6
    assert longest_gap([0, 500], [(1, 0), (501, 1)], 5, 600) == 1


def test_figures_are_chosen_by_words() -> None:
    """All words must be in a name; each figure has a name of its own."""
    names = [name for job in jobs() for name in job.names]
    assert len(set(names)) == len(names)
    assert {job.names[0] for job in chosen(["outage", "stop"])} == {
        "outage stop 1000ms",
        "outage stop 100ms",
        "outage stop 10ms",
    }
    assert len(chosen(["cpu", "255-groups"])) == 2
    assert chosen(["no-such-figure"]) == []
