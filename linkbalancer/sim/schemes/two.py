"""Scheme two: one end controls, and steps its priorities up and down (the source's rules to the letter; mission S2).

VRRP runs at both ends while the link is open (3.2, rule 0). The controller compares its state with its peer's at every
answer: rule 1 gives the mastership up one step lower, rule 2 restarts VRRP one step higher, each time that it applies;
rule 3 has the controlled end restart VRRP while the controller is faulty. The source leaves the size of a step open.
"""

from collections.abc import Sequence

from linkbalancer.links import GroupState
from linkbalancer.vrrp.events import Event, Shutdown, Startup
from linkbalancer.vrrp.router import Router

STEP = 10
LOWEST, HIGHEST = 1, 254


class Controller:
    """The rules of the controlling end, which alone asks."""

    probes = True
    preempts = True

    def runs(self, *, is_open: bool) -> bool:
        """Run VRRP while the link is open."""
        return is_open

    def tells(self, state: GroupState) -> bool:
        """Tell the peer of a fault (rule 3)."""
        return state is GroupState.FAULT

    def judge(self, router: Router, peer: GroupState) -> Sequence[Event]:
        """Follow the peer by a step of the own priority (rules 1 and 2)."""
        is_master = router.group_state is GroupState.MASTER
        if is_master == (peer is GroupState.MASTER):
            return ()
        return _restart(router.priority - STEP if is_master else router.priority + STEP)


class Controlled:
    """The rules of the controlled end: plain VRRP, but for a fault of its controller."""

    probes = False
    preempts = True

    def runs(self, *, is_open: bool) -> bool:
        """Run VRRP while the link is open."""
        return is_open

    def tells(self, state: GroupState) -> bool:
        """Tell nothing: the controller asks."""
        del state
        return False

    def judge(self, router: Router, peer: GroupState) -> Sequence[Event]:
        """Give the mastership up while the controller is faulty (rule 3)."""
        if peer is GroupState.FAULT and router.group_state is GroupState.MASTER:
            return _restart(router.priority)
        return ()


def _restart(priority: int) -> Sequence[Event]:
    return (Shutdown(), Startup(min(max(priority, LOWEST), HIGHEST)))
