"""What a controlled end does of what its controller wants."""

from collections import Counter

import pytest

from linkbalancer.clock import SECOND
from linkbalancer.links import GroupId
from linkbalancer.lvrrp.events import Change
from linkbalancer.lvrrp.figures import WITHDRAWN, Adjustment
from linkbalancer.lvrrp.obeying import CONFIRM, Obeying

ONE, TWO = GroupId(1), GroupId(2)


def asked(obeying: Obeying, *wanted: Adjustment) -> tuple[list[Change], list[Adjustment]]:
    """Ask for this, at a weight of 37.5."""
    return obeying.obey(wanted, lambda _group: 37.5)


def test_it_obeys_answers_and_says_what_changed() -> None:
    """The same again changes nothing, and is answered again."""
    obeying = Obeying(Counter())
    changes, answers = asked(obeying, Adjustment(ONE, 120, 5))
    assert changes == [Change(ONE, None, 120, 37.5, "adjusted")]
    assert answers == [Adjustment(ONE, 120, 5)]
    assert asked(obeying, Adjustment(ONE, 120, 5)) == ([], [Adjustment(ONE, 120, 5)])
    changes, _answers = asked(obeying, Adjustment(ONE, 90, 6))
    assert changes == [Change(ONE, 120, 90, 37.5, "adjusted")]
    assert (obeying.priority(ONE), obeying.priority(TWO)) == (90, None)


@pytest.mark.parametrize("priority", [1, 255])
def test_what_is_out_of_range_moves_nothing(priority: int) -> None:
    """It is counted, and answered with what is in force."""
    counters: Counter[str] = Counter()
    obeying = Obeying(counters)
    assert asked(obeying, Adjustment(ONE, priority, 5)) == ([], [Adjustment(ONE, WITHDRAWN, 5)])
    asked(obeying, Adjustment(ONE, 120, 6))
    assert asked(obeying, Adjustment(ONE, priority, 7)) == ([], [Adjustment(ONE, 120, 7)])
    assert (obeying.priority(ONE), counters["adjust_range"]) == (120, 2)


def test_withdrawn_it_is_as_configured() -> None:
    """Also where it was never anything else."""
    obeying = Obeying(Counter())
    assert asked(obeying, Adjustment(ONE, WITHDRAWN, 5)) == ([], [Adjustment(ONE, WITHDRAWN, 5)])
    asked(obeying, Adjustment(ONE, 120, 6))
    changes, _answers = asked(obeying, Adjustment(ONE, WITHDRAWN, 7))
    assert changes == [Change(ONE, 120, None, 37.5, "withdrawn")]
    assert obeying.priority(ONE) is None


def test_a_new_pair_must_confirm_it() -> None:
    """Each group by itself; an opening begins the wait anew."""
    obeying = Obeying(Counter())
    asked(obeying, Adjustment(ONE, 120, 1), Adjustment(TWO, 90, 1))
    assert obeying.expiry_at() is None
    obeying.begin_anew(SECOND)
    assert obeying.expiry_at() == SECOND + CONFIRM
    obeying.doubt(3 * SECOND)
    asked(obeying, Adjustment(ONE, 120, 1))
    assert obeying.expiry_at() == 3 * SECOND + CONFIRM
    assert obeying.expire() == [Change(TWO, 90, None, None, "not confirmed by the controller for 30 s")]
    assert (obeying.priority(ONE), obeying.priority(TWO), obeying.expiry_at()) == (120, None, None)


def test_what_is_refused_confirms_nothing() -> None:
    """The wait goes on."""
    obeying = Obeying(Counter())
    asked(obeying, Adjustment(ONE, 120, 1))
    obeying.begin_anew(0)
    asked(obeying, Adjustment(ONE, 255, 2))
    assert obeying.expiry_at() == CONFIRM


def test_a_successor_goes_on_obeying() -> None:
    """Until it is confirmed, or is not."""
    former = Obeying(Counter())
    asked(former, Adjustment(ONE, 120, 1))
    obeying = Obeying(Counter())
    obeying.restore(SECOND, former.snapshot())
    assert (obeying.priority(ONE), obeying.expiry_at()) == (120, SECOND + CONFIRM)


@pytest.mark.parametrize("found", [None, 7, [7], [["x", 120]], [["1", None]], [["1", 255]], [["1", 1]]])
def test_a_snapshot_that_makes_no_sense_is_nothing(found: object) -> None:
    """Nor is a priority that may not be in force."""
    obeying = Obeying(Counter())
    obeying.restore(0, found)
    assert (obeying.priority(ONE), obeying.expiry_at()) == (None, None)
