"""What a controller wants, and says until it is acknowledged."""

from collections import Counter

import pytest

from linkbalancer.clock import MILLISECOND, SECOND
from linkbalancer.links import Family, GroupId
from linkbalancer.lvrrp.adjusting import REPEAT_MAX, WEIGHTS_AGAIN, Adjusting
from linkbalancer.lvrrp.figures import PAGE, WITHDRAWN, Adjustment, LinkWeight

MS = MILLISECOND
ONE, TWO = GroupId(1), GroupId(2)


def wanting(*wanted: tuple[GroupId, int, float]) -> Adjusting:
    """Return somebody who wants this."""
    adjusting = Adjusting(Counter())
    adjusting.want(wanted)
    return adjusting


def said(adjusting: Adjusting, now: int = 0) -> list[Adjustment]:
    """Return all that is said now."""
    return [one for page, _weights in adjusting.press(now) for one in page]


def test_it_is_said_until_it_is_acknowledged() -> None:
    """At once, then after the patience, twice that, and so on up to a second."""
    adjusting = wanting((ONE, 120, 37.5))
    assert adjusting.due(None) == 0
    assert adjusting.press(0) == [((Adjustment(ONE, 120, 1),), (LinkWeight(ONE, 37.5),))]
    now, waits = 0, []
    for _ in range(8):
        due = adjusting.due(50 * MS)
        assert due is not None
        waits.append((due - now) // MS)
        now = due
        adjusting.press(now)
    assert waits == [100, 200, 400, 800, 1000, 1000, 1000, 1000]
    adjusting.acknowledge([Adjustment(ONE, 120, 1)])
    assert adjusting.due(None) is None
    assert REPEAT_MAX == SECOND


def test_the_same_want_again_is_no_news() -> None:
    """Only another priority is another generation; of all that changed at once it is one."""
    adjusting = wanting((ONE, 120, 1.0), (TWO, 90, 1.0))
    assert said(adjusting) == [Adjustment(ONE, 120, 1), Adjustment(TWO, 90, 1)]
    adjusting.acknowledge(said(adjusting))
    adjusting.want([(ONE, 120, 2.0), (TWO, 90, 1.0)])
    assert adjusting.due(None) is None
    adjusting.want([(ONE, 121, 2.0), (TWO, 90, 1.0)])
    assert said(adjusting) == [Adjustment(ONE, 121, 2)]


def test_an_answer_to_an_earlier_want_is_none() -> None:
    """Nor is one about a group of which nothing is wanted."""
    adjusting = wanting((ONE, 120, 1.0))
    adjusting.want([(ONE, 130, 1.0)])
    adjusting.acknowledge([Adjustment(ONE, 120, 1), Adjustment(TWO, 120, 2)])
    assert said(adjusting) == [Adjustment(ONE, 130, 2)]


def test_what_is_wanted_no_more_is_withdrawn() -> None:
    """Until that is acknowledged too; then it is forgotten."""
    adjusting = wanting((ONE, 120, 1.0), (TWO, 90, 1.0))
    adjusting.acknowledge(said(adjusting))
    adjusting.want([(TWO, 90, 1.0)])
    assert said(adjusting) == [Adjustment(ONE, WITHDRAWN, 2)]
    assert list(adjusting.describe()) == ["2"]
    adjusting.acknowledge([Adjustment(ONE, WITHDRAWN, 2)])
    assert adjusting.snapshot() == [["2", 90, 1.0]]
    adjusting.want([(TWO, 90, 1.0)])
    assert adjusting.due(None) is None


@pytest.mark.parametrize("priority", [0, 1, 255, 256, -1])
def test_what_is_out_of_range_changes_nothing(priority: int) -> None:
    """It is counted; what was wanted before stays, weight and all."""
    counters: Counter[str] = Counter()
    adjusting = Adjusting(counters)
    adjusting.want([(ONE, priority, 9.0)])
    assert (adjusting.due(None), adjusting.describe(), counters["adjust_range"]) == (None, {}, 1)
    adjusting.want([(ONE, 120, 1.0)])
    adjusting.want([(ONE, priority, 9.0)])
    assert adjusting.press(0) == [((Adjustment(ONE, 120, 1),), (LinkWeight(ONE, 1.0),))]
    assert counters["adjust_range"] == 2


def test_one_that_was_withdrawn_has_no_weight_to_keep() -> None:
    """An out-of-range want of it leaves it withdrawn."""
    adjusting = wanting((ONE, 120, 1.0))
    adjusting.want([])
    adjusting.want([(ONE, 255, 1.0)])
    assert adjusting.press(0) == [((Adjustment(ONE, WITHDRAWN, 2),), ())]


def test_a_refusal_is_told() -> None:
    """The peer has answered, and has another priority in force: it is said no more, and counted."""
    counters: Counter[str] = Counter()
    adjusting = Adjusting(counters)
    adjusting.want([(ONE, 120, 1.0)])
    adjusting.acknowledge([Adjustment(ONE, WITHDRAWN, 1)])
    assert adjusting.due(None) is None
    assert adjusting.describe() == {"1": {"priority": 120, "weight": 1.0, "acknowledged": True, "refused": True}}
    assert counters["adjust_refused"] == 1


def test_a_new_pair_has_heard_nothing() -> None:
    """Everything is said again, at once; so is what an opening finds unacknowledged."""
    adjusting = wanting((ONE, 120, 1.0), (TWO, 90, 1.0))
    adjusting.acknowledge(said(adjusting)[:1])
    adjusting.hurry(0)
    assert adjusting.due(None) != 0, "it has just been said"
    adjusting.hurry(1)
    assert adjusting.due(None) == 0
    assert said(adjusting) == [Adjustment(TWO, 90, 1)]
    adjusting.begin_anew()
    assert (adjusting.due(None), len(said(adjusting))) == (0, 2)


def test_more_than_fits_is_paged() -> None:
    """Both families of every VID take thirteen datagrams."""
    groups = [GroupId(vid, family) for vid in range(1, 256) for family in Family]
    adjusting = wanting(*((group, 100, 5.0) for group in groups))
    pages = adjusting.press(0)
    assert [len(wanted) for wanted, _weights in pages] == [PAGE] * 12 + [30]
    assert [one.group for wanted, _weights in pages for one in wanted] == groups
    assert [len(page) for page in adjusting.weigh(0)] == [PAGE] * 12 + [30]


def test_weights_are_told_when_they_change_and_each_second() -> None:
    """Without any there is nothing to tell."""
    adjusting = wanting()
    assert adjusting.weigh(0) == []
    adjusting.want([(ONE, 120, 1.0)])
    assert adjusting.weigh(0) == [(LinkWeight(ONE, 1.0),)]
    assert adjusting.weigh(WEIGHTS_AGAIN - 1) == []
    adjusting.want([(ONE, 120, 1.5)])
    assert adjusting.weigh(WEIGHTS_AGAIN - 1) == [(LinkWeight(ONE, 1.5),)]
    assert adjusting.weigh(2 * WEIGHTS_AGAIN - 1) == [(LinkWeight(ONE, 1.5),)]


def test_a_successor_goes_on_wanting() -> None:
    """What was withdrawn is still to be withdrawn, if nobody has acknowledged it."""
    former = wanting((ONE, 120, 1.0), (TWO, 90, 1.0))
    former.want([(ONE, 120, 1.0)])
    adjusting = Adjusting(Counter())
    adjusting.restore(former.snapshot())
    assert adjusting.press(0) == [
        ((Adjustment(ONE, 120, 1), Adjustment(TWO, WITHDRAWN, 1)), (LinkWeight(ONE, 1.0),)),
    ]


@pytest.mark.parametrize(
    "found", [None, 7, [7], [["1", 120]], [["x", 120, 1.0]], [["999", 120, 1.0]], [["1", None, 1.0]], [["1", 1, 1.0]]]
)
def test_a_snapshot_that_makes_no_sense_is_nothing(found: object) -> None:
    """Nor is a priority that may not be wanted."""
    adjusting = Adjusting(Counter())
    adjusting.restore(found)
    assert adjusting.due(None) is None
