"""The faults of the service alone: it is restarted, upgraded, left and killed, while everything around it works."""

import os
import signal
import subprocess
import sys
import time
from collections.abc import Iterator, Sequence
from dataclasses import replace
from functools import partial

from linkbalancer.clock import MILLISECOND, SECOND
from linkbalancer.lab.errors import LabError
from linkbalancer.lab.faults import Deed, Fault, nothing
from linkbalancer.lab.lab import Lab
from linkbalancer.lab.topology import Topology
from linkbalancer.links import NodeName

_PROCESS_LIMIT_S = 5.0

_HOG = "import time\nend = time.monotonic() + 30\nwhile time.monotonic() < end: pass"
"""Wants a whole core, and ends by itself should nobody end it."""


def leave_and_return(node: NodeName, lab: Lab) -> None:
    """Stop a gateway's service, and start it again."""
    lab.services[node].stop()
    lab.services[node].start()


def _restart(node: NodeName, lab: Lab) -> None:
    lab.services[node].restart()


def _upgrade(node: NodeName, lab: Lab) -> None:
    lab.services[node].upgrade()


def interruptions(topology: Topology, node: NodeName, far: NodeName, applications: Sequence[str]) -> Iterator[Fault]:
    """What happens to the service alone: nothing is lost by any of it, and where it goes on nothing moves either."""
    for one in topology.gateways:
        yield _still("restart", one, partial(_restart, one))
    for one in (node, far):
        yield _still("upgrade", one, partial(_upgrade, one))
        # `systemctl stop`, and a start later: its masterships move away, and come back.
        yield Fault(kind="leave", target=one, strike=partial(leave_and_return, one), heal=nothing, momentary=True)
    processes = ["agent", *(f"app:{name}" for name in applications[:1]), "zygote", "api", "supervisor"]
    kills = [_kill(node, process) for process in processes]
    yield from kills
    yield _loaded(kills[0])
    yield _loaded(kills[-1])
    yield _loaded(_still("upgrade", node, partial(_upgrade, node)))


def _still(kind: str, node: NodeName, strike: Deed) -> Fault:
    return Fault(kind=kind, target=node, strike=strike, heal=nothing, momentary=True, still=True)


def _kill(node: NodeName, process: str) -> Fault:
    """One process of a gateway is killed (-9)."""

    def strike(lab: Lab) -> None:
        deadline = time.monotonic() + _PROCESS_LIMIT_S
        while time.monotonic() < deadline:
            pid = lab.services[node].processes().get(process)
            if pid:
                os.kill(pid, signal.SIGKILL)
                return
            time.sleep(50 * MILLISECOND / SECOND)
        raise LabError(f"{node} has no process {process}")

    return replace(_still("kill", node, strike), details={"process": process})


def _loaded(fault: Fault) -> Fault:
    """The same while other processes want all of every core."""
    hogs: list[subprocess.Popen[bytes]] = []

    def strike(lab: Lab) -> None:
        hogs.extend(subprocess.Popen([sys.executable, "-c", _HOG]) for _ in range(os.cpu_count() or 1))
        fault.strike(lab)

    def heal(lab: Lab) -> None:
        fault.heal(lab)
        for hog in hogs:
            hog.kill()
            hog.wait()
        hogs.clear()

    return replace(fault, details={**fault.details, "load": "loaded"}, strike=strike, heal=heal)


def killall(node: NodeName) -> Fault:
    """Every process of a gateway is killed (-9) at once; the service manager starts the service again."""

    def strike(lab: Lab) -> None:
        if not lab.services[node].kill_all():
            raise LabError(f"{node} has no process to kill")

    return Fault(kind="killall", target=node, strike=strike, heal=nothing, momentary=True)
