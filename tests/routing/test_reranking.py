"""Ranks after an edit are those that are reckoned from nothing."""

import pytest
from hypothesis import event, given, settings
from hypothesis import strategies as st

from linkbalancer.routing import ranking, reranking
from linkbalancer.routing.dispatch import Choice, Entry
from linkbalancer.routing.memory import Memory
from linkbalancer.routing.reranking import Rank, Ranking, common, edited
from linkbalancer.routing.selector import Interval, merged

MANY = 100


def _ranges(some: list[tuple[int, int]]) -> tuple[Interval, ...] | None:
    return merged(Interval(first, first + more) for first, more in some) or None


RANGES = st.lists(st.tuples(st.integers(0, 30), st.integers(0, 6)), max_size=2).map(_ranges)
RULES = st.lists(st.tuples(RANGES, RANGES, st.integers(0, 3)), min_size=2, max_size=24)
EDITS = st.lists(st.tuples(st.integers(0, 30), st.sampled_from(["in", "out", "other"])), min_size=1, max_size=4)


def _reckoned(entries: list[Entry], homes: list[int], limit: int = MANY) -> list[Rank]:
    return ranking._reckoned(entries, homes, limit)


@settings(max_examples=300, deadline=None)
@given(RULES, RULES, EDITS)
def test_an_edit_ranks_as_the_whole_is_ranked(
    some: list[tuple[object, object, int]], more: list[tuple[object, object, int]], edits: list[tuple[int, str]]
) -> None:
    """Rules put in, taken out or put into another tree, several at once, whatever they overlap."""
    rules = [(Entry((one, other), Choice("a")), home) for one, other, home in some]  # type: ignore[arg-type]
    drawn = [(Entry((one, other), Choice("b")), home) for one, other, home in more]  # type: ignore[arg-type]
    was, there = [entry for entry, _home in rules], [home for _entry, home in rules]
    last = Ranking(was, there, _reckoned(was, there))
    for at, what in edits:
        place = at % (len(rules) + 1)
        if what == "in":
            rules.insert(place, drawn[at % len(drawn)])
        elif place < len(rules) and len(rules) > 1:
            entry, home = rules.pop(place)
            if what == "other":
                rules.insert(place, (entry, (home + 1) % 4))
    entries, homes = [entry for entry, _home in rules], [home for _entry, home in rules]
    found = edited(last, entries, homes, MANY)
    event("by itself" if found is not None else "with all others")
    assert found is None or found == _reckoned(entries, homes)
    same = common(last, entries, homes)
    assert ranking._reckoned(entries, homes, MANY, last.ranks[:same]) == _reckoned(entries, homes)


def _wide(count: int, home: int = 0) -> list[Entry]:
    return [Entry((None, (Interval(number, number),)), Choice(str(home))) for number in range(count)]


def test_few_are_reckoned_for_an_edit_of_few() -> None:
    """A rule that overlaps one other of a thousand is new, and gone again."""
    entries, homes = _wide(1000), [0] * 1000
    whole = Ranking(entries, homes, _reckoned(entries, homes))
    new = Entry((None, (Interval(7, 7),)), Choice("new"))
    more, there = [*entries[:3], new, *entries[3:]], [*homes[:3], 1, *homes[3:]]
    ranks = edited(whole, more, there, MANY)
    assert ranks == _reckoned(more, there)
    assert ranks[8] == Rank(1, candidate=True)
    assert edited(Ranking(more, there, ranks), entries, homes, MANY) == whole.ranks


def test_where_many_are_to_be_reckoned_all_are() -> None:
    """An edit of many rules; of one that overlaps many of another tree; of one that takes a depth too far."""
    entries, homes = _wide(40), [0] * 40
    whole = Ranking(entries, homes, _reckoned(entries, homes))
    assert edited(whole, entries[reranking.EDITED_MAX + 1 :], homes[reranking.EDITED_MAX + 1 :], MANY) is None
    every = Entry((None, None), Choice("all"))
    assert edited(whole, [every, *entries], [1, *homes], MANY) is None
    assert edited(whole, [*entries, every], [*homes, 1], MANY) == _reckoned([*entries, every], [*homes, 1])
    two = Ranking(entries[:1], [1], _reckoned(entries[:1], [1]))
    assert edited(two, [entries[0], every], [1, 0], 2) == [Rank(), Rank(1, candidate=True)]
    assert edited(two, [entries[0], every], [1, 0], 1) is None


def test_a_group_that_runs_out_of_ranks_is_not_remembered() -> None:
    """What is left of it is ranked in another round."""
    known = Memory()
    entries = [Entry((None, None), Choice(str(number))) for number in range(4)]
    assert len(ranking._ranked(entries, [1, 0, 1, 0], 2, known, "group")) < len(entries)
    assert known.ranking("group") is None
    assert len(ranking._ranked(entries, [1, 0, 1, 0], MANY, known, "group")) == len(entries)
    assert known.ranking("group") is not None


@pytest.mark.parametrize("rest", [0, 1])
def test_nothing_changes(rest: int) -> None:
    """The same rules are ranked the same, and one alone too."""
    entries, homes = _wide(rest + 1), [0] * (rest + 1)
    assert edited(Ranking(entries, homes, _reckoned(entries, homes)), entries, homes, MANY) == [Rank()] * (rest + 1)
