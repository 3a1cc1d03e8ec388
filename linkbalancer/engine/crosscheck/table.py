"""The routing table that answers, by which rule: the VID's, or what somebody else put before it."""

import errno
from collections.abc import Mapping
from dataclasses import dataclass
from typing import Any, Final

from linkbalancer.engine.crosscheck.expected import Expected, bound, packet_mark
from linkbalancer.engine.crosscheck.filtered import SOURCE_REFUSED, refused_source
from linkbalancer.engine.crosscheck.iprule import MAIN_TABLE, NO_WAY, IpRule, lookups, table_name
from linkbalancer.engine.crosscheck.line import Line, differs, note, same
from linkbalancer.engine.crosscheck.observed import Answer, Flow, Seen
from linkbalancer.engine.halves import NO_FAR_END
from linkbalancer.links import Vid

_NOT_FOUND: Final = {errno.ENETUNREACH, errno.EHOSTUNREACH, errno.EACCES}
_LAST: Final = 32765
"""The last priority before the kernel's rule for the main table."""
_EVERYBODYS: Final = {0, 2, 3, 4}
"""Tags that name nobody: none, the kernel, `boot`, `static`."""
_KERNEL: Final = 2
"""The tag on routes that come with an address."""
_MEND: Final = ("linkbalancer doctor", "systemctl restart linkbalancer")


def judge(expected: Expected, flow: Flow, seen: Seen, number: Vid | None, *, blamed: bool) -> Line:
    """Compare for a packet with a VID's mark, or (None) without.

    `blamed`: something before explains it already where there is just no route.
    """
    mark = packet_mark(expected, seen, flow) if number is not None else 0
    search = _Search(expected, flow, seen, number, lookups(seen.rules, flow.packet, mark, flow.device), blamed)
    return search.unmarked() if number is None else search.marked(number)


@dataclass(frozen=True, slots=True)
class _Search:
    """What the kernel goes through for one packet: `taken` are the rules that mean it, in order."""

    expected: Expected
    flow: Flow
    seen: Seen
    number: Vid | None
    taken: tuple[IpRule, ...]
    blamed: bool

    def unmarked(self) -> Line:
        """Judge the way of a packet that goes by the main table."""
        wanted = "the main table"
        if self.seen.answer.error:
            return self._dropped(wanted)
        words = self._by()
        return same("table", wanted, words) if self.seen.answer.table == MAIN_TABLE else note("table", words)

    def marked(self, number: Vid) -> Line:
        """Judge the way of a packet with a VID's mark."""
        answer, marks = self.seen.answer, self.expected.config.marks
        table = marks.table(number, guard=self._guard)
        wanted = f"{table} by rule {marks.rule_priority(number, guard=self._guard)}"
        group = self.expected.group(number)
        hop = (self.expected.hop(number, self.flow) or {}).get("kind")
        if answer.error:
            if hop == "unreachable" and self._ruled(number) and answer.error in _NOT_FOUND and not self._strangers():
                words = f"{wanted}: unreachable"
                return same("table", words, words, self._why(group), group.get("since_ms"))
            return self._dropped(wanted)
        if answer.table == table or (hop == "main" and answer.table == MAIN_TABLE):
            return same("table", wanted, self._by())
        return self._astray(wanted, number)

    def _why(self, group: Mapping[str, Any]) -> str:
        """Say why the VID has no way: in this family alone, or at all."""
        if self.flow.packet.source.version == 6 and (group.get("hop") or {}).get("kind") != "unreachable":
            return str(group.get("why6") or NO_FAR_END)
        return str(group.get("why") or "")

    @property
    def _guard(self) -> bool:
        """Whether the packet goes by the VID's second table."""
        return bound(self.expected, self.seen, self.flow) is not None

    def _ruled(self, number: Vid) -> bool:
        """Return whether the VID's own rule is there."""
        table = self.expected.config.marks.table(number, guard=self._guard)
        return any(rule.ours and rule.table == table for rule in self.taken)

    def _unruled(self, wanted: str, number: Vid, kernel: str) -> Line:
        priority = self.expected.config.marks.rule_priority(number, guard=self._guard)
        why = f"Our rule {priority} is not there, so nobody looks at the mark."
        return differs("table", wanted, kernel, why, *_MEND)

    def _by(self) -> str:
        """Name the table that answered, and the rule that leads there."""
        rule = _decider(self.seen.answer, self.taken)
        return table_name(self.seen.answer.table) + ("" if rule is None else f" by rule {rule.priority}")

    def _strangers(self) -> list[IpRule]:
        """Return the rules of others that come before ours and mean the packet; the kernel's own at 0 is none."""
        marks = self.expected.config.marks
        last = _LAST if self.number is None else marks.rule_priority(self.number)
        return [rule for rule in self.taken if not rule.ours and 0 < rule.priority <= last]

    def _astray(self, wanted: str, number: Vid) -> Line:
        """Explain an answer from another table than the VID's."""
        answer, marks = self.seen.answer, self.expected.config.marks
        decider = _decider(answer, self.taken)
        kernel = f"{self._by()}, {answer.prefix}"
        if decider is not None and decider.ours and decider.priority == marks.main_priority:
            if answer.protocol == _KERNEL:
                return note("table", kernel, "It is near: what this host is on itself is never sent round a link.")
            why = f"The main table has a route of its own to {answer.prefix}, and what it has goes before every VID."
            return differs("table", wanted, kernel, why, f"ip route del {answer.prefix}  # if it is not meant")
        if (
            decider is not None
            and not decider.ours
            and decider.priority <= marks.rule_priority(number, guard=self._guard)
        ):
            why = f"A rule that is not ours comes first and takes the packet: `{decider}`{_whose(decider)}."
            last = marks.rule_priority(255, guard=True)
            remedy = f"ip rule del priority {decider.priority}  # or give it a priority after {last}"
            return differs("table", wanted, kernel, why, remedy)
        if not self._ruled(number):
            return self._unruled(wanted, number, kernel)
        table = marks.table(number, guard=self._guard)
        why = f"Table {table} has no way for it, not even `unreachable`: the search goes on below it."
        return differs("table", wanted, kernel, why, *_MEND)

    def _dropped(self, wanted: str) -> Line:
        """Explain why the kernel has no way at all."""
        answer, flow, strangers = self.seen.answer, self.flow, self._strangers()
        said = f"dropped: {errno.errorcode.get(answer.error, answer.error)}"
        ending = next((rule for rule in strangers if rule.action in NO_WAY), None)
        if ending is not None:
            why = f"A rule that is not ours comes first and ends the search: `{ending}`{_whose(ending)}."
            return differs("table", wanted, said, why, f"ip rule del priority {ending.priority}")
        accepted = self.seen.unchecked is not None and not self.seen.unchecked.error
        if answer.error in SOURCE_REFUSED and accepted and flow.device is not None:
            return differs("table", wanted, f"{said}, its source", *refused_source(flow.packet, flow.device, self.seen))
        version = flow.packet.source.version
        if self.seen.switches.get(f"ipv{version}/conf/{flow.device}/forwarding") == "0":
            why = f"Nothing that enters by {flow.device} is forwarded: its switch `forwarding` is 0."
            return differs("table", wanted, said, why, f"sysctl -w net.ipv{version}.conf.{flow.device}.forwarding=1")
        if strangers:
            named = ", ".join(f"`{rule}`{_whose(rule)}" for rule in strangers)
            why = f"Before ours, rules that are not ours lead to other tables: {named}."
            return differs("table", wanted, said, why, *(f"ip route show table {rule.table}" for rule in strangers))
        return self._no_route(wanted, said)

    def _no_route(self, wanted: str, said: str) -> Line:
        """Explain a lookup that found nothing, for want of a rule or a route."""
        flow = self.flow
        if self.blamed:
            return note("table", said, "There is no route without what differs above.")
        if self.number is None:
            why = f"No table has a way to {flow.packet.destination}."
            return differs("table", wanted, said, why, f"ip route get {flow.packet.destination}")
        if not self._ruled(self.number):
            return self._unruled(wanted, self.number, said)
        table = self.expected.config.marks.table(self.number, guard=self._guard)
        why = f"Table {table} has no way for it: its route is gone (as it goes with its device), or another's ends it."
        remedy = (f"ip route show table {table}", "linkbalancer status", "linkbalancer history")
        return differs("table", wanted, said, why, *remedy)


def _decider(answer: Answer, taken: tuple[IpRule, ...]) -> IpRule | None:
    """Return the rule by which the table that answered was asked; one that leaves out defaults found none of them."""
    default = answer.prefix is not None and answer.prefix.endswith("/0")
    asked = (rule for rule in taken if rule.table == answer.table)
    return next((rule for rule in asked if not (default and rule.suppress_prefixlength == 0)), None)


def _whose(rule: IpRule) -> str:
    return "" if rule.protocol in _EVERYBODYS else f" (protocol {rule.protocol}, see /etc/iproute2/rt_protos)"
