"""An outbox: order, merging, bounds, and trying again."""

from dataclasses import replace

import pytest
from hypothesis import given
from hypothesis import strategies as st

from linkbalancer.clock import MILLISECOND, SECOND, Instant
from linkbalancer.config.topics import Topic
from linkbalancer.engine.news import News
from linkbalancer.engine.outbox import PAUSE_MAX, RECEIVER, Deliver, Effect, Ended, GivenUp, Limits, Outbox, Tick, Told

LIMITS = Limits(queue=5, retries=2, retry_after=100 * MILLISECOND, coalesce=True)


def news(number: int, subject: str = "VID 1", state: str = "master") -> News:
    """Return what is told of a group."""
    return News("agent", 7, number, number, "vid", Topic.GROUP, subject, f"{state}: claimed")


def told(effects: list[Effect]) -> list[tuple[int, int]]:
    """Return the numbers of what is to be delivered, each with how many it stands for."""
    return [(one.news.number, one.news.merged) for one in effects if isinstance(one, Deliver)]


def drained(box: Outbox, now: Instant = 0) -> list[tuple[int, int]]:
    """Have everything delivered; return it in its order."""
    found: list[tuple[int, int]] = []
    effects = box.handle(now, Ended(good=True))
    while effects:
        found += told(effects)
        effects = box.handle(now, Ended(good=True))
    return found


def test_one_after_the_other() -> None:
    """The next is told when the one before has ended."""
    box = Outbox(LIMITS)

    assert told(box.handle(0, Told(news(1)))) == [(1, 0)]
    assert told(box.handle(0, Told(news(2, "VID 2")))) == []
    assert len(box) == 2
    assert box.deadline() is None
    assert told(box.handle(0, Ended(good=True))) == [(2, 0)]
    assert told(box.handle(0, Ended(good=True))) == []
    assert len(box) == 0
    assert box.counts.delivered == 2


def test_waiting_news_of_one_thing_become_the_newest() -> None:
    """At its own place: nothing is told before what happened before it, and what is being told stays."""
    box = Outbox(LIMITS)
    for one in (news(1), news(2), news(3, "VID 2"), news(4, state="backup"), news(5)):
        box.handle(0, Told(one))

    assert [one.number for one in box.waiting()] == [1, 3, 5]
    assert drained(box) == [(3, 0), (5, 2)]
    assert box.counts.merged == 2


def test_nothing_merges_where_every_change_is_wanted() -> None:
    """`coalesce: false`."""
    box = Outbox(replace(LIMITS, coalesce=False))
    for number in range(1, 4):
        box.handle(0, Told(news(number)))

    assert drained(box) == [(2, 0), (3, 0)]


def test_a_full_queue_drops_the_oldest() -> None:
    """And counts it; what is being told is not in the queue any more."""
    box = Outbox(LIMITS)
    for number in range(1, 10):
        box.handle(0, Told(news(number, f"VID {number}")))

    assert [one.number for one in box.waiting()] == [1, 5, 6, 7, 8, 9]
    assert box.counts.dropped == 3


def test_a_failure_is_tried_again_ever_later_and_given_up() -> None:
    """The pauses double; what comes next is not told before the receiver has rested, and its tries are its own."""
    box = Outbox(LIMITS)
    box.handle(0, Told(news(1)))
    box.handle(0, Told(news(2, "VID 2")))

    assert box.handle(0, Ended(good=False)) == []
    assert box.deadline() == 100 * MILLISECOND
    assert box.handle(50 * MILLISECOND, Tick()) == []
    assert box.handle(100 * MILLISECOND, Tick()) == [Deliver(news(1), 2)]
    assert box.handle(100 * MILLISECOND, Ended(good=False)) == []
    assert box.deadline() == 300 * MILLISECOND
    assert box.handle(300 * MILLISECOND, Tick()) == [Deliver(news(1), 3)]
    assert box.handle(300 * MILLISECOND, Ended(good=False)) == [GivenUp(news(1), 3)]
    assert box.deadline() == 700 * MILLISECOND
    assert box.handle(700 * MILLISECOND, Tick()) == [Deliver(news(2, "VID 2"), 1)]
    assert (box.counts.failed, box.counts.given_up) == (3, 1)


def test_a_success_forgets_the_failures() -> None:
    """The next failure has the first pause again."""
    box = Outbox(LIMITS)
    for number in (1, 2):
        box.handle(0, Told(news(number, f"VID {number}")))
    box.handle(0, Ended(good=False))
    box.handle(SECOND, Tick())
    box.handle(SECOND, Ended(good=True))
    box.handle(SECOND, Ended(good=False))

    assert box.deadline() == SECOND + 100 * MILLISECOND


def test_no_pause_is_longer_than_the_longest() -> None:
    """However often it failed."""
    box = Outbox(replace(LIMITS, retries=100))
    box.handle(0, Told(news(1)))
    now: Instant = 0
    for _ in range(100):
        box.handle(now, Ended(good=False))
        deadline = box.deadline()
        assert deadline is not None
        assert deadline - now <= PAUSE_MAX
        now = deadline
        box.handle(now, Tick())

    assert box.waiting() == [news(1)]


def test_what_failed_gives_way_to_newer_news_of_the_same() -> None:
    """It would only say what was; the newer news begin with no try behind them."""
    box = Outbox(LIMITS)
    box.handle(0, Told(news(1)))
    box.handle(0, Told(news(2, state="backup")))
    box.handle(0, Ended(good=False))

    (delivered,) = box.handle(SECOND, Tick())
    assert delivered == Deliver(replace(news(2, state="backup"), merged=1), 1)
    assert box.counts.merged == 1


def test_a_receiver_that_is_away_is_no_failure() -> None:
    """Nothing is counted or given up: it is looked for, and gets what there is then."""
    box = Outbox(replace(LIMITS, retries=0))
    box.handle(0, Told(news(1)))

    assert box.handle(0, Ended(good=False, away=True)) == []
    assert box.deadline() == RECEIVER
    assert box.handle(RECEIVER, Tick()) == [Deliver(news(1), 1)]
    assert (box.counts.failed, box.counts.given_up) == (0, 0)


def test_what_an_earlier_one_left_comes_first() -> None:
    """In its order."""
    box = Outbox(LIMITS)
    box.keep([news(1), news(2, "VID 2")])

    assert told(box.handle(0, Tick())) == [(1, 0)]
    box.handle(0, Told(news(3, "VID 3")))
    assert drained(box) == [(2, 0), (3, 0)]


def test_an_end_of_nothing_changes_nothing() -> None:
    """A try that ended twice, say."""
    box = Outbox(LIMITS)

    assert box.handle(0, Ended(good=True)) == []
    assert box.counts.delivered == 0


@given(
    st.lists(st.one_of(st.integers(1, 4), st.sampled_from(["good", "bad", "away"])), max_size=60),
    st.sampled_from([LIMITS, replace(LIMITS, coalesce=False)]),
)
def test_never_out_of_order_and_never_without_bound(steps: list[int | str], limits: Limits) -> None:
    """Whatever happens when: what waits is in order, bounded, and told in that order."""
    box = Outbox(limits)
    now: Instant = 0
    number = 0
    seen: list[int] = []
    for step in steps:
        now += 10 * SECOND
        if isinstance(step, int):
            number += 1
            effects = box.handle(now, Told(news(number, f"VID {step}")))
        else:
            effects = box.handle(now, Ended(good=step == "good", away=step == "away"))
        effects += box.handle(now, Tick())
        seen += [one.news.number for one in effects if isinstance(one, Deliver)]
        assert len(box) <= limits.queue + 2
        assert [one.number for one in box.waiting()] == sorted(one.number for one in box.waiting())

    assert seen == sorted(seen), "tried again is the same again, never an older one"


@pytest.mark.parametrize("topic", [Topic.ALARM, Topic.PROCESS, Topic.CONFIGURATION])
def test_deeds_merge_only_with_their_equals(topic: Topic) -> None:
    """Two different alarms are two."""
    box = Outbox(LIMITS)
    for number, text in enumerate(("one", "one", "two", "one", "two"), 1):
        box.handle(0, Told(replace(news(number), topic=topic, text=text)))

    assert drained(box) == [(4, 1), (5, 1)]
