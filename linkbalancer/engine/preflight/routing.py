"""Routing rules and routes of others that meet ours, and ours that are missing."""

from collections.abc import Iterable, Iterator
from dataclasses import dataclass
from typing import Final

from linkbalancer.engine.preflight import catalogue
from linkbalancer.engine.preflight.finding import Finding, Kind, RunCommand
from linkbalancer.engine.preflight.observed import Observed, Route, Rule, Wanted
from linkbalancer.routing.marks import OWN_TRAFFIC_PRIORITY, Marks
from linkbalancer.routing.plan import routing_rules

OUR_PROTOCOL: Final = 112
_TABLES: Final = 512
_PRIORITIES: Final = 546
_LOCAL, _MAIN = 255, 254


@dataclass(frozen=True, slots=True)
class _Host:
    """The routing of a host in one family: `ip` is the program that shows it, `mark` what its subjects bear."""

    ip: tuple[str, ...]
    mark: str
    rules: tuple[Rule, ...] | None
    routes: tuple[Route, ...] | None

    def subject(self, what: str) -> str:
        """Name what is wrong here."""
        return f"{what}{self.mark}"

    def seen(self, what: str) -> str:
        """Say what the program shows."""
        return f"{' '.join(self.ip)} {what}"

    def repaired(self, kind: Kind, subject: str, seen: str, rule: str) -> Finding:
        """Return a finding that goes when one of the kernel's own rules is added."""
        words = (*self.ip, "rule", "add", *rule.split())
        more = {"mend": kind.mend.replace("ip rule", f"{' '.join(self.ip)} rule")}
        return Finding(kind, self.subject(subject), self.seen(seen), (RunCommand(words),), more)


def judge(wanted: Wanted, observed: Observed) -> Iterator[Finding]:
    """Yield what is wrong with rules and routes: of IPv4, and of IPv6 where that is steered."""
    yield from _judge(wanted, observed, _Host(("ip",), "", observed.rules, observed.routes))
    if wanted.steers_ipv6:
        yield from _judge(wanted, observed, _Host(("ip", "-6"), " (IPv6)", observed.rules6, observed.routes6))


def _judge(wanted: Wanted, observed: Observed, host: _Host) -> Iterator[Finding]:
    marks = wanted.config.marks
    ours = range(marks.table_base, marks.table_base + _TABLES)
    if host.rules is not None:
        yield from _kernels(host, host.rules, marks)
        for rule in host.rules:
            if rule.protocol != OUR_PROTOCOL:
                yield from _foreign(host, rule, marks, ours)
        yield from _missing(host, host.rules, wanted) if observed.running else ()
    for route in host.routes or ():
        subject = host.subject(f"table {route.table}")
        seen = host.seen(f"route show table {route.table}: {route.text}")
        if route.table in ours and route.protocol != OUR_PROTOCOL:
            yield Finding(catalogue.TABLE_TAKEN, subject, seen)
        elif route.table not in ours and route.protocol == OUR_PROTOCOL:
            yield Finding(catalogue.PROTOCOL_TAKEN, subject, seen)


def _missing(host: _Host, rules: Iterable[Rule], wanted: Wanted) -> Iterator[Finding]:
    """Yield ours that are not there; they are the same in both families."""
    planned = {(rule.priority, rule.mark, rule.mask, rule.table) for rule in _planned(wanted)}
    present = {(rule.priority, rule.mark, rule.mask, rule.table) for rule in rules}
    for priority, mark, mask, table in sorted(planned - present):
        seen = host.seen(f"rule: no rule for mark {mark:#x}/{mask:#x} to table {table}")
        yield Finding(catalogue.RULE_MISSING, host.subject(f"priority {priority}"), seen)


def _kernels(host: _Host, rules: Iterable[Rule], marks: Marks) -> Iterator[Finding]:
    """Yield the kernel's own rules that somebody has moved or removed; ours rest on them."""
    plain = [rule for rule in rules if rule.protocol != OUR_PROTOCOL]
    local = [rule.priority for rule in plain if rule.text == f"from all lookup {_LOCAL}"]
    first = min(local, default=None)
    if first is None or first >= marks.rule_base:
        seen = f"rule: lookup local at priority {first}, ours from {marks.rule_base} on"
        seen = "rule: no rule looks up local" if first is None else seen
        yield host.repaired(catalogue.LOCAL_RULE_LATE, "local", seen, "priority 0 lookup local")
    if not any(rule.text == f"from all lookup {_MAIN}" for rule in plain):
        seen = "rule: no rule looks up main for everything"
        yield host.repaired(catalogue.MAIN_RULE_MISSING, "main", seen, "priority 32766 lookup main")


def _planned(wanted: Wanted) -> Iterator[Rule]:
    for rule in routing_rules(wanted.config.vids, wanted.config.marks):
        yield Rule(rule.priority, "", rule.table, OUR_PROTOCOL, rule.mark, rule.mask)


def _foreign(host: _Host, rule: Rule, marks: Marks, ours: range) -> Iterator[Finding]:
    """Judge a rule of somebody else; the kernel's own stand at 0, 32766 and 32767."""
    seen = host.seen(f"rule: {rule.priority}: {rule.text}")
    subject = host.subject(f"priority {rule.priority}")
    if rule.table in ours:
        yield Finding(catalogue.TABLE_TAKEN, subject, seen)
    if rule.mask & marks.rule_mask:
        bits = rule.mask & marks.rule_mask
        words = f"{seen}; it looks at our bits {bits:#010x}{_culprit(rule)}"
        yield Finding(catalogue.RULE_TAKES_MARKS, subject, words)
    elif 0 < rule.priority < marks.rule_base:
        yield Finding(catalogue.RULE_BEFORE_OURS, subject, seen)
    if marks.rule_base <= rule.priority < marks.rule_base + _PRIORITIES or rule.priority == OWN_TRAFFIC_PRIORITY:
        yield Finding(catalogue.RULE_NUMBER, subject, seen)


def _culprit(rule: Rule) -> str:
    """Name who is known for such a rule."""
    if rule.mask == 0xFF0000 and rule.mark == 0x80000:
        return " (Tailscale's)"
    if rule.mark == 0xCA6C:
        return " (wg-quick's)"
    return ""
