"""What a dying agent leaves to its successor: states, priorities, the peers' last words; never sessions or keys.

A Master whose peers still wait for its next advertisement goes on as Master; everything else starts as a Backup that
keeps what it found installed until somebody better is heard (design 6, adopt).
"""

from collections.abc import Mapping
from dataclasses import dataclass, field
from typing import Any

from linkbalancer.clock import Instant
from linkbalancer.engine.knowledge import Knowledge
from linkbalancer.engine.membership import Membership
from linkbalancer.links import DeviceName, LinkName, Mac, Vid
from linkbalancer.lvrrp.link import Link
from linkbalancer.vrrp.events import Resume
from linkbalancer.vrrp.states import Master

SCHEMA = 1
PRIORITY_MAX = 254


@dataclass(frozen=True, slots=True)
class Recollection:
    """What a predecessor left: links as `lvrrp` wrote them, priority and next advert of Masters, the members' MACs."""

    links: Mapping[LinkName, dict[str, Any]] = field(default_factory=dict)
    masters: Mapping[Vid, tuple[int, Instant]] = field(default_factory=dict)
    members: Mapping[DeviceName, frozenset[Mac]] = field(default_factory=dict)


def take(
    now: Instant, links: Mapping[LinkName, Link], memberships: Mapping[Vid, Membership], known: Knowledge
) -> dict[str, Any]:
    """Return the snapshot as JSON-able values."""
    return {
        "schema": SCHEMA,
        "at": now,
        "members": known.all_members(),
        "links": {name: link.snapshot() for name, link in links.items()},
        "masters": {
            str(vid): {"priority": m.router.priority, "advert_at": m.router.state.advert_at}
            for vid, m in memberships.items()
            if m.router is not None and isinstance(m.router.state, Master)
        },
    }


def read(snapshot: Mapping[str, Any] | None) -> Recollection:
    """Read a snapshot; one that is of another shape, or of another version, is none: it must never stop a start."""
    try:
        if snapshot is None or snapshot["schema"] != SCHEMA:
            return Recollection()
        return Recollection(
            {str(name): dict(link) for name, link in snapshot["links"].items()},
            {int(vid): (int(one["priority"]), int(one["advert_at"])) for vid, one in snapshot["masters"].items()},
            {str(dev): frozenset(map(bytes.fromhex, macs)) for dev, macs in snapshot["members"].items()},
        )
    except (AttributeError, KeyError, TypeError, ValueError):
        return Recollection()


def resumption(now: Instant, left: Recollection, membership: Membership) -> Resume | None:
    """Return how to go on as Master, or None when this gateway was none or its peers have given it up.

    A Backup waits three intervals and its skew time since the last advertisement (RFC 9568 6.1); its skew is not known
    here, so three intervals are all that is counted on. A predecessor may have had another interval: the next
    advertisement comes within the present one.
    """
    if membership.vid not in left.masters:
        return None
    priority, advert_at = left.masters[membership.vid]
    interval = membership.group.advert_interval
    if now >= advert_at + 2 * interval:
        return None
    return Resume(min(max(priority, 1), PRIORITY_MAX), min(max(now, advert_at), now + interval))
