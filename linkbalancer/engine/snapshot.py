"""What a dying agent leaves to its successor: states, priorities, the peers' last words; never sessions or keys.

A Master whose peers still wait for its next advertisement goes on as Master; everything else starts as a Backup that
keeps what it found installed until somebody better is heard (design 6, adopt).
"""

from collections.abc import Mapping
from typing import Any

from linkbalancer.clock import Instant
from linkbalancer.engine.membership import Membership
from linkbalancer.links import LinkName, Vid
from linkbalancer.lvrrp.link import Link
from linkbalancer.vrrp.events import Resume
from linkbalancer.vrrp.states import Master


def take(now: Instant, links: Mapping[LinkName, Link], memberships: Mapping[Vid, Membership]) -> dict[str, Any]:
    """Return the snapshot as JSON-able values."""
    return {
        "schema": 1,
        "at": now,
        "links": {name: link.snapshot() for name, link in links.items()},
        "masters": {
            str(vid): {"priority": m.router.priority, "advert_at": m.router.state.advert_at}
            for vid, m in memberships.items()
            if m.router is not None and isinstance(m.router.state, Master)
        },
    }


def resumption(now: Instant, snapshot: Mapping[str, Any] | None, membership: Membership) -> Resume | None:
    """Return how to go on as Master, or None when this gateway was none or its peers have given it up.

    A Backup waits three intervals and its skew time since the last advertisement (RFC 9568 6.1); its skew is not known
    here, so three intervals are all that is counted on.
    """
    master = (snapshot or {}).get("masters", {}).get(str(membership.vid))
    if master is None:
        return None
    interval = membership.group.advert_interval
    last_advert = int(master["advert_at"]) - interval
    if now >= last_advert + 3 * interval:
        return None
    return Resume(int(master["priority"]), max(now, int(master["advert_at"])))
