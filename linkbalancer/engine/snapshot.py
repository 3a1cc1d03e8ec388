"""What an agent leaves to its successor: states, priorities, the peers' last words; never sessions or keys.

There are two kinds. What is found in the file after a sudden death may be a moment old: a Master whose peers still wait
for its next advertisement goes on as Master; everything else starts as a Backup that keeps what it found installed
until somebody better is heard (design 6, adopt). What a living predecessor hands over (`live`) is exact, so that its
successor goes on as if nothing had happened (`engine.inheritance`). Both tell since when and why all is as it is.
"""

from collections.abc import Mapping
from dataclasses import dataclass, field
from ipaddress import IPv4Address
from typing import Any

from linkbalancer.clock import Instant
from linkbalancer.engine import inheritance
from linkbalancer.engine.delegate import Delegate
from linkbalancer.engine.hearing import Hearing
from linkbalancer.engine.knowledge import Knowledge
from linkbalancer.engine.membership import Membership
from linkbalancer.links import DeviceName, GroupId, GroupState, LinkName, Mac, Vid
from linkbalancer.lvrrp.link import Link
from linkbalancer.vrrp.events import Resume
from linkbalancer.vrrp.router import Router
from linkbalancer.vrrp.states import Master

SCHEMA = 2
"""2 adds `groups`, `applications`, `counters`, `deaf` and `changed_at` to 1, of which the rest is still taken over."""

PRIORITY_MAX = 254

APPLICATIONS_MAX = 256
"""Applications whose `since` is written to the file, which is written up to twenty times a second."""


@dataclass(frozen=True, slots=True)
class Label:
    """What people see of a VID: its state, since when, why, and how often it changed."""

    state: GroupState | None
    since: Instant
    reason: str
    transitions: int
    generation: int


@dataclass(frozen=True, slots=True)
class Recollection:
    """What a predecessor left: links as `lvrrp` wrote them, priority and next advert of Masters, the members' MACs.

    `asked` are those of the members that are known by nothing but the answer of a configured address.
    `deaf` are the LAN devices that hear nobody, `applications` where each goes, since when and why; `live` the exact
    states of the groups, only where the predecessor handed them over itself; `delegates` what is known of the groups
    whose VRRP a Keepalived runs; `vrrp` what `engine.hearing` wrote.
    """

    links: Mapping[LinkName, dict[str, Any]] = field(default_factory=dict)
    masters: Mapping[GroupId, tuple[int, Instant]] = field(default_factory=dict)
    members: Mapping[DeviceName, frozenset[Mac]] = field(default_factory=dict)
    labels: Mapping[GroupId, Label] = field(default_factory=dict)
    applications: Mapping[str, tuple[Vid | None, Instant, str]] = field(default_factory=dict)
    counters: Mapping[str, int] = field(default_factory=dict)
    deaf: frozenset[DeviceName] = frozenset()
    changed_at: Instant | None = None
    live: Mapping[GroupId, Mapping[str, Any]] = field(default_factory=dict)
    delegates: Mapping[GroupId, Mapping[str, Any]] = field(default_factory=dict)
    vrrp: Mapping[str, Any] = field(default_factory=dict)
    asked: Mapping[DeviceName, Mapping[IPv4Address, Mac]] = field(default_factory=dict)


def take(
    now: Instant,
    links: Mapping[LinkName, Link],
    memberships: Mapping[GroupId, Membership],
    known: Knowledge,
    hearing: Hearing,
    *,
    live: bool = False,
) -> dict[str, Any]:
    """Return the snapshot as JSON-able values."""
    few = live or len(known.steering) <= APPLICATIONS_MAX
    steering = known.steering.items() if few else ()
    taken: dict[str, Any] = {
        "schema": SCHEMA,
        "at": now,
        **_lans(known),
        "links": {name: link.snapshot() for name, link in links.items()},
        "masters": _masters(memberships),
        "delegates": {
            str(group): m.router.snapshot() for group, m in memberships.items() if isinstance(m.router, Delegate)
        },
        "groups": {
            str(group): [None if m.shown is None else int(m.shown), m.since, m.reason, m.transitions, m.generation]
            for group, m in memberships.items()
        },
        "applications": {name: [one.vid, one.since, one.reason] for name, one in steering},
        "counters": dict(known.counters),
        "changed_at": known.changed_at,
        "vrrp": hearing.snapshot(),
    }
    if live:
        taken["live"] = {str(group): inheritance.take(m) for group, m in memberships.items()}
    return taken


def _lans(known: Knowledge) -> dict[str, Any]:
    return {"members": known.all_members(), "asked": known.asked_members(), "deaf": known.deaf()}


def _masters(memberships: Mapping[GroupId, Membership]) -> dict[str, dict[str, int]]:
    return {
        str(group): {
            "priority": m.router.priority,
            "advert_at": m.router.state.advert_at,
            "interval": m.group.advert_interval,
        }
        for group, m in memberships.items()
        if isinstance(m.router, Router) and isinstance(m.router.state, Master)
    }


def read(snapshot: Mapping[str, Any] | None) -> Recollection:
    """Read a snapshot; one that is of another shape is none: it must never stop a start."""
    try:
        if snapshot is None or not isinstance(snapshot["schema"], int):
            return Recollection()
        changed_at, alive = snapshot.get("changed_at"), int(snapshot.get("alive", 0))
        return Recollection(
            {str(name): dict(link) for name, link in snapshot["links"].items()},
            {
                GroupId.read(group): (int(one["priority"]), _next_advert(one, alive))
                for group, one in snapshot["masters"].items()
            },
            {str(dev): frozenset(map(bytes.fromhex, macs)) for dev, macs in snapshot["members"].items()},
            {GroupId.read(group): _label(*one) for group, one in snapshot.get("groups", {}).items()},
            {str(name): _steering(*one) for name, one in snapshot.get("applications", {}).items()},
            {str(name): int(count) for name, count in snapshot.get("counters", {}).items()},
            frozenset(map(str, snapshot.get("deaf", ()))),
            None if changed_at is None else int(changed_at),
            {GroupId.read(group): dict(one) for group, one in snapshot.get("live", {}).items()},
            {GroupId.read(group): dict(one) for group, one in snapshot.get("delegates", {}).items()},
            dict(snapshot.get("vrrp", {})),
            {str(dev): _answers(one) for dev, one in snapshot.get("asked", {}).items()},
        )
    except (ArithmeticError, AttributeError, KeyError, TypeError, ValueError):  # JSON's 1e999 is infinite
        return Recollection()


def _next_advert(master: Mapping[str, Any], alive: Instant) -> Instant:
    """Return when a Master's next advert is due that lived until `alive`, and until then did nothing but advertise."""
    at, interval = int(master["advert_at"]), int(master.get("interval", 0))
    if at > alive or interval <= 0:
        return at
    return at + interval * (1 + (alive - at) // interval)


def _answers(found: Mapping[str, str]) -> dict[IPv4Address, Mac]:
    return {IPv4Address(address): bytes.fromhex(mac) for address, mac in found.items()}


def _label(state: object, since: object, reason: object, transitions: object, generation: object) -> Label:
    shown = None if state is None else GroupState(int(str(state)))
    return Label(shown, int(str(since)), str(reason), int(str(transitions)), int(str(generation)))


def _steering(vid: object, since: object, reason: object) -> tuple[Vid | None, Instant, str]:
    return None if vid is None else int(str(vid)), int(str(since)), str(reason)


def relabel(left: Recollection, membership: Membership) -> None:
    """Let a VID go on being shown as it was; what changes from there is a change."""
    label = left.labels.get(membership.id)
    if label is not None:
        membership.shown, membership.since, membership.reason = label.state, label.since, label.reason
        membership.transitions, membership.generation = label.transitions, label.generation


def resumption(now: Instant, left: Recollection, membership: Membership) -> Resume | None:
    """Return how to go on as Master, or None when this gateway was none or its peers have given it up.

    A Backup waits three intervals and its skew time since the last advertisement (RFC 9568 6.1); its skew is not known
    here, so three intervals are all that is counted on. A predecessor may have had another interval: the next
    advertisement comes within the present one.
    """
    if membership.id not in left.masters:
        return None
    priority, advert_at = left.masters[membership.id]
    interval = membership.group.advert_interval
    if now >= advert_at + 2 * interval:
        return None
    return Resume(min(max(priority, 1), PRIORITY_MAX), min(max(now, advert_at), now + interval))
