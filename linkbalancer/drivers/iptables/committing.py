"""Changes of the table mangle by python-iptables: all of a family's at the same instant, and one process at a time.

libiptc reads the whole table and puts a whole one in its place, whoever has changed it meanwhile; so everybody who
changes it takes the same lock. python-iptables takes none. The lock of the iptables programs is taken where this
process may open it, and one of our own, of the network namespace, in any case.
"""

import fcntl
import importlib
import os
import warnings
from collections.abc import Collection, Iterator, Mapping, Sequence
from contextlib import contextmanager, suppress
from types import ModuleType
from typing import Final

from linkbalancer.drivers.errors import DriverError
from linkbalancer.drivers.iptables.render import HOOKS
from linkbalancer.drivers.iptables.rule import Options, Rule
from linkbalancer.routing.dispatch import Family

LOCK: Final = "/run/xtables.lock"
_NAMESPACE: Final = "/proc/self/ns/net"


@contextmanager
def locked() -> Iterator[None]:
    """Keep others from changing the table."""
    opened = []
    for path in (os.environ.get("XTABLES_LOCKFILE", LOCK), _NAMESPACE):
        with suppress(OSError):
            opened.append(os.open(path, os.O_RDONLY | os.O_CLOEXEC | (0 if path == _NAMESPACE else os.O_CREAT), 0o600))
    try:
        for one in opened:
            fcntl.flock(one, fcntl.LOCK_EX)
        yield
    finally:
        for one in opened:
            fcntl.flock(one, fcntl.LOCK_UN)  # a child that was forked meanwhile has it open too
            os.close(one)


def unusable() -> str | None:
    """Return why python-iptables cannot be used here, None where it can."""
    try:
        _library()
    except DriverError as error:
        return str(error)
    return None


def commit(family: Family, chains: Mapping[str, Sequence[Rule]], gone: Collection[str] = ()) -> None:
    """Make these chains hold these rules alone, delete others, and have the kernel's own chains lead to ours.

    All at the same instant; the caller has the lock. Raises DriverError, and then nothing has changed.
    """
    iptc = _library()
    operation = f"change the table mangle of {'iptables' if family == 4 else 'ip6tables'}"
    refusals = (iptc.IPTCError, iptc.xtables.XTablesError, ValueError, AttributeError)
    try:
        change = _Change(iptc, family)
    except refusals as error:
        raise DriverError(f"{operation}: {error}", 0, retry=True) from error
    try:
        change.make(chains, gone)
    except refusals as error:
        raise DriverError(f"{operation}: {error}", 0, retry=True) from error
    finally:
        change.close()  # a forked child has none of our descriptors, and must not close another one for this


def _library() -> ModuleType:
    """Return python-iptables. Raises DriverError."""
    try:
        with warnings.catch_warnings():  # Python warns of its source, once
            warnings.simplefilter("ignore")
            return importlib.import_module("iptc")
    except Exception as error:  # it dies of whatever library is missing, by whatever exception
        what = "python-iptables cannot be used: install the package iptables, and linkbalancer[iptables]"
        raise DriverError(f"{what} ({type(error).__name__}: {error})", 0, retry=False) from error


class _Change:
    """One exchange of a family's table."""

    def __init__(self, iptc: ModuleType, family: Family) -> None:
        self._iptc, self._rule = iptc, iptc.Rule if family == 4 else iptc.Rule6
        self._table = (iptc.Table if family == 4 else iptc.Table6)("mangle", autocommit=False)
        self._table.refresh()

    def close(self) -> None:
        self._table.close()

    def make(self, chains: Mapping[str, Sequence[Rule]], gone: Collection[str]) -> None:
        for name in chains:
            if self._table.is_chain(name):
                self._table.flush_entries(name)
            else:
                self._table.create_chain(name)
        for hook, ours in HOOKS.items():
            if ours in chains or ours in gone:
                self._hook(hook, ours, leads=ours in chains)
        for name in gone:
            self._table.flush_entries(name)
        for name, rules in chains.items():
            chain = self._iptc.Chain(self._table, name)
            for rule in rules:
                chain.append_rule(self._made(rule))
        for name in gone:
            self._table.delete_chain(name)
        self._table.commit()

    def _hook(self, hook: str, ours: str, *, leads: bool) -> None:
        """Have one of the kernel's chains lead to ours by its first rule, and by that alone, or not at all."""
        chain = self._iptc.Chain(self._table, hook)
        for rule in [rule for rule in chain.rules if rule.target.name == ours]:
            chain.delete_rule(rule)
        if leads:
            chain.insert_rule(self._made(Rule(ours, returns=True)))

    def _made(self, rule: Rule) -> object:
        """Return a rule as python-iptables has it."""
        made = self._rule()
        if rule.source:
            made.src = rule.source
        if rule.destination:
            made.dst = rule.destination
        if rule.device:
            made.in_interface = rule.device
        if rule.protocol is not None:
            made.protocol = str(rule.protocol)
        for name, options in rule.matches:
            _give(made.create_match(name), options)
        if rule.target:
            _give(made.create_target(rule.target), rule.options)
        else:
            made.create_target(rule.chain, goto=not rule.returns)
        return made


def _give(part: object, options: Options) -> None:
    for name, value in options:
        setattr(part, name.replace("-", "_"), value)
