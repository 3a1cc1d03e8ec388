"""Tests of host names as commands show them."""

from typing import Any

import pytest

from linkbalancer.cli import naming

STATUS: dict[str, Any] = {
    "names": {
        "sets": {"@saas": ["a.example", "b.example", "c.example"], "@gone": ["z.example"]},
        "hosts": {
            "a.example": {
                "state": "resolved",
                "why": "",
                "failing_ms": None,
                "ttl_left_ms": 12_345,
                "addresses": {f"192.0.2.{one}": 100 for one in range(1, 7)},
            },
            "b.example": {
                "state": "failing",
                "why": "refused",
                "failing_ms": 65_000,
                "ttl_left_ms": None,
                "addresses": {"192.0.2.9": 1},
            },
            "c.example": {
                "state": "unresolved",
                "why": "not answered yet",
                "failing_ms": None,
                "ttl_left_ms": None,
                "addresses": {},
            },
        },
    }
}


def test_the_table() -> None:
    """The worst first in a status; in their order as text."""
    (section,) = naming.sections(STATUS)
    assert [row.cells[1] for row in section.rows] == ["c.example", "b.example", "a.example"]
    table = naming.plain(STATUS).splitlines()[2:]
    assert [line.split() for line in table] == [
        ["set", "host", "is", "TTL", "left", "addresses", "why"],
        ["@saas", "a.example", "resolved", "12", "s", *["192.0.2.1,", "192.0.2.2,", "192.0.2.3,", "192.0.2.4", "+2"]],
        ["@saas", "b.example", "failing", "-", "192.0.2.9", *["refused", "for", "1", "min", "05", "s"]],
        ["@saas", "c.example", "unresolved", "-", "none", *["not", "answered", "yet"]],
    ]


@pytest.mark.parametrize("status", [None, {}, {"names": {}}])
def test_without_names_there_is_nothing(status: dict[str, Any] | None) -> None:
    """Of an older daemon neither."""
    assert naming.plain(status) == ""
    assert naming.sections(status or {}) == ()
