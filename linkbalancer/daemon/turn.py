"""A turn on the processor as soon as there is something to do, where the host allows it (design 6: SCHED_RR).

For those who must be on time whatever else the host computes: the agent in office, and the supervisor and the zygote
that bring it back. What they fork begins as everybody does. Root, CAP_SYS_NICE or a LimitRTPRIO= allows it; systemd's
RestrictRealtime= forbids it. Without it everything works, and a busy host makes it late.
"""

import contextlib
import os

PRIORITY = 1
"""The lowest of the real-time priorities: it comes before everybody who has none, and after everybody else's."""


def go_first() -> None:
    """Have this process run as soon as it can, unless the host does not allow that."""
    with contextlib.suppress(OSError):
        os.sched_setscheduler(0, os.SCHED_RR | os.SCHED_RESET_ON_FORK, os.sched_param(PRIORITY))


def go_like_others() -> None:
    """Have this process run as everybody does, until it is to go first again."""
    with contextlib.suppress(OSError):
        os.sched_setscheduler(0, os.SCHED_OTHER, os.sched_param(0))
