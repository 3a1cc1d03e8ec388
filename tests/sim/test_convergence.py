"""What is measured of a history: the time to agreement, switches, crossings."""

from linkbalancer.sim.convergence import Convergence, Course, Crossing
from linkbalancer.sim.wire import FAR, NEAR

BOTH = {1: {"l1", "l2"}}


def look(convergence: Convergence, now: int, near: str, far: str, usable: dict[int, set[str]] | None = None) -> None:
    """Have it look; `near` and `far` are the links of the Masters, separated by blanks."""
    found = {(NEAR, 1): tuple(near.split()), (FAR, 1): tuple(far.split())}
    convergence.look(now, found, BOTH if usable is None else usable)


def begun() -> Convergence:
    """Return one that saw a start at 0 and an agreement at 800."""
    convergence = Convergence()
    convergence.disturb(0, noisy=False)
    look(convergence, 0, "", "")
    look(convergence, 700, "l1", "")
    look(convergence, 800, "l1", "l1")
    return convergence


def test_convergence_is_the_time_to_the_last_agreement() -> None:
    """An agreement that breaks again was none."""
    convergence = begun()
    convergence.disturb(1000, noisy=False)
    look(convergence, 1010, "l1", "")
    look(convergence, 1050, "l1", "l1")
    look(convergence, 1100, "l1", "l2")
    look(convergence, 1300, "l2", "l2")
    convergence.close()

    assert Course(took=[800, 300], switches=2) == convergence.course


def test_what_breaks_nothing_is_not_averaged_in() -> None:
    """It is counted apart, and so is what was not over before the next came, or was left to chance."""
    convergence = begun()
    convergence.disturb(1000, noisy=False)
    look(convergence, 1001, "l1", "l1")
    convergence.disturb(2000, noisy=False)
    look(convergence, 2001, "l1", "")
    convergence.disturb(3000, noisy=True)
    look(convergence, 3001, "l1", "l1")
    convergence.close()

    assert Course(took=[800], untouched=1, overtaken=2) == convergence.course


def test_what_happens_in_one_instant_is_one_disturbance() -> None:
    """Three faults that end together are waited for once."""
    convergence = begun()
    for noisy in (True, True, False):
        convergence.disturb(1000, noisy=noisy)
    look(convergence, 1000, "", "l1")
    look(convergence, 1400, "l1", "l1")
    convergence.close()

    assert Course(took=[800, 400]) == convergence.course


def test_two_masters_and_masters_on_a_dead_link_do_not_agree() -> None:
    """A VID without any link left needs no Master."""
    convergence = begun()
    look(convergence, 900, "l1 l2", "l1")
    assert not convergence.agreed
    look(convergence, 910, "l1", "l1", {1: {"l2"}})
    assert not convergence.agreed
    look(convergence, 920, "", "l1", {1: set()})
    assert (True, 920) == (convergence.agreed, convergence.agreed_since)


def test_a_crossing_is_two_sides_that_swap_without_meeting() -> None:
    """Neither one side alone, nor both by way of one link, nor what a fault moved."""
    convergence = Convergence()
    for now, near, far in (
        (1, "l1", "l2"),
        (2, "", "l2"),
        (3, "", ""),
        (4, "l2", ""),
        (5, "l2", "l1"),  # the first
        (6, "l1", "l1"),
        (7, "l1", "l2"),
        (8, "l1", "l3"),
        (9, "l2", "l1"),  # the second, from l1 and l2 by two steps
    ):
        look(convergence, now, near, far)
    assert 2 == convergence.course.crossings

    convergence.disturb(10, noisy=False)
    look(convergence, 11, "l2", "l1")
    assert 2 == convergence.course.crossings


def test_nothing_is_closed_before_the_start() -> None:
    """A watch that never saw a disturbance has nothing to tell."""
    convergence = Convergence()
    convergence.close()

    assert Course() == convergence.course


def test_a_crossing_tells_where_it_went_and_how_late() -> None:
    """The near side went where the far one had been 5 ago; where no link carries the VID, nobody can meet."""
    convergence = begun()
    convergence.disturb(1000, noisy=False)
    look(convergence, 1010, "l1", "l2")
    look(convergence, 1020, "l1", "l1 l2")
    look(convergence, 1030, "l3", "l1")
    assert convergence.crossings == [Crossing(1030, 1, ("l1", "l2"), ("l3", "l1"), None)]
    look(convergence, 1035, "l2", "l3")
    assert convergence.crossings[1:] == [Crossing(1035, 1, ("l3", "l1"), ("l2", "l3"), 5)]
    look(convergence, 1040, "l1", "l2", {1: set()})
    assert convergence.course.crossings == 2
