"""What is known of names, for people: how each of them is, how old that is, and what is wrong."""

from collections.abc import Iterator, Mapping
from typing import Any, Final

from linkbalancer.clock import MILLISECOND, in_words

FAMILIES: Final = ("4", "6")
NAMED: Final = 4
"""Names that a finding names before it counts the rest."""

RESOLVED: Final = "resolved"
FAILING: Final = "failing"
EMPTY: Final = "empty"
UNRESOLVED: Final = "unresolved"


def overview(document: Mapping[str, Any], wall: float) -> dict[str, Any]:
    """Return what a status says of names; `document` is what the resolver wrote, `wall` the wall clock's time.

    Nothing where there are no names. The document is ours, written as a whole: it is not looked at twice.
    """
    if not document:
        return {}
    return {
        "sets": document.get("sets", {}),
        "hosts": {name: _host(families, wall) for name, families in document["names"].items()},
    }


def findings(names: Mapping[str, Any]) -> Iterator[str]:
    """Yield a sentence for each kind of trouble."""
    hosts = names.get("hosts", {})
    unresolved = [name for name, one in hosts.items() if one["state"] == UNRESOLVED]
    if unresolved:
        yield f"{_few(unresolved)} never resolved: no packet matches by it ({hosts[unresolved[0]]['why']})"
    empty = [name for name, one in hosts.items() if one["state"] == EMPTY]
    if empty:
        yield f"{_few(empty)} has no address: no packet matches by it ({hosts[empty[0]]['why']})"
    failing = [name for name, one in hosts.items() if one["state"] == FAILING]
    if failing:
        first = hosts[failing[0]]
        since = in_words(first["failing_ms"] * MILLISECOND)
        yield f"{_few(failing)} is not answered for {since} ({first['why']}): the last addresses stay"


def _host(families: Mapping[str, Mapping[str, Any]], wall: float) -> dict[str, Any]:
    each = [families[one] for one in FAMILIES]
    addresses = {word: _age(seen["seen"], wall) for one in each for word, seen in one["addresses"].items()}
    failing = [one for one in each if one["failing_since"] is not None]
    expiring = [one["expires"] for one in each if one["expires"] is not None and one["addresses"]]
    answered = [one for one in each if one["answered"] is not None]
    why = next((one["why"] for one in failing), "")
    if addresses:
        state = FAILING if failing else RESOLVED
    elif answered and not failing:
        state, why = EMPTY, "there is no such name" if all(one["missing"] for one in answered) else "it has none"
    else:
        state, why = UNRESOLVED, why or "not answered yet"
    return {
        "state": state,
        "why": why,
        "failing_ms": max((_age(one["failing_since"], wall) for one in failing), default=None),
        "ttl_left_ms": max(0, round((min(expiring) - wall) * 1000)) if expiring else None,
        "addresses": addresses,
    }


def _age(at: float, wall: float) -> int:
    return max(0, round((wall - at) * 1000))


def _few(names: list[str]) -> str:
    more = f" and {len(names) - NAMED} more" if len(names) > NAMED else ""
    return ", ".join(names[:NAMED]) + more
