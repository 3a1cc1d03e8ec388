"""The values that Keepalived's statements have: numbers, seconds, yes and no, names; read, or said to be wrong."""

import re
from decimal import Decimal, InvalidOperation
from typing import Final

from linkbalancer.clock import SECOND, Duration
from linkbalancer.config.findings import shown
from linkbalancer.config.keepalived.statements import Ledger, Statement
from linkbalancer.config.rulefields import NAME

_SWITCHES: Final = {"on": True, "true": True, "yes": True, "off": False, "false": False, "no": False}
_ACCOUNT: Final = re.compile(r"[A-Za-z_][A-Za-z0-9_.-]{0,31}", re.ASCII)
_UNFIT: Final = re.compile(r"[^A-Za-z0-9_.-]+", re.ASCII)


def integer(ledger: Ledger, statement: Statement, low: int, high: int) -> int | None:
    """Return a statement's number; None, and a remark, where it has none that can be."""
    number = whole(statement.values[0]) if statement.values else None
    if number is None or not low <= number <= high:
        ledger.lost(statement, f"{_said(statement)} is no number from {low} to {high}", "write one")
        return None
    ledger.carried(statement, 2)
    return number


def seconds(ledger: Ledger, statement: Statement, low: Duration, high: Duration) -> Duration | None:
    """Return a statement's time (in the file: seconds, with a fraction); None, and a remark, where it has none."""
    try:
        given = Decimal(statement.values[0]) if statement.values else Decimal("NaN")
        time = int(given * SECOND) if given.is_finite() and abs(given) < 10**9 else None
    except InvalidOperation:
        time = None
    if time is None or not low <= time <= high:
        what = f"{_said(statement)} is no time from {low / SECOND:g} to {high / SECOND:g} seconds"
        ledger.lost(statement, what, "write one")
        return None
    ledger.carried(statement, 2)
    return time


def switch(ledger: Ledger, statement: Statement) -> bool | None:
    """Return whether a statement says yes: alone, or by its word; None, and a remark, for any other word."""
    if not statement.values:
        ledger.carried(statement)
        return True
    value = _SWITCHES.get(statement.values[0])
    if value is None:
        ledger.lost(statement, f"{_said(statement)} is neither on nor off", "write on or off")
        return None
    ledger.carried(statement, 2)
    return value


def text(ledger: Ledger, statement: Statement) -> str | None:
    """Return a statement's one word; None, and a remark, where it has none."""
    if not statement.values or not statement.values[0]:
        ledger.lost(statement, f"{statement.keyword} says nothing", "write its value after it")
        return None
    ledger.carried(statement, 2)
    return statement.values[0]


def account(ledger: Ledger, statement: Statement) -> str | None:
    """Return the user of this host that a statement names; None, and a remark, where it names none that can be."""
    name = text(ledger, statement)
    if name is None or is_account(name):
        return name
    ledger.lost(statement, f"{_said(statement)} is no user's name", "write one")
    return None


def is_account(name: str) -> bool:
    """Whether a user of this host may have that name."""
    return _ACCOUNT.fullmatch(name) is not None


def whole(word: str) -> int | None:
    """Return a whole number as Keepalived reads it: decimal, with a sign perhaps; None for anything else."""
    return int(word) if re.fullmatch(r"[-+]?[0-9]{1,9}", word, re.ASCII) else None


def fitting_name(word: str, taken: set[str]) -> str:
    """Return a name for our configuration that is as near to a word as may be, and not taken yet; it is then."""
    base = _UNFIT.sub("-", word).strip("-.")[:28] or "unnamed"
    if not NAME.fullmatch(base):
        base = f"n-{base}"[:28]
    name, number = base, 1
    while name in taken:
        number += 1
        name = f"{base}-{number}"
    taken.add(name)
    return name


def _said(statement: Statement) -> str:
    return " ".join((statement.keyword, *map(shown, statement.values[:1])))
