"""What a link leaves to the successor of its process."""

import json

import pytest

from linkbalancer.lvrrp.snapshot import counters
from tests.engine.bench import Bench


@pytest.mark.parametrize(
    ("found", "counted"),
    [({"counters": {"sent": 5, "odd": "x"}}, {"sent": 5}), ({"counters": 7}, {}), ({}, {})],
)
def test_counters_go_on_where_they_are_numbers(found: dict[str, object], counted: dict[str, int]) -> None:
    """A snapshot without them, or with something else there, begins at nothing."""
    assert counters(found) == counted


def test_a_link_that_lacks_anything_begins_anew() -> None:
    """A predecessor of another version must not keep its successor from starting."""
    bench = Bench()
    bench.start()
    whole = json.loads(json.dumps(bench.agent.links["l1"].snapshot()))
    for name in whole.keys() - {"counters"}:
        found = {key: value for key, value in whole.items() if key != name}
        link = Bench().agent.links["l1"]
        link.restore(bench.now, found, grace=0)
        assert not link.is_open
    link.restore(bench.now, {**whole, "penalty": float("inf")}, grace=0)
    assert not link.is_open
