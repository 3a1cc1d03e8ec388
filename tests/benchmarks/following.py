"""How soon applications follow: from the kernel's word that a provider's device is dead to the last change in its map.

A gateway with two providers and a thousand applications that prefer the first; what is timed are the kernel's own
notifications of the carrier and of the map's elements. Beside the clock stands the CPU time that the gateway's
processes run until then, which others on the machine change less. Nothing of Keepalived's is like it.
"""

import select
import socket
import struct
import time
from collections.abc import Iterable, Iterator
from contextlib import ExitStack, contextmanager, suppress
from pathlib import Path

import yaml

from linkbalancer.clock import MILLISECOND, SECOND
from linkbalancer.drivers.netlink.codec import attributes, messages
from linkbalancer.drivers.netlink.transport import NETFILTER, ROUTE
from linkbalancer.drivers.nftables.render import MAP
from tests.benchmarks.cost import cpu_time
from tests.benchmarks.figures import Figure, Goal
from tests.benchmarks.job import Job, Setting
from tests.daemon.waiting import until
from tests.interop.makers import Ours
from tests.namespaces import Namespace

APPLICATIONS = 1000
PROCESSES = {2: Goal(limit=10), 100: Goal(limit=100)}
"""How many processes share them, and within how long all of them follow (milliseconds)."""
STARTED = Goal(limit=2000)
"""Within how long they all steer, counted from the start of the service (milliseconds)."""
OWN_MIB = 4.0
"""What a process may have of memory that it shares with nobody."""

PATIENCE_S = 60.0
SETTLING_S = 3.0
_LINKS = 1
_NFTABLES_GROUP = 7
_ADD_MEMBERSHIP = 1
_SOL_NETLINK = 270
_NEW_LINK, _NEW_ELEMENT = 16, 10 << 8 | 12
_SET_NAME, _ELEMENTS = 2, 3
_RUNNING = 0x40


def jobs() -> list[Job]:
    """Return what can be measured of applications that follow."""
    return [_job(processes, goal) for processes, goal in PROCESSES.items()]


def _job(processes: int, goal: Goal) -> Job:
    end = f"{processes}-processes {APPLICATIONS}-applications"
    names = tuple(f"{what} {end}" for what in ("following", "cpu following", "memory application", "start"))
    return Job(names, lambda setting: _figures(processes, goal, names, setting), alone=True)


def _figures(processes: int, goal: Goal, names: tuple[str, ...], setting: Setting) -> list[Figure]:
    setting.tell(names[0])
    took, cost = [], []
    with begun(setting.files / f"following-{processes}", processes) as (gateway, providers, started_ms):
        with gateway.namespace.entered():
            watch = Watch()
        for _ in range(setting.repeat):
            watch.forget()
            before = _cpu_times(gateway.namespace.pids())
            providers("ip link set p1 down")
            took.append(watch.last_change() / MILLISECOND)
            cost.append(sum(now - before[pid] for pid, now in _cpu_times(before).items()) / MILLISECOND)
            until(lambda: steered(gateway) == {2: APPLICATIONS}, PATIENCE_S, "all have left")
            providers("ip link set p1 up")
            until(lambda: steered(gateway) == {1: APPLICATIONS}, PATIENCE_S, "all are back")
            time.sleep(SETTLING_S)
        watch.close()
        pids = {pid for name, pid in gateway.status()["processes"].items() if name.startswith("app:")}
        own = tuple(_own_memory(pid) for pid in pids)
    return [
        Figure(names[0], "ms", tuple(took), (), 0.1, goal),
        Figure(names[1], "ms", tuple(cost), (), 0.1),
        Figure(names[2], "MiB", own, (), 0.1, Goal(limit=OWN_MIB)),
        Figure(names[3], "ms", (started_ms,), (), 1.0, STARTED),
    ]


class Watch:
    """The kernel's notifications of devices and of our map, in the network namespace of its making."""

    def __init__(self) -> None:
        """Listen."""
        self._route = socket.socket(socket.AF_NETLINK, socket.SOCK_RAW, ROUTE)
        self._route.bind((0, _LINKS))
        self._filter = socket.socket(socket.AF_NETLINK, socket.SOCK_RAW, NETFILTER)
        self._filter.bind((0, 0))
        self._filter.setsockopt(_SOL_NETLINK, _ADD_MEMBERSHIP, _NFTABLES_GROUP)
        for one in (self._route, self._filter):
            one.settimeout(0)
            one.setsockopt(socket.SOL_SOCKET, socket.SO_RCVBUF, 1 << 23)

    def forget(self) -> None:
        """Throw away what has been said."""
        for one in (self._route, self._filter):
            while select.select([one], [], [], 0)[0]:
                one.recv(1 << 17)

    def last_change(self) -> int:
        """Return the nanoseconds from a device's loss to the last application's new element."""
        lost, changed, last = 0, 0, 0
        until_ns = time.monotonic_ns() + int(PATIENCE_S * SECOND)
        while changed < APPLICATIONS:
            left = (until_ns - time.monotonic_ns()) / SECOND
            ready = select.select([self._route, self._filter], [], [], max(0.0, left))[0]
            now = time.monotonic_ns()
            if not ready:
                raise TimeoutError(f"{changed} of {APPLICATIONS} applications have followed")
            if self._route in ready and not lost and _is_loss(self._route.recv(1 << 17)):
                lost = now
            if self._filter in ready:
                changed, last = changed + _elements(self._filter.recv(1 << 17)), now
        return last - lost

    def close(self) -> None:
        """Close the sockets."""
        self._route.close()
        self._filter.close()


def _is_loss(data: bytes) -> bool:
    """Return whether a device is said not to run."""
    return any(
        kind == _NEW_LINK and not struct.unpack_from("=I", payload, 8)[0] & _RUNNING
        for kind, _flags, _number, payload in messages(data)
    )


def _elements(data: bytes) -> int:
    """Return how many elements of our map are said to be new."""
    found = 0
    for kind, _flags, _number, payload in messages(data):
        if kind == _NEW_ELEMENT:
            parts = dict(attributes(payload, 4))
            if parts[_SET_NAME].rstrip(b"\0").decode() == MAP:
                found += sum(1 for _ in attributes(parts[_ELEMENTS]))
    return found


@contextmanager
def begun(files: Path, processes: int, applications: int = APPLICATIONS) -> Iterator[tuple[Ours, Namespace, float]]:
    """Build a gateway with two providers, start it, and wait until all applications are steered by the first.

    Yields how many milliseconds that took, too.
    """
    with ExitStack() as stack:
        node, providers, lan = (stack.enter_context(Namespace(name)) for name in ("gw", "providers", "lan"))
        node.connect("eth0", lan, "eth0")
        node("ip address add 192.168.1.1/24 dev eth0")
        for number in (1, 2):
            node.connect(f"eth{number}", providers, f"p{number}")
            node(f"ip address add 10.{number}.0.2/24 dev eth{number}")
            providers(f"ip address add 10.{number}.0.1/24 dev p{number}")
        files.mkdir(parents=True)
        gateway = _Shared(node, files / "gw")
        gateway.write(processes, applications)
        stack.callback(gateway.wait)
        stack.callback(gateway.stop)
        began = time.monotonic_ns()
        gateway.start()
        until(lambda: steered(gateway) == {1: applications}, PATIENCE_S, "all applications are steered")
        started_ms = (time.monotonic_ns() - began) / MILLISECOND
        time.sleep(SETTLING_S)
        yield gateway, providers, started_ms


class _Shared(Ours):
    """Our daemon with many applications."""

    def write(self, processes: int, applications: int) -> None:
        """Write its configuration."""
        document = {
            "node": "gw",
            "role": "standalone",
            "lans": {"eth0": {}},
            "groups": {
                number: {"mode": "static", "device": f"eth{number}", "gateway": f"10.{number}.0.1", "interval": "200ms"}
                for number in (1, 2)
            },
            "applications": "apps.conf",
            "processes": processes,
        }
        lines = [f"App=* 10.9.{n // 250}.{n % 250} * * * * [1 2] name=app-{n:04d}\n" for n in range(applications)]
        (self.directory / "apps.conf").write_text("".join(lines))
        (self.directory / "linkbalancer.yaml").write_text(yaml.safe_dump(document, sort_keys=False))


def steered(gateway: Ours) -> dict[int, int]:
    """Return how many applications are said to be on each VID."""
    found: dict[int, int] = {}
    for one in gateway.status().get("applications", {}).values():
        if one["vid"] is not None:
            found[one["vid"]] = found.get(one["vid"], 0) + 1
    return found


def _cpu_times(pids: Iterable[int]) -> dict[int, int]:
    """Return the nanoseconds that each has run; a child that lives for one errand may have ended."""
    found = {}
    for pid in pids:
        with suppress(FileNotFoundError, ProcessLookupError):
            found[pid] = cpu_time([pid])
    return found


def _own_memory(pid: int) -> float:
    """Return the MiB that a process shares with nobody."""
    fields = dict(line.split(":", 1) for line in Path(f"/proc/{pid}/smaps_rollup").read_text().splitlines()[1:])
    return sum(int(fields[name].split()[0]) for name in ("Private_Clean", "Private_Dirty")) / 1024
