"""A vrrp_sync_group: instances that change state together."""

from dataclasses import dataclass, field

from linkbalancer.config.findings import printable
from linkbalancer.config.keepalived import values
from linkbalancer.config.keepalived.defaults import Defaults
from linkbalancer.config.keepalived.notices import Notices
from linkbalancer.config.keepalived.statements import Ledger, Statement
from linkbalancer.config.keepalived.tracking import Tracks
from linkbalancer.config.keepalived.words import Word


@dataclass(slots=True)
class SyncGroup:
    """What a sync group says: its members by name, what it tracks, whom it tells."""

    name: str
    statement: Statement
    members: list[Word] = field(default_factory=list)
    tracks: Tracks = field(default_factory=Tracks)
    notices: Notices = field(default_factory=Notices)
    keeps_weights: bool = False


def read(ledger: Ledger, statement: Statement, general: Defaults) -> SyncGroup | None:
    """Return a sync group; None, and a remark, where it has no name."""
    name = values.text(ledger, statement)
    if name is None:
        return None
    found = SyncGroup(printable(name), statement)
    for one in statement.inner():
        if found.tracks.take(ledger, one) or found.notices.take(ledger, one, general):
            continue
        match one.keyword:
            case "group":
                ledger.carried(one, 1)
                found.members += [word for line in one.inner() for word in line.words]
            case "global_tracking" | "sync_group_tracking_weight":
                ledger.carried(one, 1)
                found.keeps_weights = True
            case _:
                pass  # named among the leftovers
    return found
