"""Tests of the machine that knows which addresses names have."""

from hypothesis import given, settings
from hypothesis import strategies as st

from linkbalancer.clock import SECOND, Duration, Instant
from linkbalancer.engine.naming.ledger import (
    AGAIN,
    AGAIN_MAX,
    KEPT_MAX,
    PACE,
    PATIENCE,
    UNDER_WAY_MAX,
    Ask,
    Ledger,
    Seen,
    Settings,
)
from linkbalancer.engine.naming.message import Answer, Question

SETTINGS = Settings(resolvers=2, ttl=(10 * SECOND, 100 * SECOND), grace=50 * SECOND)
FOUR, SIX = Question("a.example", 4), Question("a.example", 6)


class Bench:
    """A ledger of one name, of whose questions that for IPv6 is answered by nothing for long."""

    def __init__(self, settings: Settings = SETTINGS, memory: dict[Question, dict[int, Seen]] | None = None) -> None:
        self.now: Instant = 1000 * SECOND
        self.ledger = Ledger(["a.example"], settings, self.now, memory)
        self.asks = {ask.question: ask for ask in self.ledger.expire(self.now)}
        self.ledger.answered(self.now, self.asks[SIX], Answer((), 10**6 * SECOND))

    @property
    def four(self) -> Ask:
        """The question that is under way."""
        return self.asks[FOUR]

    def answer(self, *addresses: int, ttl: Duration = 20 * SECOND) -> None:
        """Answer the question."""
        self.ledger.answered(self.now, self.four, Answer(addresses, ttl))

    def at(self, seconds: float) -> list[Ask]:
        """Go to a time since the beginning; return what is asked for IPv4."""
        self.now = 1000 * SECOND + round(seconds * SECOND)
        found = [ask for ask in self.ledger.expire(self.now) if ask.question == FOUR]
        self.asks |= {ask.question: ask for ask in found}
        return found

    def known(self) -> tuple[int, ...]:
        """Return the addresses."""
        return self.ledger.addresses("a.example", 4)


def test_a_name_is_asked_for_again_when_its_ttl_is_over() -> None:
    """At its TTL, held to the least and the greatest that there may be."""
    for ttl, after in ((20, 20), (1, 10), (5000, 100)):
        bench = Bench()
        bench.answer(1, ttl=ttl * SECOND)
        assert bench.at(after - 0.001) == []
        assert len(bench.at(after)) == 1


def test_an_address_stays_for_its_ttl_and_a_grace() -> None:
    """Rotation: what is not answered any more leaves with the first answer after that, and not before."""
    bench = Bench()
    bench.answer(1, 2)
    for second, answered, known in ((20, 3, (1, 2, 3)), (40, 2, (1, 2, 3)), (60, 3, (1, 2, 3)), (80, 3, (2, 3))):
        bench.at(second)
        bench.answer(answered)
        assert bench.known() == known
    bench.at(100)
    bench.answer(3)
    assert bench.known() == (2, 3)
    bench.at(120)
    bench.answer(3)
    assert bench.known() == (3,)


def test_without_answers_everything_stays() -> None:
    """Fail static: the addresses stay for ever, it is said since when, and resolvers are asked ever less often."""
    bench = Bench()
    bench.answer(1)
    bench.at(20)
    waits, second = [], 20.0
    for _failure in range(10):
        bench.at(second + 2)
        assert [ask.resolver for ask in bench.asks.values() if ask.question == FOUR] == [1]
        bench.at(second + 4)
        entry = bench.ledger.entries[FOUR]
        assert entry.due is not None
        waits.append(entry.due - bench.now)
        second = (entry.due - 1000 * SECOND) / SECOND
        bench.at(second)
    assert waits == [min(AGAIN << one, AGAIN_MAX) for one in range(10)]
    assert bench.known() == (1,)
    assert FOUR in bench.ledger.failing()
    assert (entry.failing_since, entry.why) == (1024 * SECOND, "no answer in time")
    bench.answer(2)
    assert bench.known() == (2,)
    assert FOUR not in bench.ledger.failing()


def test_a_refusal_goes_to_the_next_resolver_at_once() -> None:
    """And who answered is asked first from then on."""
    bench = Bench()
    first = bench.four
    (second,) = bench.ledger.refused(bench.now, first, "server failure")
    assert (first.resolver, second.resolver) == (0, 1)
    assert bench.ledger.refused(bench.now, first, "late") == []
    bench.ledger.answered(bench.now, first, Answer((9,), SECOND))
    assert bench.known() == ()
    bench.ledger.answered(bench.now, second, Answer((1,), SECOND))
    assert bench.known() == (1,)
    assert [ask.resolver for ask in bench.at(10)] == [1]
    again = bench.ledger.refused(bench.now, bench.four, "server failure")
    assert [ask.resolver for ask in again] == [0]
    assert bench.ledger.refused(bench.now, again[0], "server failure") == []
    assert bench.ledger.failing()[FOUR].why == "server failure"


def test_one_resolver_alone_is_asked_twice() -> None:
    """A datagram may be lost."""
    bench = Bench(Settings(1, (SECOND, SECOND), 0))
    assert len(bench.at(2)) == 1
    assert bench.at(4) == []
    assert list(bench.ledger.failing()) == [FOUR]


def test_memory_is_what_a_start_begins_with() -> None:
    """Without a resolver it is all there is; the first answer takes over, grace and all."""
    seen = {FOUR: {7: Seen(1000 * SECOND - 60 * SECOND, 20 * SECOND), 8: Seen(0, 20 * SECOND)}}
    bench = Bench(memory=seen)
    assert bench.known() == (7, 8)
    bench.answer(1)
    assert bench.known() == (1, 7)
    assert bench.ledger.addresses("b.example", 4) == ()


def test_a_name_that_is_gone_leaves_after_its_grace() -> None:
    """That there is none is an answer."""
    bench = Bench()
    bench.answer(1, ttl=10 * SECOND)
    for second, known in ((10, (1,)), (20, (1,)), (50, (1,)), (60, ())):
        bench.at(second)
        bench.ledger.answered(bench.now, bench.four, Answer((), 10 * SECOND, missing=True))
        assert bench.known() == known
        bench.at(second + 9)
    assert bench.ledger.entries[FOUR].missing


def test_changes_are_put_to_use_once_in_a_second() -> None:
    """The first at once; another one waits; none where nothing has changed."""
    bench = Bench()
    assert bench.ledger.taken(bench.now)
    assert not bench.ledger.taken(bench.now)
    bench.answer(1)
    assert not bench.ledger.taken(bench.now + PACE - 1)
    assert bench.ledger.deadline() == bench.now + PACE
    assert bench.ledger.taken(bench.now + PACE)
    assert bench.ledger.deadline() == bench.now + 20 * SECOND
    bench.at(20)
    assert bench.ledger.deadline() == bench.now + PATIENCE
    bench.answer(1)
    assert not bench.ledger.taken(bench.now + 10 * PACE)


def test_many_names_wait_for_their_turn() -> None:
    """So many questions at once, and all of them in the end."""
    names = [f"h{one}.example" for one in range(100)]
    ledger = Ledger(names, SETTINGS, 0)
    asked = 0
    asks = ledger.expire(0)
    assert len(asks) == UNDER_WAY_MAX
    assert ledger.expire(0) == []
    assert ledger.deadline() == 0
    ledger.taken(0)
    assert ledger.deadline() == PATIENCE
    while asks:
        asked += len(asks)
        for ask in asks:
            ledger.answered(0, ask, Answer((asked,), SECOND))
        asks = ledger.expire(0)
    assert asked == 200


def test_the_addresses_of_a_name_have_a_bound() -> None:
    """A name whose answers never repeat: the oldest go before their grace is over."""
    bench = Bench(Settings(1, (SECOND, SECOND), 86400 * SECOND))
    for second in range(KEPT_MAX // 50 + 2):
        bench.at(second)
        bench.answer(*range(second * 50, second * 50 + 50))
    assert len(bench.known()) == KEPT_MAX
    assert max(bench.known()) == (KEPT_MAX // 50 + 2) * 50 - 1


@settings(max_examples=100, deadline=None)
@given(st.lists(st.tuples(st.integers(0, 70), st.sampled_from(["answer", "refuse", "silence"]), st.integers(0, 5))))
def test_whatever_happens(history: list[tuple[int, str, int]]) -> None:
    """No deadline is missed or passed by, no more is asked at once than may be, nothing leaves before its grace."""
    ledger = Ledger(["a.example", "b.example"], SETTINGS, 0)
    now, answered_at = 0, dict[tuple[str, int], Instant]()
    for wait, what, address in history:
        now += wait * SECOND
        for ask in ledger.expire(now):
            if what == "answer":
                ledger.answered(now, ask, Answer((address,), 10 * SECOND))
                if ask.question.family == 4:
                    answered_at[ask.question.name, address] = now
            elif what == "refuse":
                for again in ledger.refused(now, ask, "no"):
                    ledger.refused(now, again, "no")
        under_way = [one for one in ledger.entries.values() if one.until is not None]
        assert len(under_way) <= UNDER_WAY_MAX
        assert all((one.due is None) != (one.until is None) for one in ledger.entries.values())
        deadline = ledger.deadline()
        assert deadline is not None
        assert deadline > now or not ledger.taken(now) or ledger.deadline() != deadline
        for (name, known), at in answered_at.items():
            assert known in ledger.addresses(name, 4) or now >= at + 60 * SECOND


def test_other_resolvers() -> None:
    """The host names others: the first of them is asked next, and who answers late still counts."""
    bench = Bench()
    (second,) = bench.ledger.refused(bench.now, bench.four, "refused")
    bench.ledger.ask_others(1)
    bench.ledger.answered(bench.now, second, Answer((1,), SECOND))
    assert bench.known() == (1,)
    assert [ask.resolver for ask in bench.at(10)] == [0]
