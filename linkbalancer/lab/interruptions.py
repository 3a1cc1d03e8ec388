"""The faults of the service alone: it is restarted, upgraded, left and killed, while everything around it works."""

import os
import signal
import subprocess
import sys
import time
from collections.abc import Iterator, Sequence
from concurrent.futures import ThreadPoolExecutor
from dataclasses import replace
from functools import partial

from linkbalancer.clock import MILLISECOND, SECOND
from linkbalancer.engine.supervision import AGENT, API, ZYGOTE, process_of
from linkbalancer.lab.errors import LabError
from linkbalancer.lab.faults import Deed, Fault, nothing
from linkbalancer.lab.lab import Lab
from linkbalancer.lab.service import NAME_MAX
from linkbalancer.lab.topology import Topology
from linkbalancer.links import NodeName

_PROCESS_LIMIT_S = 5.0

_FEW = 4

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
    # Of many gateways those at the ends of the first and the last link tell all that there is to tell.
    few = len(topology.gateways) <= _FEW
    told = {port.node for link in (topology.links[0], topology.links[-1]) for port in link.ports}
    yield from (restarted(one) for one in topology.gateways if few or one in told)
    for one in (node, far):
        yield _still("upgrade", one, partial(_upgrade, one))
        # `systemctl stop`, and a start later: its masterships move away, and come back.
        yield Fault(kind="leave", target=one, strike=partial(leave_and_return, one), heal=nothing, momentary=True)
    shared = topology.gateways[node].processes
    processes = [AGENT, *(process_of(name, shared) for name in applications[:1]), ZYGOTE, API, "supervisor"]
    kills = [killed(node, process) for process in processes]
    yield from kills
    yield _loaded(kills[0])
    yield _loaded(kills[-1])
    yield _loaded(_still("upgrade", node, partial(_upgrade, node)))


def restarted(node: NodeName) -> Fault:
    """The service of a gateway is restarted."""
    return _still("restart", node, partial(_restart, node))


def together(near: NodeName, far: NodeName) -> Iterator[Fault]:
    """Yield what happens to the service at both ends of a link in the same moment: neither can hold for the other."""
    target = f"{near} and {far}"
    yield _still("restart", target, _at_once(partial(_restart, near), partial(_restart, far)))

    def kill(lab: Lab) -> None:
        hit = [lab.services[node].kill_all() for node in (near, far)]
        if not all(hit):
            raise LabError(f"{target} have no process to kill")

    yield Fault(kind="killall", target=target, strike=kill, heal=nothing, momentary=True)


def _at_once(*deeds: Deed) -> Deed:
    """Return what does several things side by side; LabError when one of them fails."""

    def strike(lab: Lab) -> None:
        with ThreadPoolExecutor(len(deeds)) as pool:
            for done in [pool.submit(deed, lab) for deed in deeds]:
                done.result()

    return strike


def _still(kind: str, node: NodeName, strike: Deed) -> Fault:
    return Fault(kind=kind, target=node, strike=strike, heal=nothing, momentary=True, still=True)


def killed(node: NodeName, process: str) -> Fault:
    """One process of a gateway is killed (-9)."""

    def strike(lab: Lab) -> None:
        deadline = time.monotonic() + _PROCESS_LIMIT_S
        while time.monotonic() < deadline:
            pid = lab.services[node].processes().get(process[:NAME_MAX])
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
