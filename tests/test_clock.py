"""Durations as a person reads them, and the first of several deadlines."""

import pytest

from linkbalancer.clock import MICROSECOND, MILLISECOND, SECOND, Duration, earliest, exactly, in_words, is_due


@pytest.mark.parametrize(
    ("duration", "words"),
    [
        (0, "0 us"),
        (999 * MICROSECOND, "999 us"),
        (12_500 * MICROSECOND, "12.5 ms"),
        (3_200 * MILLISECOND, "3.2 s"),
        (245 * SECOND, "4 min 05 s"),
        (7_380 * SECOND, "2 h 03 min"),
        (90_000 * SECOND, "1 d 01 h"),
    ],
)
def test_a_duration_reads_as_a_person_would_say_it(duration: Duration, words: str) -> None:
    """Two units at most, the larger first."""
    assert words == in_words(duration)


def test_a_duration_is_written_exactly_in_its_largest_unit() -> None:
    """What is shorter than a microsecond is written as a part of a second."""
    written = [exactly(one) for one in (0, 90 * SECOND, 1_500_000_000, 2_000, 1_000_000_001)]

    assert written == ["0s", "90s", "1500ms", "2us", "1.000000001s"]


def test_the_earliest_deadline_is_the_first_that_exists() -> None:
    """None is no deadline, and where there is none at all the answer is None."""
    assert 2 == earliest(3, None, 2)
    assert earliest(None, None) is None
    assert earliest() is None


def test_a_deadline_is_due_from_its_instant_on() -> None:
    """No deadline never is."""
    assert [is_due(now, 2) for now in (1, 2, 3)] == [False, True, True]
    assert not is_due(3, None)
