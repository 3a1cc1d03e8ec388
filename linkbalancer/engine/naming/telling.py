"""What is told of names: in sentences for the history, and for whoever asks."""

from collections.abc import Iterator, Mapping
from collections.abc import Set as AbstractSet
from ipaddress import IPv4Address, IPv6Address
from typing import Final

from linkbalancer.engine.naming.ledger import Ledger
from linkbalancer.engine.naming.message import Question

SHOWN: Final = 6
"""Addresses or names that are named before the rest is counted."""
RECORDS_MAX: Final = 20
"""Sentences of one change; of more, the rest is counted."""

Known = Mapping[Question, AbstractSet[int]]


def differences(before: Known, after: Known) -> Iterator[str]:
    """Yield what is new and what is gone of each question's addresses."""
    changed = [one for one in sorted(after) if after[one] != before.get(one, frozenset())]
    for question in changed[:RECORDS_MAX]:
        was, now = before.get(question, frozenset()), after[question]
        parts = [
            f"{word} {_listed(question, some)}" for word, some in (("with", now - was), ("without", was - now)) if some
        ]
        yield f"{question}: {', '.join(parts)}"
    if len(changed) > RECORDS_MAX:
        yield f"{len(changed) - RECORDS_MAX} more names have other addresses"


def outage(ledger: Ledger) -> str:
    """Say which names nobody answers at present; empty where all are answered."""
    failing = ledger.failing()
    if not failing:
        return ""
    names = list(dict.fromkeys(one.name for one in sorted(failing)))
    why = failing[min(failing)].why
    empty = [one for one in names if not any(ledger.addresses(one, family) for family in (4, 6))]
    stays = "their last addresses stay" if len(names) > 1 else "its last addresses stay"
    if len(empty) == len(names):
        stays = "no address was ever known, so no packet matches by them"
    return f"no resolver answers for {_few(names)}: {why}; {stays}"


def _few(names: list[str]) -> str:
    more = f" and {len(names) - SHOWN} more" if len(names) > SHOWN else ""
    return ", ".join(names[:SHOWN]) + more


def _listed(question: Question, some: AbstractSet[int]) -> str:
    make = IPv4Address if question.family == 4 else IPv6Address
    return _few([str(make(one)) for one in sorted(some)])
