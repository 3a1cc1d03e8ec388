"""What a link leaves to the successor of its process."""

import pytest

from linkbalancer.lvrrp.snapshot import counters


@pytest.mark.parametrize(
    ("found", "counted"),
    [({"counters": {"sent": 5, "odd": "x"}}, {"sent": 5}), ({"counters": 7}, {}), ({}, {})],
)
def test_counters_go_on_where_they_are_numbers(found: dict[str, object], counted: dict[str, int]) -> None:
    """A snapshot without them, or with something else there, begins at nothing."""
    assert counters(found) == counted
