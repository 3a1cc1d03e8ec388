"""How sync groups act in the engine: who else is touched by a stance, and who else is told of an event.

What follows from what is `synchrony`'s; here it meets the gateway's stances, routers and announcements.
"""

from dataclasses import dataclass, field

from linkbalancer.engine.synchrony import SyncGroup, cause
from linkbalancer.links import GroupId
from linkbalancer.lvrrp.rules import Stance
from linkbalancer.vrrp.router import Router


@dataclass(slots=True)
class Concert:
    """The sync groups of one gateway: which one each group is of, and the own stance of every member of one.

    `outs` holds, for each sync group, the stance of members that may run but for another one: derived anew from all
    members whenever one of them goes out or comes back.
    """

    groups: dict[GroupId, SyncGroup]
    routers: dict[GroupId, Router] = field(default_factory=dict)
    own: dict[GroupId, Stance] = field(default_factory=dict)
    outs: dict[str, Stance | None] = field(default_factory=dict)

    def judge(self, id_: GroupId, own: Stance) -> frozenset[GroupId]:
        """Take in what a member would do by itself; return who else must be judged again for it."""
        before = self.own.get(id_)
        self.own[id_] = own
        if before is not None and before.runs and own.runs:
            return frozenset()
        sync = self.groups[id_]
        out = cause(sync, self.own)
        if sync.name in self.outs and out == self.outs[sync.name]:
            return frozenset()
        self.outs[sync.name] = out
        return frozenset(sync.members)

    def stance(self, id_: GroupId) -> Stance:
        """Return the stance of a member that has been judged, with regard to the others."""
        own, out = self.own[id_], self.outs[self.groups[id_].name]
        return own if out is None or not own.runs else out
