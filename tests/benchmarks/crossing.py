"""Two LANs, joined by two gateways of one maker, each Master or Backup in both (a sync group), with a host on each LAN.

near host --- br0 ---+--- g1 ---+--- br1 --- far host
                     +--- g2 ---+
"""

import json
import socket
import struct
import subprocess
import time
from collections.abc import Callable, Collection, Iterator
from contextlib import ExitStack, contextmanager
from dataclasses import dataclass
from pathlib import Path
from typing import Any, Self

from linkbalancer.clock import MILLISECOND, SECOND, Duration, Instant
from linkbalancer.host.packetfilter import accept_protocol
from tests.benchmarks.traffic import Traffic
from tests.interop.makers import Gateway, Part
from tests.namespaces import Namespace

GATEWAYS = ("g1", "g2")
PRIORITIES = {"g1": 200, "g2": 100}
LANS = {"eth0": "192.0.2", "eth1": "198.51.100"}
_VRRP = 112
_ALL_PROTOCOLS = 0x0003
_OUTGOING = 4
_SO_TIMESTAMPNS = 35
_NEW_LINK = 16
_REQUEST_ACK = 0x5


class Ear:
    """Hears the adverts on both LANs, with the kernel's time stamps; the port that they came by says whose they are."""

    def __init__(self, switches: Namespace, names: Collection[str] = GATEWAYS) -> None:
        self._names = frozenset(names)
        with switches.entered():
            self._socket = socket.socket(socket.AF_PACKET, socket.SOCK_DGRAM, socket.htons(_ALL_PROTOCOLS))
            accept_protocol(self._socket, _VRRP)
        self._socket.setsockopt(socket.SOL_SOCKET, _SO_TIMESTAMPNS, 1)
        self.last: dict[str, tuple[Instant, int]] = {}

    def close(self) -> None:
        """Hear no more."""
        self._socket.close()

    def listen(self, seconds: float) -> list[tuple[str, Instant, int]]:
        """Return who advertised which priority when, after waiting for the first to come."""
        self._socket.settimeout(max(seconds, 1e-6))
        offset = time.monotonic_ns() - time.clock_gettime_ns(time.CLOCK_REALTIME)
        heard: list[tuple[str, Instant, int]] = []
        while True:
            try:
                packet, ancillary, _flags, origin = self._socket.recvmsg(2048, socket.CMSG_SPACE(16))
            except (TimeoutError, BlockingIOError):
                return heard
            self._socket.settimeout(0)
            if origin[2] == _OUTGOING or packet[0] >> 4 != 4 or origin[0].split("-")[0] not in self._names:
                continue
            start = (packet[0] & 15) * 4
            seconds_, rest = struct.unpack("=qq", ancillary[0][2])
            at = seconds_ * SECOND + rest + offset
            self.last[origin[0]] = (at, packet[start + 2])
            heard.append((origin[0], at, packet[start + 2]))


class Switch:
    """Takes the carrier from gateways' legs, and gives it back, by one message each: no program has to start."""

    def __init__(self, switches: Namespace) -> None:
        with switches.entered():
            self._socket = socket.socket(socket.AF_NETLINK, socket.SOCK_RAW, 0)
            self._numbers = {name: number for number, name in socket.if_nameindex()}
        self._socket.settimeout(5)

    def close(self) -> None:
        """Do no more."""
        self._socket.close()

    def set(self, port: str, *, up: bool) -> None:
        """Set a port up or down."""
        body = struct.pack("=BxHiII", 0, 0, self._numbers[port], int(up), 1)
        self._socket.send(struct.pack("=IHHII", 16 + len(body), _NEW_LINK, _REQUEST_ACK, 1, 0) + body)
        answer = self._socket.recv(4096)
        assert struct.unpack_from("=i", answer, 16) == (0,), f"{port}: {answer.hex()}"


@dataclass(slots=True)
class Crossing:
    """The place, built; `interval_ms` between two adverts."""

    interval_ms: int
    switches: Namespace
    nodes: dict[str, Namespace]
    gateways: dict[str, Gateway]
    parts: dict[str, list[Part]]
    switch: Switch
    ear: Ear
    traffic: Traffic

    @property
    def interval(self) -> Duration:
        """The time between two adverts."""
        return self.interval_ms * MILLISECOND

    def await_master(self, name: str, seconds: float) -> None:
        """Wait until a gateway is the only one to advertise, on both LANs, and all traffic passes."""
        calm = max(3 * self.interval, 200 * MILLISECOND)
        since = begun = time.monotonic_ns()
        while time.monotonic_ns() < begun + seconds * SECOND:
            for port, at, priority in self.ear.listen(self.interval / SECOND):
                if not port.startswith(name) and priority > 0:
                    since = max(since, at)
            now = time.monotonic_ns()
            mine = [self.ear.last.get(f"{name}-{lan}", (0, 0)) for lan in LANS]
            speaks = all(at > now - 2 * self.interval - 100 * MILLISECOND and priority for at, priority in mine)
            if not speaks:
                since = now
            elif now - since > calm and self._passes():
                return
        raise TimeoutError(f"{name} is not the one Master within {seconds} s: {self.ear.last}")

    def _passes(self) -> bool:
        arrived = self.traffic.arrived(time.monotonic_ns() - 100 * MILLISECOND)
        return all(arrived.values())

    def advert_of(self, port: str) -> Instant:
        """Wait for the next advert that comes by a port; return when it came."""
        self.ear.listen(0)
        for _ in range(100):
            for heard, at, priority in self.ear.listen(self.interval / SECOND):
                if heard == port and priority > 0:
                    return at
        raise TimeoutError(f"no advert by {port}")

    def reboot(self, name: str) -> None:
        """Take from a gateway's kernel and /run what a boot takes."""
        node = self.nodes[name]
        for device in LANS:
            for entry in shown(node, f"address show dev {device}")[0]["addr_info"]:
                if entry["local"].endswith(".251"):
                    node(f"ip address del {entry['local']}/{entry['prefixlen']} dev {device}")
        self.gateways[name].forget()


@contextmanager
def built(maker: Callable[..., Gateway], files: Path, interval_ms: int) -> Iterator[Crossing]:
    """Build the place with two gateways of one maker, not yet started, and remove it all afterwards."""
    with ExitStack() as stack:
        switches = stack.enter_context(Namespace("switches"))
        nodes = {name: stack.enter_context(Namespace(name)) for name in (*GATEWAYS, "near", "far")}
        _wire(switches, nodes)
        ear, switch = Ear(switches), Switch(switches)
        stack.callback(ear.close)
        stack.callback(switch.close)
        parts = {name: [_part(name, device, interval_ms) for device in LANS] for name in GATEWAYS}
        gateways = {name: maker(nodes[name], files / name) for name in GATEWAYS}
        for name, gateway in gateways.items():
            gateway.configure(parts[name], together=True)
        addresses = f"{LANS['eth0']}.100", f"{LANS['eth1']}.100"
        traffic = Traffic(
            nodes["near"], nodes["far"], addresses=addresses, virtual=f"{LANS['eth0']}.251", every=every(interval_ms)
        )
        stack.enter_context(traffic)
        stack.enter_context(Ending(gateways))
        yield Crossing(interval_ms, switches, nodes, gateways, parts, switch, ear, traffic)


def every(interval_ms: int) -> Duration:
    """Return how far apart packets are sent: a thousandth of a second where the figures are small."""
    return min(max(interval_ms // 100, 1), 5) * MILLISECOND


class Ending:
    """Has the gateways leave at the end of a `with` block."""

    def __init__(self, gateways: dict[str, Gateway]) -> None:
        self._gateways = gateways

    def __enter__(self) -> Self:
        return self

    def __exit__(self, *_why: object) -> None:
        for gateway in self._gateways.values():
            gateway.stop()
        for gateway in self._gateways.values():
            gateway.wait()


def _part(name: str, device: str, interval_ms: int) -> Part:
    lan, number = LANS[device], GATEWAYS.index(name) + 1
    return Part(
        vid=list(LANS).index(device) + 1,
        virtual=(f"{lan}.251/24",),
        source=f"{lan}.{number}",
        peer=f"{lan}.{3 - number}",
        priority=PRIORITIES[name],
        interval_ms=interval_ms,
        device=device,
    )


def _wire(switches: Namespace, nodes: dict[str, Namespace]) -> None:
    """Make bridges, legs and addresses."""
    for bridge in ("br0", "br1"):
        switches(f"ip link add {bridge} type bridge stp_state 0 mcast_snooping 0", f"ip link set {bridge} up")
    for number, name in enumerate(GATEWAYS, 1):
        node = nodes[name]
        for bridge, (device, lan) in zip(("br0", "br1"), LANS.items(), strict=True):
            switches(f"ip link add {name}-{device} type veth peer name {device} netns {node.name}")
            switches(f"ip link set {name}-{device} master {bridge} up")
            node(f"ip link set {device} up", f"ip address add {lan}.{number}/24 dev {device}")
        node("sysctl -qw net.ipv4.ip_forward=1 net.ipv4.conf.all.send_redirects=0")
    for bridge, host, lan in zip(("br0", "br1"), ("near", "far"), LANS.values(), strict=True):
        switches(f"ip link add {host} type veth peer name eth0 netns {nodes[host].name}")
        switches(f"ip link set {host} master {bridge} up")
        nodes[host]("ip link set eth0 up", f"ip address add {lan}.100/24 dev eth0")
        nodes[host](f"ip route add default via {lan}.251")


def shown(node: Namespace, command: str) -> list[dict[str, Any]]:
    """Return what `ip` shows of a namespace."""
    words = ["ip", "-netns", node.name, "-json", *command.split()]
    return list(json.loads(subprocess.run(words, capture_output=True, text=True, check=True).stdout or "[]"))
