"""Weights, faults and clamps: the table of the fact sheet 10.2."""

import pytest

from linkbalancer.health.influence import Influence, effective


@pytest.mark.parametrize(
    ("weight", "reverse", "good", "bad"),
    [(20, False, 20, 0), (-20, False, 0, -20), (20, True, -20, 0), (-20, True, 0, 20)],
)
def test_a_weight_is_added_or_taken_away(weight: int, *, reverse: bool, good: int, bad: int) -> None:
    """A positive one while good, a negative one while it fails; `reverse` flips the sign; unknown adds nothing."""
    influence = Influence(weight, reverse=reverse)
    assert influence.adds(ok=True) == good
    assert influence.adds(ok=False) == bad
    assert influence.adds(ok=None) == 0
    assert not influence.faults(ok=False)
    assert not influence.faults(ok=None)


def test_a_tracker_without_weight_is_a_fault_while_it_fails() -> None:
    """And until its first result; `reverse`: while it is good."""
    fault = Influence(None)
    assert [fault.faults(ok=ok) for ok in (True, False, None)] == [False, True, True]
    assert [Influence(None, reverse=True).faults(ok=ok) for ok in (True, False, None)] == [True, False, True]
    assert fault.adds(ok=False) == 0


def test_a_number_multiplies_the_weight() -> None:
    """As Keepalived's track files do; it is bounded before it is added."""
    assert Influence(2).adds(ok=False, value=-15) == -30
    assert Influence(2, reverse=True).adds(ok=False, value=-15) == 30
    assert Influence(1).adds(ok=True, value=0) == 0
    assert Influence(1).adds(ok=False, value=10**9) == 254
    assert Influence(-253).adds(ok=False, value=10**9) == -254


@pytest.mark.parametrize(
    ("base", "added", "lowest", "expected"),
    [
        (100, (20, -5), 1, 115),
        (100, (-200,), 1, 1),
        (100, (-200,), 2, 2),
        (200, (100,), 1, 254),
        (200, (100, -120), 1, 180),
        (255, (-200,), 1, 255),
        (100, (), 1, 100),
    ],
)
def test_the_effective_priority_is_clamped_once(base: int, added: tuple[int, ...], lowest: int, expected: int) -> None:
    """The sum is, not each step of it; the owner's stays."""
    assert effective(base, added, lowest=lowest) == expected


def test_an_influence_is_written_as_it_is_configured() -> None:
    """For status and findings."""
    assert [str(one) for one in (Influence(20), Influence(-5), Influence(None), Influence(-5, reverse=True))] == [
        "+20",
        "-5",
        "fault",
        "-5 reverse",
    ]
