"""Tests of what people are told of names."""

from typing import Any

import pytest

from linkbalancer.engine.naming.overview import findings, overview


def family(addresses: dict[str, float] | None = None, **others: Any) -> dict[str, Any]:
    """Return what is written of a family: addresses and when they were answered."""
    seen = {word: {"seen": at, "ttl_s": 60.0} for word, at in (addresses or {}).items()}
    bare = {"answered": None, "expires": None, "failing_since": None, "why": "", "missing": False}
    return {"addresses": seen, **bare, **others}


def host(four: dict[str, Any], six: dict[str, Any] | None = None) -> dict[str, Any]:
    """Return what a status says at 1000 s of a name of which this is written."""
    document = {"schema": 1, "names": {"a.example": {"4": four, "6": six or family()}}}
    return dict(overview(document, 1000.0)["hosts"]["a.example"])


def test_a_name_that_is_resolved() -> None:
    """Both families' addresses with their age, and the TTL that ends first."""
    four = family({"192.0.2.1": 990.0}, answered=990.0, expires=1050.0)
    six = family({"2001:db8::1": 900.5}, answered=995.0, expires=1010.0)

    assert host(four, six) == {
        "state": "resolved",
        "why": "",
        "failing_ms": None,
        "ttl_left_ms": 10_000,
        "addresses": {"192.0.2.1": 10_000, "2001:db8::1": 99_500},
    }


@pytest.mark.parametrize(
    ("four", "six", "state", "why"),
    [
        (family({"192.0.2.1": 9.0}, failing_since=700.0, why="refused"), family(), "failing", "refused"),
        (family(answered=990.0, expires=1050.0, missing=True), family(), "empty", "there is no such name"),
        (family(answered=990.0), family(answered=990.0), "empty", "it has none"),
        (family(), family(), "unresolved", "not answered yet"),
        (family(failing_since=1.0, why="no answer in time"), family(answered=990.0), "unresolved", "no answer in time"),
    ],
)
def test_how_names_are(four: dict[str, Any], six: dict[str, Any], state: str, why: str) -> None:
    """In a word, with the reason."""
    found = host(four, six)

    assert (found["state"], found["why"], found["ttl_left_ms"]) == (state, why, None)


def test_nothing_is_said_without_names() -> None:
    """No file, no section."""
    assert overview({}, 1.0) == {}
    assert list(findings({})) == []


def test_findings() -> None:
    """One for each kind of trouble, however many names have it; none for those that are well."""
    families = {
        "good.example": family({"192.0.2.1": 990.0}, answered=990.0),
        "gone.example": family(answered=990.0, missing=True),
        "old.example": family({"192.0.2.1": 9.0}, failing_since=700.0, why="refused"),
        **{f"n{one}.example": family() for one in range(6)},
    }
    document = {"names": {name: {"4": one, "6": family()} for name, one in families.items()}, "sets": {"@a": []}}

    assert list(findings(overview(document, 1000.0))) == [
        (
            "n0.example, n1.example, n2.example, n3.example and 2 more never resolved: no packet matches by it "
            "(not answered yet)"
        ),
        "gone.example has no address: no packet matches by it (there is no such name)",
        "old.example is not answered for 5 min 00 s (refused): the last addresses stay",
    ]
