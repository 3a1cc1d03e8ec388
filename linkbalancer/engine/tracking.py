"""What the checker believes, and what that does to the groups: their priority, their faults, whether a gateway answers.

Unknown changes nothing (L8): a checker that is gone, or has no result yet, leaves what was believed before. Only what
was never known since the start is a fault where a group may not run without it (VRRP fact sheet 10.2).
"""

from collections.abc import Iterator, Mapping
from dataclasses import dataclass, field, replace
from ipaddress import IPv4Address
from typing import Any

from linkbalancer.clock import MILLISECOND, Instant
from linkbalancer.engine.effects import Record
from linkbalancer.health.influence import Influence, effective
from linkbalancer.health.report import Report, Reports, from_json, to_json
from linkbalancer.links import GroupId

_WORDS = {True: "is good", False: "fails", None: "is not known yet"}
_GATEWAY = {True: "answers", False: "does not answer", None: "is not known yet"}
_END = {True: "carries IPv6 again", False: "carries IPv6 no more", None: "may carry IPv6 again"}


@dataclass(frozen=True, slots=True)
class Checked:
    """The checker tells what it believes."""

    reports: Reports


@dataclass(slots=True)
class Tracking:
    """What is believed of every tracker, every static group's gateway, and every far end over IPv6 that is asked.

    `influences`: what trackers do to each group; a group without any may be missing.
    """

    influences: Mapping[GroupId, Mapping[str, Influence]]
    trackers: dict[str, Report] = field(default_factory=dict)
    gateways: dict[str, Report] = field(default_factory=dict)
    ends: dict[str, Report] = field(default_factory=dict)

    def take(self, event: Checked) -> tuple[list[Record], set[GroupId]]:
        """Take in what the checker says; return what is worth a record, and the groups that it is news for."""
        told = event.reports
        if told.whole:
            used = {name for group in self.influences.values() for name in group}
            for name in self.trackers.keys() - told.trackers.keys() - used:
                del self.trackers[name]
        records: list[Record] = []
        touched: set[GroupId] = set()
        for name, report in told.trackers.items():
            before = self.trackers.get(name)
            after = self.trackers[name] = _joined(before, report)
            if _differ(before, after):
                fields = (("tracker", name), *((("value", after.value),) if after.value is not None else ()))
                words = _in_words(f"tracker {name} {_WORDS[after.ok]}", after.text)
                records.append(Record("tracker", name, words, fields))
                touched |= {group for group, names in self.influences.items() if name in names}
        for key, report in told.gateways.items():
            before = self.gateways.get(key)
            after = self.gateways[key] = _joined(before, report)
            if _differ(before, after):
                text = _in_words(f"its gateway {_GATEWAY[after.ok]}", after.text)
                records.append(Record("gateway", f"VID {key}", text, (("vid", int(key)),)))
                touched.add(GroupId(int(key)))
        return [*records, *self._take_ends(told)], touched

    def _take_ends(self, told: Reports) -> Iterator[Record]:
        """Take in how far ends over IPv6 are; yield what is worth a record: not that one answers as it should."""
        for way in self.ends.keys() - told.ends.keys() if told.whole else ():
            del self.ends[way]
        for way, report in told.ends.items():
            before = self.ends.get(way)
            after = self.ends[way] = _joined(before, report)
            if _differ(before, after) and (after.ok is False or (before is not None and before.ok is False)):
                yield Record("ipv6", way, _in_words(f"{_END[after.ok]}: {after.kind}", after.text), _named(way))

    def base(self, group: GroupId, configured: int, *, lowest: int = 1) -> int:
        """Return a group's priority with all weights: what stands in place of the configured one."""
        added = (
            influence.adds(ok=report.ok, value=report.value)
            for name, influence in self.influences.get(group, {}).items()
            if (report := self.trackers.get(name)) is not None
        )
        return effective(configured, added, lowest=lowest)

    def fault(self, group: GroupId) -> str | None:
        """Say which trackers keep a group from running, None when none does."""
        some = [
            f"tracker {name} {_WORDS[ok]}"
            for name, influence in self.influences.get(group, {}).items()
            if influence.faults(ok=(ok := self._ok(name)))
        ]
        return ", ".join(some) or None

    def works(self, group: GroupId) -> bool | None:
        """Return whether a static group's gateway is believed to answer."""
        report = self.gateways.get(str(group))
        return None if report is None else report.ok

    def reports(self) -> Reports:
        """Return all that is believed, for a checker that begins."""
        return Reports(dict(self.trackers), dict(self.gateways), dict(self.ends), whole=True)

    def take_snapshot(self) -> dict[str, Any]:
        """Return all that is believed as JSON-able values, for a successor."""
        return to_json(self.reports())

    def recall(self, left: object) -> None:
        """Go on from what a predecessor believed; what makes no sense is nothing."""
        try:
            reports = from_json(left)  # type: ignore[arg-type]
        except (AttributeError, KeyError, TypeError):
            return
        self.trackers.update(reports.trackers)
        self.gateways.update(reports.gateways)
        self.ends.update(reports.ends)

    def describe(self, now: Instant) -> dict[str, Any]:
        """Return what each tracker is, since when, its last words, and what it does to each group; JSON-able."""
        used = {name for group in self.influences.values() for name in group}
        return {name: self._described(now, name) for name in sorted({*self.trackers, *used})}

    def gateway(self, now: Instant, group: GroupId, address: IPv4Address | None) -> dict[str, Any]:
        """Return what is believed of a static group's gateway, JSON-able; nothing where a group has none."""
        if address is None:
            return {}
        report = self.gateways.get(str(group), Report("gateway", ok=None, since=now, text="not probed yet"))
        found = {
            "address": str(address),
            "answers": report.ok,
            "since_ms": max(0, now - report.since) // MILLISECOND,
            "text": report.text,
            "probes": [{"probe": part.what, "ok": part.ok, "text": part.text} for part in report.parts],
        }
        return {"gateway": found}

    def _described(self, now: Instant, name: str) -> dict[str, Any]:
        report = self.trackers.get(name, Report("", ok=None, since=now, text="the checker has not spoken of it yet"))
        groups = {
            str(group): {
                "influence": str(names[name]),
                "adds": names[name].adds(ok=report.ok, value=report.value),
                "fault": names[name].faults(ok=report.ok),
            }
            for group, names in sorted(self.influences.items())
            if name in names
        }
        return {
            "kind": report.kind,
            "ok": report.ok,
            "value": report.value,
            "since_ms": max(0, now - report.since) // MILLISECOND,
            "text": report.text,
            "groups": groups,
        }

    def _ok(self, name: str) -> bool | None:
        report = self.trackers.get(name)
        return None if report is None else report.ok


def _joined(before: Report | None, report: Report) -> Report:
    """Return what is believed now: what is not known leaves what was."""
    if before is None or report.ok is not None or before.ok is None or before.kind != report.kind:
        return report
    return replace(before, text=report.text or before.text)


def _named(way: str) -> tuple[tuple[str, str | int], ...]:
    """Return how the fields of a record name a way, `link l1` or `VID 3`."""
    kind, _, name = way.partition(" ")
    return (("link", name),) if kind == "link" else (("vid", int(name)),)


def _differ(before: Report | None, after: Report) -> bool:
    """Whether a report says something that matters."""
    if before is None:
        return after.ok is not None
    return (before.ok, before.value) != (after.ok, after.value)


def _in_words(what: str, text: str) -> str:
    return f"{what}: {text}" if text else what
