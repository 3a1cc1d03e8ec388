"""What a weigher remembers, and how it leaves that to its successor, so that a restart of the agent moves nothing."""

import math
from collections.abc import Mapping
from dataclasses import dataclass, field
from typing import Any

from linkbalancer.clock import Instant
from linkbalancer.links import GroupId, LinkName
from linkbalancer.weights.damping import Flaps
from linkbalancer.weights.hysteresis import TURNS_MAX, Settled
from linkbalancer.weights.usage import Month, Usage
from linkbalancer.weights.view import BEST, LEAST

SCHEMA = 1


@dataclass(frozen=True, slots=True)
class Remembered:
    """One VID: the weight in force, by which reckoning it came, and the flaps."""

    settled: Settled | None = None
    reckoning: str | None = None
    flaps: Flaps = field(default_factory=Flaps)


@dataclass(slots=True)
class Memory:
    """All that outlives a process: of each VID; whose Master the far end is; if the link is open; what it carried."""

    groups: dict[GroupId, Remembered]
    masters: frozenset[GroupId] = frozenset()
    is_open: bool = False
    usage: Usage = field(default_factory=Usage)

    def snapshot(self, link: LinkName) -> dict[str, Any]:
        """Return it, JSON-able."""
        return {
            "schema": SCHEMA,
            "link": link,
            "open": self.is_open,
            "masters": [str(group) for group in sorted(self.masters)],
            "groups": {str(group): _remembered(one) for group, one in self.groups.items()},
            "months": months_to_json(self.usage),
            "measured_at": self.usage.at,
        }


def restored(now: Instant, link: LinkName, found: Mapping[str, Any]) -> Memory | None:
    """Return what a snapshot says, None when it is none of this link.

    Of one from before the host's boot, whose instants say nothing now, what the link has carried is left.
    """
    try:
        instants = [found["measured_at"], *(one["settled"][1] for one in found["groups"].values() if one["settled"])]
        if any(isinstance(instant, int) and instant > now for instant in instants):
            found = {**found, "groups": {}, "masters": [], "open": False, "measured_at": None}
        groups = {GroupId.read(name): _read(now, one) for name, one in found["groups"].items()}
        usage = Usage(_months(found["months"]), _past(now, found["measured_at"]))
        masters = frozenset(GroupId.read(name) for name in found["masters"])
        if found["schema"] != SCHEMA or found["link"] != link or not isinstance(found["open"], bool):
            return None
    except (ArithmeticError, AttributeError, KeyError, TypeError, ValueError):
        return None
    return Memory(groups, masters, found["open"], usage)


def months_to_json(usage: Usage) -> dict[str, Any]:
    """Return what outlives a reboot as well: the billing months, and what was carried in each."""
    return {str(day): [one.period, one.carried] for day, one in usage.months.items()}


def months_from_json(found: object) -> Usage | None:
    """Return the billing months again, None where these are none."""
    try:
        return Usage(_months(found))
    except (ArithmeticError, AttributeError, TypeError, ValueError):
        return None


def _months(found: object) -> dict[int, Month]:
    if not isinstance(found, Mapping):
        raise TypeError("no months")
    return {int(day): Month(int(period), _number(much)) for day, (period, much) in found.items()}


def _remembered(one: Remembered) -> dict[str, Any]:
    settled, flaps = one.settled, one.flaps
    return {
        "settled": None if settled is None else [settled.weight, settled.since, settled.rose, settled.turns],
        "reckoning": one.reckoning,
        "flaps": [flaps.penalty, flaps.at, flaps.until],
    }


def _read(now: Instant, found: dict[str, Any]) -> Remembered:
    settled, reckoning = found["settled"], found["reckoning"]
    penalty, at, until = found["flaps"]
    if settled is not None:
        weight, since, (rose, turns) = _number(settled[0]), _past(now, settled[1]), settled[2:]
        if since is None or not LEAST <= weight <= BEST or rose not in {None, True, False}:
            raise ValueError("no weight in force")
        settled = Settled(weight, since, rose, min(int(_number(turns)), TURNS_MAX))
    if reckoning is not None and not isinstance(reckoning, str):
        raise TypeError("no reckoning")
    return Remembered(settled, reckoning, Flaps(_number(penalty), _past(now, at) or 0, until and int(until)))


def _number(value: object) -> float:
    if isinstance(value, bool) or not isinstance(value, int | float) or not math.isfinite(value) or value < 0:
        raise ValueError("no amount")
    return float(value)


def _past(now: Instant, value: object) -> Instant | None:
    """Return an instant that is not in the future, or None as it is."""
    if value is None:
        return None
    if isinstance(value, bool) or not isinstance(value, int) or value > now:
        raise ValueError("no instant of the past")
    return value
