"""The applications' numbers on disk."""

from pathlib import Path

import pytest

from linkbalancer.daemon import numbering
from linkbalancer.daemon.numbering import FILE


def number_applications(directory: Path, names: list[str], limit: int) -> dict[str, int]:
    """Return the numbers; nothing is complained of."""
    complaints: list[tuple[str, str]] = []
    numbers = numbering.number_applications(directory, names, limit, lambda *words: complaints.append(words))
    assert complaints == []
    return numbers


def test_numbers_stay(tmp_path: Path) -> None:
    """An application keeps its number while others come and go, and gets it back when it returns."""
    state = tmp_path / "state"
    first = number_applications(state, ["web", "dns"], 100)
    second = number_applications(state, ["web", "mail"], 100)
    third = number_applications(state, ["dns", "mail", "web"], 100)
    assert second["web"] == third["web"] == first["web"]
    assert third["dns"] == first["dns"]
    assert len(set(third.values())) == 3


def test_a_number_that_is_given_away_is_forgotten(tmp_path: Path) -> None:
    """With no number left, one of an application that is gone is taken, and never has two owners."""
    number_applications(tmp_path, ["a", "b"], 3)
    assert set(number_applications(tmp_path, ["b", "c"], 3).values()) == {2, 3}
    assert set(number_applications(tmp_path, ["a", "b"], 3).values()) == {2, 3}
    with pytest.raises(ValueError, match="3 applications"):
        number_applications(tmp_path, ["a", "b", "c"], 3)


@pytest.mark.parametrize("content", ["", "[]", "{}", '{"numbers": []}', '{"numbers": {"web": "2"}}'])
def test_a_damaged_file_counts_as_none(tmp_path: Path, content: str) -> None:
    """Wrong numbers are worse than new ones."""
    (tmp_path / FILE).write_text(content)
    assert number_applications(tmp_path, ["web"], 10) == {"web": 2}


def test_the_file_is_written_only_when_something_is_new(tmp_path: Path) -> None:
    """A restart with the same applications leaves the file as it is."""
    number_applications(tmp_path, ["web"], 10)
    before = (tmp_path / FILE).stat().st_mtime_ns
    number_applications(tmp_path, ["web"], 10)
    assert (tmp_path / FILE).stat().st_mtime_ns == before
    assert [path.name for path in tmp_path.iterdir()] == [FILE]


def test_numbers_that_cannot_be_written_are_used_all_the_same(tmp_path: Path) -> None:
    """On a full or missing disk the gateway steers, and says what may come of it."""
    place = tmp_path / "file"
    place.touch()
    complaints: list[tuple[str, str]] = []
    numbers = numbering.number_applications(place, ["web"], 10, lambda *words: complaints.append(words))
    assert numbers == {"web": 2}
    ((operation, why),) = complaints
    assert operation == "keep the applications' numbers"
    assert "after the next start they could be others" in why
