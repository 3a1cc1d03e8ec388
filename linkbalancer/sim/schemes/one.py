"""Scheme one: both ends of a link watch each other by the same rule (the source's 2.1 and 2.2; mission S1).

Whoever becomes Backup or faulty tells its peer; whoever is Master and learns, told or by a probe, that its peer is
Backup or faulty becomes Backup. VRRP runs all the time, without preemption: a gateway that its peer made Backup would
otherwise take the mastership back by its priority, and no timing of the probes could ever bring the sides together.
"""

from collections.abc import Sequence

from linkbalancer.links import GroupState
from linkbalancer.vrrp.events import Event, Resign
from linkbalancer.vrrp.router import Router

NOT_MASTER = frozenset({GroupState.BACKUP, GroupState.FAULT})


class Symmetric:
    """The rules of either end."""

    probes = True
    preempts = False

    def runs(self, *, is_open: bool) -> bool:
        """Run VRRP whatever the link does."""
        del is_open
        return True

    def tells(self, state: GroupState) -> bool:
        """Tell the peer of becoming Backup or faulty."""
        return state in NOT_MASTER

    def judge(self, router: Router, peer: GroupState) -> Sequence[Event]:
        """Be Backup where the peer is, or worse."""
        if router.group_state is GroupState.MASTER and peer in NOT_MASTER:
            return (Resign(router.priority),)
        return ()
