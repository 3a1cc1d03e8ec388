"""Routing rules and routes of others that meet ours, and ours that are missing."""

from collections.abc import Iterable, Iterator
from typing import Final

from linkbalancer.engine.preflight import catalogue
from linkbalancer.engine.preflight.finding import Finding, RunCommand
from linkbalancer.engine.preflight.observed import Observed, Rule, Wanted
from linkbalancer.routing.marks import OWN_TRAFFIC_PRIORITY, Marks
from linkbalancer.routing.plan import routing_rules

OUR_PROTOCOL: Final = 112
_TABLES: Final = 512
_PRIORITIES: Final = 546
_LOCAL, _MAIN = 255, 254
_NOWHERE: Final = "ip rule: no rule looks up local"


def judge(wanted: Wanted, observed: Observed) -> Iterator[Finding]:
    """Yield what is wrong with rules and routes."""
    marks = wanted.config.marks
    ours = range(marks.table_base, marks.table_base + _TABLES)
    planned = {(rule.priority, rule.mark, rule.mask, rule.table) for rule in _planned(wanted)}
    if observed.rules is not None:
        yield from _kernels(observed.rules, marks)
        present = {(rule.priority, rule.mark, rule.mask, rule.table) for rule in observed.rules}
        for rule in observed.rules:
            if rule.protocol != OUR_PROTOCOL:
                yield from _foreign(rule, marks, ours)
        if observed.running:
            for priority, mark, mask, table in sorted(planned - present):
                subject = f"priority {priority}"
                seen = f"ip rule: no rule for mark {mark:#x}/{mask:#x} to table {table}"
                yield Finding(catalogue.RULE_MISSING, subject, seen)
    for route in observed.routes or ():
        seen = f"ip route show table {route.table}: {route.text}"
        if route.table in ours and route.protocol != OUR_PROTOCOL:
            yield Finding(catalogue.TABLE_TAKEN, f"table {route.table}", seen)
        elif route.table not in ours and route.protocol == OUR_PROTOCOL:
            yield Finding(catalogue.PROTOCOL_TAKEN, f"table {route.table}", seen)


def _kernels(rules: Iterable[Rule], marks: Marks) -> Iterator[Finding]:
    """Yield the kernel's own rules that somebody has moved or removed; ours rest on them."""
    plain = [rule for rule in rules if rule.protocol != OUR_PROTOCOL]
    local = [rule.priority for rule in plain if rule.text == f"from all lookup {_LOCAL}"]
    first = min(local, default=None)
    if first is None or first >= marks.rule_base:
        seen = f"ip rule: lookup local at priority {first}, ours from {marks.rule_base} on"
        steps = (RunCommand(("ip", "rule", "add", "priority", "0", "lookup", "local")),)
        yield Finding(catalogue.LOCAL_RULE_LATE, "local", seen if first is not None else _NOWHERE, steps)
    if not any(rule.text == f"from all lookup {_MAIN}" for rule in plain):
        steps = (RunCommand(("ip", "rule", "add", "priority", "32766", "lookup", "main")),)
        yield Finding(catalogue.MAIN_RULE_MISSING, "main", "ip rule: no rule looks up main for everything", steps)


def _planned(wanted: Wanted) -> Iterator[Rule]:
    for rule in routing_rules(wanted.config.vids, wanted.config.marks):
        yield Rule(rule.priority, "", rule.table, OUR_PROTOCOL, rule.mark, rule.mask)


def _foreign(rule: Rule, marks: Marks, ours: range) -> Iterator[Finding]:
    """Judge a rule of somebody else; the kernel's own stand at 0, 32766 and 32767."""
    seen = f"ip rule: {rule.priority}: {rule.text}"
    subject = f"priority {rule.priority}"
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
