"""Two sites, two links, four gateways of one maker: B1 and F1 at the ends of L1, B2 and F2 at those of L2.

near host --- near ---+--- b1 --- l1 --- f1 ---+--- far --- far host
                      +--- b2 --- l2 --- f2 ---+
"""

import time
from collections.abc import Iterator
from contextlib import ExitStack, contextmanager
from dataclasses import dataclass
from pathlib import Path

from linkbalancer.clock import MILLISECOND, SECOND, Duration, Instant
from tests.benchmarks.crossing import Ear, Ending, Switch
from tests.benchmarks.linked import End, Maker
from tests.benchmarks.traffic import Traffic
from tests.interop.makers import Gateway, Part
from tests.namespaces import Namespace

LANS = {"b": ("near", "192.0.2"), "f": ("far", "198.51.100")}
NODES = ("b1", "b2", "f1", "f2")
FIRST = ("b1", "f1")
SUCCESSORS = ("b2", "f2")
PRIORITIES = {"1": 150, "2": 100}
EVERY: Duration = 1 * MILLISECOND
"""A thousand packets a second each way."""


@dataclass(slots=True)
class Sites:
    """The place, built; `interval_ms` between two adverts."""

    interval_ms: int
    gateways: dict[str, Gateway]
    switch: Switch
    ear: Ear
    traffic: Traffic

    @property
    def interval(self) -> Duration:
        """The time between two adverts."""
        return self.interval_ms * MILLISECOND

    def await_masters(self, names: tuple[str, ...], seconds: float) -> None:
        """Wait until these gateways alone advertise, each on its LAN, and all traffic passes."""
        calm = max(2 * self.interval, 300 * MILLISECOND)
        since = begun = time.monotonic_ns()
        while time.monotonic_ns() < begun + seconds * SECOND:
            for port, at, priority in self.ear.listen(self.interval / SECOND):
                if port not in names and priority > 0:
                    since = max(since, at)
            now = time.monotonic_ns()
            last = [self.ear.last.get(name, (0, 0)) for name in names]
            if not all(at > now - 2 * self.interval - 100 * MILLISECOND and priority for at, priority in last):
                since = now
            elif now - since > calm and self._passes():
                return
        raise TimeoutError(f"{' and '.join(names)} are not the only Masters within {seconds} s: {self.ear.last}")

    def _passes(self) -> bool:
        return all(self.traffic.arrived(time.monotonic_ns() - 100 * MILLISECOND).values())

    def advert_of(self, name: str) -> Instant:
        """Wait for a gateway's next advert; return when it came."""
        self.ear.listen(0)
        for _ in range(100):
            for heard, at, priority in self.ear.listen(self.interval / SECOND):
                if heard == name and priority > 0:
                    return at
        raise TimeoutError(f"no advert by {name}")


@contextmanager
def built(maker: Maker, files: Path, interval_ms: int) -> Iterator[Sites]:
    """Build the place with gateways of one maker, not yet started, and remove it all afterwards."""
    with ExitStack() as stack:
        switches = stack.enter_context(Namespace("switches"))
        nodes = {name: stack.enter_context(Namespace(name)) for name in (*NODES, "near", "far")}
        _wire(switches, nodes)
        ear, switch = Ear(switches, NODES), Switch(switches)
        stack.callback(ear.close)
        stack.callback(switch.close)
        files.mkdir(parents=True)
        gateways = {name: maker(nodes[name], files / name, _end(name, interval_ms)) for name in NODES}
        near, far = (prefix for _, prefix in LANS.values())
        addresses, virtual = (f"{near}.100", f"{far}.100"), f"{near}.251"
        traffic = Traffic(nodes["near"], nodes["far"], addresses=addresses, virtual=virtual, every=EVERY)
        stack.enter_context(traffic)
        stack.enter_context(Ending(gateways))
        yield Sites(interval_ms, gateways, switch, ear, traffic)


def _end(name: str, interval_ms: int) -> End:
    side, number = name[0], name[1]
    _, lan = LANS[side]
    ends = {"b": f"10.{number}.0.1", "f": f"10.{number}.0.2"}
    part = Part(
        vid=1,
        virtual=(f"{lan}.251/24",),
        source=f"{lan}.{number}",
        peer=f"{lan}.{3 - int(number)}",
        priority=PRIORITIES[number],
        interval_ms=interval_ms,
    )
    other = "f" if side == "b" else "b"
    beyond = f"{LANS[other][1]}.0/24"
    return End(name, f"l{number}", near=side == "b", part=part, local=ends[side], peer=ends[other], beyond=beyond)


def _wire(switches: Namespace, nodes: dict[str, Namespace]) -> None:
    """Make bridges, legs and addresses."""
    for bridge in ("near", "far", "l1", "l2"):
        switches(f"ip link add {bridge} type bridge stp_state 0 mcast_snooping 0", f"ip link set {bridge} up")
    for place, name in enumerate(NODES):
        node, side, number = nodes[name], name[0], name[1]
        bridge, lan = LANS[side]
        own = f"10.{number}.0.{1 if side == 'b' else 2}"
        legs = (name, "eth0", bridge, f"{lan}.{number}"), (f"{name}-l", "eth1", f"l{number}", own)
        for index, (port, device, switch, address) in enumerate(legs):
            # Ends with equal numbers look like a real device to the kernel, which then holds back a lost carrier.
            switches(
                f"ip link add {port} index {100 + 2 * place + index} type veth "
                f"peer name {device} index {10 + index} netns {node.name}",
                f"ip link set {port} master {switch} up",
            )
            node(f"ip link set {device} up", f"ip address add {address}/24 dev {device}")
        node("sysctl -qw net.ipv4.ip_forward=1 net.ipv4.conf.all.send_redirects=0")
    for name, (_, lan) in zip(("near", "far"), LANS.values(), strict=True):
        switches(f"ip link add host-{name} type veth peer name eth0 netns {nodes[name].name}")
        switches(f"ip link set host-{name} master {name} up")
        nodes[name](
            "ip link set eth0 up", f"ip address add {lan}.100/24 dev eth0", f"ip route add default via {lan}.251"
        )
