"""What the VRRP of a gateway has counted, by the names of RFC 6527 and ietf-vrrp (RFC 8347), for status and metrics.

Interfaces count what cannot be ascribed to a group, or what the RFCs ascribe to none; groups the rest. What those know
no name for is here by the name of its row (VRRP fact sheet 4).
"""

from collections import Counter
from collections.abc import Iterable, Mapping
from dataclasses import dataclass
from typing import Any, Final

from linkbalancer.links import DeviceName, GroupId, GroupState
from linkbalancer.vrrp import events
from linkbalancer.vrrp.heard import LastHeard
from linkbalancer.vrrp.rejection import Rejection

OF_INTERFACE: Final = {
    Rejection.CHECKSUM: "checksum_errors",
    Rejection.VERSION: "version_errors",
    Rejection.VRID: "vrid_errors",
    Rejection.IP_TTL: "ip_ttl_errors",
    Rejection.PACKET_LENGTH: "packet_length_errors",
    Rejection.INVALID_TYPE: "invalid_type_rcvd",
    Rejection.IP_VERSION: "ip_header_errors",
    Rejection.IP_CHECKSUM: "ip_header_errors",
    Rejection.PROTOCOL: "ip_header_errors",
    Rejection.SOURCE: "ip_header_errors",
    Rejection.FRAGMENT: "fragments",
    Rejection.ADDRESS: "address_errors",
    Rejection.LOOPED: "looped",
}
"""What no group counts, and the rest where no group is known."""

OF_GROUP: Final = {
    Rejection.PACKET_LENGTH: "packet_length_errors",
    Rejection.ZERO_COUNT: "packet_length_errors",
    Rejection.INVALID_TYPE: "invalid_type_rcvd",
    Rejection.INVALID_AUTH_TYPE: "auth_type_invalid",
    Rejection.AUTH_TYPE_MISMATCH: "auth_type_mismatch",
    Rejection.AUTH_FAILURE: "auth_failures",
    Rejection.ZERO_INTERVAL: "interval_errors",
    Rejection.INTERVAL: "interval_errors",
    Rejection.ADDRESS_LIST: "address_list_errors",
    Rejection.FIRST_ADDRESS: "first_address_errors",
    Rejection.ADDRESS: "address_errors",
    Rejection.UNKNOWN_PEER: "unknown_peers",
    Rejection.LOOPED: "looped",
    Rejection.OWNER: "owner_discards",
}

SENT, RECEIVED = "adv_sent", "adv_rcvd"
ZERO_SENT, ZERO_RECEIVED = "priority_zero_sent", "priority_zero_rcvd"
MASTER_TRANSITIONS = "master_transitions"

INTERFACE_NAMES: Final = tuple(dict.fromkeys(OF_INTERFACE.values()))
GROUP_NAMES: Final = (
    MASTER_TRANSITIONS,
    RECEIVED,
    SENT,
    ZERO_RECEIVED,
    ZERO_SENT,
    *dict.fromkeys(OF_GROUP.values()),
)

NEW_MASTER_REASONS: Final = ("not-master", "priority", "preempted", "no-response")
LAST_EVENTS: Final = (
    "none",
    "startup",
    "shutdown",
    "higher-priority-backup",
    "master-timeout",
    "interface-up",
    "interface-down",
    "no-primary-ip",
    "primary-ip",
    "preempt-hold-timeout",
    "lower-priority-master",
    "owner-preempt",
    "claimed",
    "resigned",
    "synchronised",
)
"""Those of ietf-vrrp that can be here, and three of our own: fast follow, LVrrp's giving up, and the sync group."""


@dataclass(frozen=True, slots=True)
class Step:
    """What a router made of an event: its states before and after, the last advert it had heard, and its priority.

    `carrier` and `address`: whether its device has one.
    """

    event: events.Event
    before: GroupState
    after: GroupState
    heard: LastHeard | None
    priority: int
    carrier: bool = True
    address: bool = True

    def name(self, last: str) -> str | None:
        """Return what ietf-vrrp calls this, after `last`; None where it is nothing to tell."""
        match self.event:
            case events.Startup() | events.Resume():
                return self._start(last)
            case events.Shutdown() | events.SetPrimary(None):
                stopped = self.before is not self.after
                return self._stop() if stopped else None
            case events.Heard(priority=priority):
                worse = self.before is GroupState.BACKUP and 0 < priority < self.priority
                return self._change("higher-priority-backup") or ("lower-priority-master" if worse else None)
            case events.Tick():
                held = last == "lower-priority-master"
                return self._change("preempt-hold-timeout" if held else "master-timeout")
            case events.Claim():
                return self._change("claimed")
            case events.Resign():
                return self._change("resigned")
            case _:
                return self._change("synchronised")

    def new_master_reason(self) -> str:
        """Return why it became Master: elected by its priority, over a living Master, or because that fell silent."""
        if self.heard is not None and 0 < self.heard.priority < self.priority:
            return "preempted"
        left = self.heard is not None and self.heard.priority == 0
        return "priority" if left or not isinstance(self.event, events.Tick) else "no-response"

    def _change(self, name: str) -> str | None:
        return name if self.before is not self.after else None

    def _start(self, last: str) -> str | None:
        rival = self.heard is not None and self.heard.priority > 0
        if rival and self.after is GroupState.MASTER:
            return "owner-preempt"
        again = {"interface-down": "interface-up", "no-primary-ip": "primary-ip"}
        return self._change(again.get(last, "startup"))

    def _stop(self) -> str:
        if not self.carrier:
            return "interface-down"
        return "shutdown" if self.address else "no-primary-ip"


class Tally:
    """What one group has counted."""

    def __init__(self) -> None:
        self.counts: Counter[str] = Counter()
        self.new_master_reason = NEW_MASTER_REASONS[0]
        self.last_event = LAST_EVENTS[0]

    def described(self) -> dict[str, Any]:
        """Return everything, zeros included, JSON-able."""
        reasons = {"new_master_reason": self.new_master_reason, "last_event": self.last_event}
        return {**{name: self.counts[name] for name in GROUP_NAMES}, **reasons}


class Counters:
    """What one gateway has counted; counting a device or group for the first time makes it known."""

    def __init__(self, groups: Mapping[GroupId, DeviceName]) -> None:
        """Begin at zero, with every configured group and its device known."""
        self._interfaces: dict[DeviceName, Counter[str]] = {device: Counter() for device in groups.values()}
        self._groups = {group: Tally() for group in groups}

    def group(self, group: GroupId) -> Tally:
        """Return what one group has counted."""
        return self._groups[group]

    def refused(self, device: DeviceName, group: GroupId | None, reason: Rejection) -> None:
        """Count a refusal, or a difference that was let pass."""
        if group is None or reason not in OF_GROUP:
            self._interfaces.setdefault(device, Counter())[OF_INTERFACE[reason]] += 1
        else:
            self._groups[group].counts[OF_GROUP[reason]] += 1

    def received(self, group: GroupId, priority: int) -> None:
        """Count a valid advertisement."""
        self._advert(group, priority, RECEIVED, ZERO_RECEIVED)

    def sent(self, group: GroupId, priority: int) -> None:
        """Count one of ours."""
        self._advert(group, priority, SENT, ZERO_SENT)

    def moved(self, group: GroupId, step: Step) -> None:
        """Take in what a router made of an event."""
        tally = self._groups[group]
        tally.last_event = step.name(tally.last_event) or tally.last_event
        if step.before is not GroupState.MASTER and step.after is GroupState.MASTER:
            tally.counts[MASTER_TRANSITIONS] += 1
            tally.new_master_reason = step.new_master_reason()

    def interfaces(self) -> dict[DeviceName, dict[str, int]]:
        """Return what every interface has counted, zeros included, JSON-able."""
        return {device: {name: counts[name] for name in INTERFACE_NAMES} for device, counts in self._interfaces.items()}

    def dump(self) -> dict[str, Any]:
        """Return everything for a successor, JSON-able."""
        return {
            "interfaces": {device: dict(counts) for device, counts in self._interfaces.items()},
            "groups": {
                str(group): [dict(tally.counts), tally.new_master_reason, tally.last_event]
                for group, tally in self._groups.items()
            },
        }

    def recall(self, left: Mapping[str, Any]) -> None:
        """Take over what a predecessor counted, for what is still configured.

        Raises:
            ArithmeticError, AttributeError, KeyError, TypeError, ValueError: Nobody has written this.
        """
        for device, counts in left["interfaces"].items():
            if device in self._interfaces:
                self._interfaces[device].update(_numbers(counts.items()))
        groups = {str(group): tally for group, tally in self._groups.items()}
        for name, (counts, reason, event) in left["groups"].items():
            if name in groups:
                groups[name].counts.update(_numbers(counts.items()))
                groups[name].new_master_reason, groups[name].last_event = str(reason), str(event)

    def _advert(self, group: GroupId, priority: int, name: str, zero: str) -> None:
        counts = self._groups[group].counts
        counts[name] += 1
        if priority == 0:
            counts[zero] += 1


def _numbers(items: Iterable[tuple[object, Any]]) -> dict[str, int]:
    return {str(name): int(count) for name, count in items}
