"""Rules of a firewall that refuse: everything, or whatever comes by another way than its answers would go."""

from collections.abc import Iterator
from typing import Any, Final

_SILENT: Final = {"counter", "log"}
"""Statements beside which a verdict still takes everything."""
_REFUSALS: Final = {"drop", "reject"}
_TARGETS: Final = {"REJECT", "DROP"}


def refuses_all(expressions: list[Any]) -> bool:
    """Return whether a rule drops or rejects every packet that gets as far as it."""
    left = [one for one in expressions if not (isinstance(one, dict) and _SILENT & one.keys())]
    return len(left) == 1 and _refuses(left[0])


def reverse(family: str, expressions: list[Any]) -> Iterator[str]:
    """Yield what a rule writes that drops by the way back to a source; one for IPv6 alone concerns no steering."""
    if family == "ip6" or any(_is_ipv6(one) for one in expressions):
        return
    if any(_refuses(one) for one in expressions):
        for one in expressions:
            match = one.get("match", {}) if isinstance(one, dict) else {}
            fib = match.get("left", {}).get("fib", {}) if isinstance(match.get("left"), dict) else {}
            if "saddr" in fib.get("flags", ()) and fib.get("result") == "oif" and match.get("right") in _MISSING:
                yield f"fib {' . '.join(fib['flags'])} oif missing drop"


_MISSING: Final = (False, 0, "0")
"""How nft writes that there is no way back."""


def _refuses(statement: object) -> bool:
    """Return whether a statement is a verdict that ends a packet; what iptables wrote, nft shows as `xt`."""
    if not isinstance(statement, dict):
        return False
    target = statement.get("xt")
    return bool(_REFUSALS & statement.keys()) or (isinstance(target, dict) and target.get("name") in _TARGETS)


def _is_ipv6(statement: object) -> bool:
    match = statement.get("match", {}) if isinstance(statement, dict) else {}
    return match.get("left") == {"meta": {"key": "nfproto"}} and match.get("right") == "ipv6"
