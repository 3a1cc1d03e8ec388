"""Host names of sets as `status` and `rules list` show them."""

from collections.abc import Iterator
from typing import Any, Final

from linkbalancer.cli.screen import Row, Section, worst_first
from linkbalancer.clock import MILLISECOND, SECOND, in_words

_BADNESS: Final = {"resolved": 0, "failing": 1}
SHOWN: Final = 4
"""Addresses that a table names before it counts the rest."""
HEADER: Final = ("set", "host", "is", "TTL left", "addresses", "why")


def sections(status: dict[str, Any]) -> tuple[Section, ...]:
    """Return the table of a status, none where no set has names."""
    rows = [Row(badness, cells) for badness, cells in _rows(status)]
    return (worst_first(HEADER, rows),) if rows else ()


def plain(status: dict[str, Any] | None) -> str:
    """Return the same as text in columns, empty where there is nothing."""
    rows = [HEADER, *(cells for _badness, cells in _rows(status or {}))]
    if len(rows) == 1:
        return ""
    widths = [max(map(len, column)) for column in zip(*rows, strict=True)]
    return "\n\n" + "\n".join("  ".join(map(str.ljust, row, widths)).rstrip() for row in rows)


def _rows(status: dict[str, Any]) -> Iterator[tuple[int, tuple[str, ...]]]:
    names = status.get("names") or {}
    for set_name, hosts in names.get("sets", {}).items():
        for host in hosts:
            one = names["hosts"].get(host)
            if one is not None:
                yield _BADNESS.get(one["state"], 2), (set_name, host, *_cells(one))


def _cells(one: dict[str, Any]) -> tuple[str, str, str, str]:
    ttl = one["ttl_left_ms"]
    left = "-" if ttl is None else "over" if not ttl else in_words(ttl // 1000 * SECOND or ttl * MILLISECOND)
    addresses = list(one["addresses"])
    more = f" +{len(addresses) - SHOWN}" if len(addresses) > SHOWN else ""
    since = "" if one["failing_ms"] is None else f" for {in_words(one['failing_ms'] * MILLISECOND)}"
    return one["state"], left, ", ".join(addresses[:SHOWN]) + more or "none", one["why"] and one["why"] + since
