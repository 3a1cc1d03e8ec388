"""The periodic check."""

from linkbalancer.clock import MILLISECOND, SECOND
from linkbalancer.health.check import Begin, Check, Ended, Ending, Idle, Kill, Schedule, Terminate, Tick, Told


def script(**others: bool | None) -> Check:
    """Return the check of a script, due at 0."""
    schedule = Schedule(interval=SECOND, timeout=600 * MILLISECOND, rise=2, fall=2, kill_after=2 * SECOND, **others)
    return Check(schedule, Idle(0))


def test_a_check_runs_once_an_interval_and_counts() -> None:
    """It is begun, ends, and is due again an interval after it was begun."""
    check = script()
    assert check.ok is None
    assert check.deadline() == 0
    assert check.handle(0, Tick()) == [Begin()]
    assert check.handle(0, Tick()) == []
    assert check.handle(100, Ended(passed=True, text="fine")) == [Told(passed=True, text="fine", changed=True)]
    assert check.ok is True
    assert check.text == "fine"
    assert check.deadline() == SECOND
    for turn, changed in ((1, False), (2, True)):
        assert check.handle(turn * SECOND, Tick()) == [Begin()]
        assert check.handle(turn * SECOND, Ended(passed=False)) == [Told(passed=False, text="", changed=changed)]
    assert check.ok is False


def test_what_is_assumed_stands_until_it_is_disproved() -> None:
    """`init` needs as many results as any other belief."""
    check = script(init=True)
    assert check.ok is True
    check.handle(0, Tick())
    check.handle(1, Ended(passed=False))
    assert check.ok is True


def test_a_process_that_hangs_has_failed_is_ended_and_then_killed() -> None:
    """And nothing is begun while it is there, however long that takes."""
    check = script(init=True)
    check.handle(0, Tick())
    late = 600 * MILLISECOND
    assert check.deadline() == late
    told = Told(passed=False, text="not done within 600 ms", changed=False)
    assert check.handle(late, Tick()) == [Terminate(), told]
    assert check.deadline() == late + 2 * SECOND
    assert check.handle(late + 2 * SECOND, Tick()) == [Kill()]
    assert check.state == Ending(0, None)
    assert check.deadline() is None
    assert check.handle(60 * SECOND, Tick()) == []
    assert check.handle(60 * SECOND + 1, Ended(passed=True)) == [], "it has failed already"
    assert check.deadline() == 60 * SECOND, "a turn that has just come is not missed"


def test_a_process_that_obeys_is_not_killed() -> None:
    """Its turn that was missed is left out."""
    check = script()
    check.handle(0, Tick())
    check.handle(600 * MILLISECOND, Tick())
    assert check.handle(1200 * MILLISECOND, Ended(passed=True)) == []
    assert check.ok is False
    assert check.deadline() == 2 * SECOND


def test_what_is_no_process_ends_when_it_is_given_up() -> None:
    """The next one is due on the grid."""
    check = Check(Schedule(interval=SECOND, timeout=SECOND), Idle(5))
    assert check.handle(4, Tick()) == []
    assert check.handle(5, Tick()) == [Begin()]
    told = Told(passed=False, text="not done within 1 s", changed=True)
    assert check.handle(5 + SECOND, Tick()) == [Terminate(), told]
    assert check.deadline() == 5 + SECOND
    assert check.handle(5 + SECOND, Ended(passed=True)) == [], "nobody waits for it any more"
    assert check.handle(5 + SECOND, Tick()) == [Begin()]


def test_failures_in_a_row_come_one_an_interval() -> None:
    """Each is told a little after its time, and the next begins all the same: three silent intervals are three."""
    check = Check(Schedule(interval=SECOND, timeout=SECOND, fall=3, init=True), Idle(0))
    late = MILLISECOND
    check.handle(0, Tick())
    for turn in (1, 2):
        check.handle(turn * SECOND + late, Tick())
        assert check.ok is True
        assert check.handle(turn * SECOND + late, Tick()) == [Begin()]
    check.handle(3 * SECOND + 3 * late, Tick())
    assert check.ok is False


def test_a_run_that_takes_longer_than_its_interval_waits_for_a_turn() -> None:
    """It would else never rest."""
    check = Check(Schedule(interval=SECOND, timeout=5 * SECOND), Idle(0))
    check.handle(0, Tick())
    check.handle(2500 * MILLISECOND, Ended(passed=True))
    assert check.deadline() == 3 * SECOND
