"""What many links cost: CPU time and memory of both ends of N links, probed at the default interval, with one VID.

Nothing of Keepalived's is like it, so these figures are ours alone.
"""

import secrets
import time
from collections.abc import Iterator
from contextlib import ExitStack, contextmanager
from pathlib import Path
from typing import Any

import yaml

from tests.benchmarks.cost import SETTLING_S, cpu_time, memory_of
from tests.benchmarks.figures import Figure
from tests.benchmarks.job import Job, Setting
from tests.daemon.waiting import until
from tests.interop.makers import Gateway, Ours
from tests.namespaces import Namespace

LINKS = (1, 8, 64)
ENDS = {"controller": 1, "controlled": 2}
WINDOW_S = 2.0
PATIENCE_S = 60.0


def jobs() -> list[Job]:
    """Return what can be measured of many links."""
    return [_job(links) for links in LINKS]


def _job(links: int) -> Job:
    names = tuple(f"{what} {end} {links}-links" for end in ENDS for what in ("cpu", "memory"))
    return Job(names, lambda setting: _figures(links, setting), alone=True)


def _figures(links: int, setting: Setting) -> list[Figure]:
    setting.tell(f"cost of {links} links")
    cpu: dict[str, list[float]] = {end: [] for end in ENDS}
    memory: dict[str, list[float]] = {end: [] for end in ENDS}
    with _begun(setting.files / f"links-{links}", links) as gateways:
        pids = {end: gateway.namespace.pids() for end, gateway in gateways.items()}
        for _ in range(setting.repeat):
            begun, before = time.monotonic_ns(), {end: cpu_time(pids[end]) for end in ENDS}
            time.sleep(WINDOW_S)
            lasted, after = time.monotonic_ns() - begun, {end: cpu_time(pids[end]) for end in ENDS}
            for end in ENDS:
                cpu[end].append((after[end] - before[end]) / lasted)
                memory[end].append(memory_of(pids[end]))
        assert {end: gateway.namespace.pids() for end, gateway in gateways.items()} == pids, "a process has ended"
        assert all(_open(gateway) == links for gateway in gateways.values()), "a link has closed"
    return [
        figure
        for end in ENDS
        for figure in (
            Figure(f"cpu {end} {links}-links", "s/s", tuple(cpu[end]), (), 1e-5),
            Figure(f"memory {end} {links}-links", "MiB", tuple(memory[end]), (), 0.1),
        )
    ]


@contextmanager
def _begun(files: Path, links: int) -> Iterator[dict[str, Ours]]:
    """Build two gateways with N links between them, start them, and wait until all links are open."""
    with ExitStack() as stack:
        nodes = {end: stack.enter_context(Namespace(end)) for end in ENDS}
        lan = stack.enter_context(Namespace("lan"))
        files.mkdir(parents=True)
        (files / "link.key").write_text(f"1 {secrets.token_hex(32)}\n")
        (files / "link.key").chmod(0o600)
        for number in range(1, links + 1):
            nodes["controller"].connect(f"l{number}", nodes["controlled"], f"l{number}")
            for end, host in ENDS.items():
                nodes[end](f"ip address add 10.{number}.0.{host}/30 dev l{number}")
        gateways: dict[str, Ours] = {}
        for end, host in ENDS.items():
            nodes[end].connect("eth0", lan, end)
            nodes[end](f"ip address add 192.0.{host}.1/24 dev eth0")
            gateway = _Linked(nodes[end], files / end)
            gateway.write(end, links)
            gateways[end] = gateway
            stack.callback(gateway.wait)
        for one in gateways.values():
            stack.callback(one.stop)
            one.start()
        until(lambda: all(_open(one) == links for one in gateways.values()), PATIENCE_S, "all links are open")
        time.sleep(SETTLING_S)
        yield gateways


class _Linked(Ours):
    """Our daemon with N links."""

    def write(self, end: str, links: int) -> None:
        """Write its configuration."""
        host = ENDS[end]
        document: dict[str, Any] = {
            "node": end,
            "role": end,
            "links": {
                f"l{number}": {
                    "device": f"l{number}",
                    "local": f"10.{number}.0.{host}",
                    "peer": f"10.{number}.0.{3 - host}",
                    "key_file": "../link.key",
                }
                for number in range(1, links + 1)
            },
            "groups": {1: {"device": "eth0", "link": "l1", "virtual_ips": [f"192.0.{host}.251/24"]}},
            "applications": "apps.conf",
        }
        (self.directory / "apps.conf").write_text("App= * * * * * * [1] name=all\n")
        (self.directory / "linkbalancer.yaml").write_text(yaml.safe_dump(document, sort_keys=False))


def _open(gateway: Gateway) -> int:
    """Return how many links a gateway has open."""
    assert isinstance(gateway, Ours)
    return sum(link["open"] for link in gateway.status().get("links", {}).values())
