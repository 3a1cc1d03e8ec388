"""What many groups cost: CPU time and memory of all of a gateway's processes, as Master and as Backup."""

import time
from collections.abc import Callable, Iterator
from contextlib import ExitStack, contextmanager
from dataclasses import dataclass
from pathlib import Path

from tests.interop.makers import Gateway, Part
from tests.namespaces import Namespace

ROLES = {"master": 200, "backup": 100}
SETTLING_S = 3.0
PATIENCE_S = 60.0


@dataclass(frozen=True, slots=True)
class Load:
    """How many groups, and how often each advertises."""

    groups: int
    interval_ms: int

    @property
    def window_s(self) -> float:
        """How long one sample takes: several adverts of each group."""
        return max(1.0, 2 * self.interval_ms / 1000)


@dataclass(frozen=True, slots=True)
class Cost:
    """One gateway's samples: CPU seconds per second, and MiB (proportional set size)."""

    cpu: tuple[float, ...]
    memory: tuple[float, ...]


def measure(maker: Callable[..., Gateway], files: Path, load: Load, samples: int) -> dict[str, Cost]:
    """Return what a Master and a Backup of one maker cost, beside each other on one LAN."""
    with _built(maker, files, load) as gateways:
        for gateway in gateways.values():
            gateway.start()
        _await_settled(gateways, load)
        time.sleep(SETTLING_S)
        pids = {role: gateway.namespace.pids() for role, gateway in gateways.items()}
        cpu: dict[str, list[float]] = {role: [] for role in ROLES}
        memory: dict[str, list[float]] = {role: [] for role in ROLES}
        for _ in range(samples):
            begun, before = time.monotonic_ns(), {role: cpu_time(pids[role]) for role in ROLES}
            time.sleep(load.window_s)
            lasted, after = time.monotonic_ns() - begun, {role: cpu_time(pids[role]) for role in ROLES}
            for role in ROLES:
                cpu[role].append((after[role] - before[role]) / lasted)
                memory[role].append(memory_of(pids[role]))
        assert {role: gateway.namespace.pids() for role, gateway in gateways.items()} == pids, "a process has ended"
        _assert_settled(gateways, load)
    return {role: Cost(tuple(cpu[role]), tuple(memory[role])) for role in ROLES}


@contextmanager
def _built(maker: Callable[..., Gateway], files: Path, load: Load) -> Iterator[dict[str, Gateway]]:
    """Build a LAN with two gateways, configured and not yet started, and end them afterwards."""
    with ExitStack() as stack:
        nodes = {role: stack.enter_context(Namespace(role)) for role in ROLES}
        nodes["master"].connect("eth0", nodes["backup"], "eth0")
        gateways = {}
        for number, (role, priority) in enumerate(ROLES.items(), 1):
            nodes[role](f"ip address add 10.9.255.{number}/16 dev eth0")
            gateways[role] = gateway = maker(nodes[role], files / role)
            gateway.configure([_part(vid, priority, number, load) for vid in range(1, load.groups + 1)])
            stack.callback(gateway.wait)
        for gateway in gateways.values():
            stack.callback(gateway.stop)
        yield gateways


def _part(vid: int, priority: int, number: int, load: Load) -> Part:
    return Part(
        vid=vid,
        virtual=(f"10.9.1.{vid}/32",),
        source=f"10.9.255.{number}",
        peer=f"10.9.255.{3 - number}",
        priority=priority,
        interval_ms=load.interval_ms,
    )


def _held(gateway: Gateway) -> int:
    """Return how many virtual IPs a gateway's kernel has."""
    return gateway.namespace("ip -4 -o address show dev eth0").count(" 10.9.1.")


def _await_settled(gateways: dict[str, Gateway], load: Load) -> None:
    end = time.monotonic() + PATIENCE_S
    while (_held(gateways["master"]), _held(gateways["backup"])) != (load.groups, 0):
        if time.monotonic() > end:
            raise TimeoutError(f"the Master has {_held(gateways['master'])} of {load.groups} addresses")
        time.sleep(0.2)


def _assert_settled(gateways: dict[str, Gateway], load: Load) -> None:
    """A figure of gateways that fight would be worth nothing."""
    assert (_held(gateways["master"]), _held(gateways["backup"])) == (load.groups, 0), "the Master has changed"


def cpu_time(pids: list[int]) -> int:
    """Return the nanoseconds that processes have run, all their threads."""
    return sum(
        int((task / "schedstat").read_text().split()[0]) for pid in pids for task in Path(f"/proc/{pid}/task").iterdir()
    )


def memory_of(pids: list[int]) -> float:
    """Return the MiB that processes have, each shared page divided by its users."""
    texts = [Path(f"/proc/{pid}/smaps_rollup").read_text() for pid in pids]
    return sum(int(text.split("\nPss:")[1].split()[0]) for text in texts) / 1024
