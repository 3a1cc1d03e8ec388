"""Tests of application ids that stay."""

import pytest
from hypothesis import given
from hypothesis import strategies as st

from linkbalancer.routing.numbering import allocate

NAMES = st.sets(st.sampled_from("abcdefgh"), max_size=6)


@given(st.lists(NAMES, max_size=6))
def test_ids_survive_any_edits(edits: list[set[str]]) -> None:
    """A name keeps its id for as long as it is there, no two names share one, and all are in range."""
    kept: dict[str, int] = {}
    for names in edits:
        ids = allocate(names, kept, 9)

        assert set(ids) == names
        assert len(set(ids.values())) == len(ids)
        assert all(2 <= number <= 9 for number in ids.values())
        assert all(ids[name] == kept[name] for name in names & kept.keys())
        kept = ids


def test_ids_of_gone_names_rest() -> None:
    """A new name gets an id that nobody had, while there is one; old flows may still carry the others."""
    assert allocate(["new"], {"gone": 2, "gone too": 3}, 9) == {"new": 4}


def test_ids_of_gone_names_are_given_away_at_last() -> None:
    """When no fresh id is left, the lowest of a name that is gone is taken."""
    assert allocate(["a", "b", "c"], {"gone": 3, "gone too": 2, "a": 4}, 5) == {"a": 4, "b": 5, "c": 2}


def test_a_damaged_numbering_is_not_believed() -> None:
    """Ids out of range and ids given twice are replaced."""
    assert allocate(["a", "b", "c", "d"], {"a": 1, "b": 3, "c": 3, "d": 99}, 9) == {"a": 2, "b": 3, "c": 4, "d": 5}


def test_too_many_applications_are_refused() -> None:
    """More names than ids cannot be told apart in a mark."""
    with pytest.raises(ValueError, match="3 applications, but the connection mask has room for 2"):
        allocate(["a", "b", "c"], {}, 3)
