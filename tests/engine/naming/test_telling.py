"""Tests of what is told of names."""

from linkbalancer.clock import SECOND
from linkbalancer.engine.naming.ledger import Ledger, Seen, Settings
from linkbalancer.engine.naming.message import Answer, Question
from linkbalancer.engine.naming.telling import RECORDS_MAX, differences, outage

FOUR, SIX = Question("a.example", 4), Question("a.example", 6)
SETTINGS = Settings(1, (SECOND, SECOND), SECOND)


def failed(names: list[str], memory: dict[Question, dict[int, Seen]] | None = None) -> Ledger:
    """Return a ledger that nobody answers."""
    ledger = Ledger(names, SETTINGS, 0, memory)
    for now in (0, 2, 4, 6, 8, 10):
        ledger.expire(now * SECOND)
    return ledger


def test_what_came_and_what_went() -> None:
    """A sentence for each question whose addresses differ."""
    before = {FOUR: frozenset({1, 2}), SIX: frozenset({1})}
    after = {FOUR: frozenset({2, 3}), SIX: frozenset({1}), Question("b.example", 6): frozenset({1})}

    assert list(differences(before, after)) == [
        "a.example (IPv4): with 0.0.0.3, without 0.0.0.1",
        "b.example (IPv6): with ::1",
    ]
    assert list(differences({}, {FOUR: frozenset(range(9))})) == [
        "a.example (IPv4): with 0.0.0.0, 0.0.0.1, 0.0.0.2, 0.0.0.3, 0.0.0.4, 0.0.0.5 and 3 more"
    ]


def test_many_changes_at_once_are_counted() -> None:
    """The history has no more records of one moment than can be read."""
    after = {Question(f"h{one}.example", 4): frozenset({1}) for one in range(RECORDS_MAX + 5)}
    found = list(differences({}, after))

    assert len(found) == RECORDS_MAX + 1
    assert found[-1] == "5 more names have other addresses"


def test_an_outage_says_what_stays() -> None:
    """Which names, why, and what packets meet meanwhile."""
    known = {FOUR: {1: Seen(0, SECOND)}}

    assert outage(failed(["a.example"])) == (
        "no resolver answers for a.example: no answer in time; no address was ever known, so no packet matches by them"
    )
    assert outage(failed(["a.example"], known)) == (
        "no resolver answers for a.example: no answer in time; its last addresses stay"
    )
    many = outage(failed([f"{one}.example" for one in "abcdefgh"], known))
    assert many.startswith(
        "no resolver answers for a.example, b.example, c.example, d.example, e.example, f.example and"
    )
    assert many.endswith("; their last addresses stay")
    ledger = Ledger([], SETTINGS, 0)
    assert outage(ledger) == ""


def test_who_answers_is_no_outage() -> None:
    """Though there be no address."""
    ledger = Ledger(["a.example"], SETTINGS, 0)
    for ask in ledger.expire(0):
        ledger.answered(0, ask, Answer((), SECOND))
    assert outage(ledger) == ""
