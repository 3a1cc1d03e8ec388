"""What is known of names, as it is written down: for the next start, and for whoever asks. Times are the wall clock's.

What is read may be somebody else's, or half of something: what makes no sense is left out.
"""

from collections.abc import Mapping
from ipaddress import AddressValueError, IPv4Address, IPv6Address
from typing import Any, Final

from linkbalancer.clock import SECOND, Duration, Instant
from linkbalancer.engine.naming.ledger import FAMILIES, KEPT_MAX, Entry, Ledger, Seen
from linkbalancer.engine.naming.message import Family, Question, usable

SCHEMA: Final = 1
_AGE_MAX: Duration = 3653 * 86400 * SECOND


def written(ledger: Ledger, now: Instant, wall: float) -> dict[str, Any]:
    """Return what a ledger knows; `wall` is the wall clock's time (in seconds) at `now`."""

    def when(instant: Instant | None) -> float | None:
        return None if instant is None else round(wall + (instant - now) / SECOND, 3)

    def told(entry: Entry, family: Family) -> dict[str, Any]:
        addresses = {
            str(_made(one, family)): {"seen": when(seen.at), "ttl_s": seen.ttl / SECOND}
            for one, seen in entry.addresses.items()
        }
        return {
            "addresses": addresses,
            "answered": when(entry.answered_at),
            "expires": when(entry.expires),
            "failing_since": when(entry.failing_since),
            "why": entry.why,
            "missing": entry.missing,
        }

    names: dict[str, Any] = {}
    for question, entry in ledger.entries.items():
        names.setdefault(question.name, {})[str(question.family)] = told(entry, question.family)
    return {"schema": SCHEMA, "at": when(now), "names": names}


def recalled(document: object, now: Instant, wall: float) -> dict[Question, dict[int, Seen]]:
    """Return the addresses that were written down; those of a time to come count as seen just now."""
    found: dict[Question, dict[int, Seen]] = {}
    for name, families in _mapping(_mapping(document).get("names")).items():
        for family in FAMILIES:
            known = _mapping(_mapping(_mapping(families).get(str(family))).get("addresses"))
            seen = {}
            for word, one in list(known.items())[:KEPT_MAX]:
                address, at, ttl = (
                    _number(word, family),
                    _seconds(_mapping(one).get("seen")),
                    _seconds(_mapping(one).get("ttl_s")),
                )
                if address is not None and at is not None and ttl is not None:
                    age = min(max(0, round((wall - at) * SECOND)), _AGE_MAX)
                    seen[address] = Seen(now - age, min(round(ttl * SECOND), _AGE_MAX))
            found[Question(str(name), family)] = seen
    return found


def _mapping(value: object) -> Mapping[Any, Any]:
    return value if isinstance(value, dict) else {}


def _seconds(value: object) -> float | None:
    good = isinstance(value, int | float) and not isinstance(value, bool) and 0 <= value < 1e11
    return float(value) if good and isinstance(value, int | float) else None


def _number(word: object, family: Family) -> int | None:
    try:
        number = int((IPv4Address if family == 4 else IPv6Address)(str(word)))
    except AddressValueError:
        return None
    return number if usable(number, family) else None


def _made(address: int, family: Family) -> IPv4Address | IPv6Address:
    return IPv4Address(address) if family == 4 else IPv6Address(address)
