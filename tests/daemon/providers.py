"""A gateway with two providers and no VRRP, with hosts: `inside -- gw -- provider1, provider2 -- outside`.

What leaves is masqueraded, so that answers come back by the provider that was asked.
"""

import subprocess
import sys
from collections.abc import Iterator
from contextlib import ExitStack, contextmanager
from itertools import pairwise
from pathlib import Path

from tests.daemon.gateway import Gateway
from tests.namespaces import Namespace

CONFIG = """\
node: gw
role: standalone
lans: {eth0: {}}
groups:
  1: {mode: static, device: eth1, gateway: 203.0.113.1, interval: 200ms, nat: masquerade,
      probes: [{arp: true}, {icmp: 198.51.100.1}, {tcp: "198.51.100.1:80"}]}
  2: {mode: static, device: eth2, gateway: 192.0.2.1, interval: 200ms, nat: masquerade,
      probes: [{icmp: 198.51.100.1}]}
applications: apps.conf
"""

RULES = """\
App=* * * * 443 udp [2 1] name=web
App=* * * * * * [1 2] name=rest
"""

ECHO = """
import socket
sock = socket.socket(socket.AF_INET, socket.SOCK_DGRAM)
sock.bind(("198.51.100.1", int(__import__("sys").argv[1])))
while True:
    data, peer = sock.recvfrom(100)
    sock.sendto(data + b" " + peer[0].encode(), peer)
"""

GREET = """
import socket
listener = socket.create_server(("198.51.100.1", 80))
while True:
    listener.accept()[0].close()
"""
"""What is probed by TCP: who waited for a word would be deaf to all others when a cut swallows a probe's farewell."""

TALK = """
import socket, sys, time
sock = socket.socket(socket.AF_INET, socket.SOCK_DGRAM)
sock.settimeout(0)
sock.connect(("198.51.100.1", int(sys.argv[1])))
number, due = 0, time.monotonic()
while True:
    try:
        sock.send(str(number).encode())
    except OSError:
        pass
    number, due = number + 1, due + 0.005
    while (left := due - time.monotonic()) > 0:
        time.sleep(min(left, 0.001))
        try:
            echo, by = sock.recv(100).decode().split()
            print(echo, by, time.monotonic(), flush=True)
        except OSError:
            pass
"""


def connect_providers(
    gw: Namespace, devices: tuple[str, str], providers: tuple[Namespace, Namespace], outside: Namespace
) -> None:
    """Give a gateway two providers, 203.0.113.1 and 192.0.2.1, and beyond both of them 198.51.100.1."""
    nets = ("203.0.113", "192.0.2")
    outside("ip addr add 198.51.100.1/32 dev lo")
    for number, (device, provider, net) in enumerate(zip(devices, providers, nets, strict=True), 1):
        gw.connect(device, provider, "eth0")
        provider.connect("eth1", outside, f"eth{number}")
        outside(f"ip addr add 10.9.{number}.2/30 dev eth{number}", f"ip route add {net}.0/24 via 10.9.{number}.1")
        provider(
            f"ip addr add {net}.1/24 dev eth0",
            f"ip addr add 10.9.{number}.1/30 dev eth1",
            f"ip route add 198.51.100.0/24 via 10.9.{number}.2",
            "sysctl -qw net.ipv4.ip_forward=1",
        )


class Site:
    """All of it."""

    def __init__(self, stack: ExitStack, directory: Path) -> None:
        """Build the network and write the gateway's files; nothing of ours runs yet."""
        names = ("inside", "gw", "p1", "p2", "outside")
        self.inside, self.gw, self.p1, self.p2, self.outside = (stack.enter_context(Namespace(one)) for one in names)
        self.inside.connect("eth0", self.gw, "eth0")
        connect_providers(self.gw, ("eth1", "eth2"), (self.p1, self.p2), self.outside)
        self.inside("ip addr add 192.168.1.10/24 dev eth0", "ip route add default via 192.168.1.1")
        self.gw(
            "ip addr add 192.168.1.1/24 dev eth0",
            "ip addr add 203.0.113.2/24 dev eth1",
            "ip addr add 192.0.2.2/24 dev eth2",
        )
        self.gateway = Gateway(self.gw, directory / "gw", node="", role="", local="", peer="", lan="")
        self.gateway.config.write_text(CONFIG)
        (self.gateway.directory / "apps.conf").write_text(RULES)
        self._stack = stack
        for port in (80, 443, 9999):
            self.run(self.outside, ECHO, str(port))
        self.run(self.outside, GREET)

    def run(self, where: Namespace, program: str, *words: str, output: Path | None = None) -> None:
        """Run a piece of Python until the end."""
        with (output or Path("/dev/null")).open("wb") as file:
            command = ["ip", "netns", "exec", where.name, sys.executable, "-c", program, *words]
            process = subprocess.Popen(command, stdout=file, stderr=subprocess.DEVNULL)

        def end() -> None:
            process.kill()
            process.wait()

        self._stack.callback(end)

    def talk(self, port: int, file: Path) -> "Talk":
        """Have the host inside talk to the echo outside, 200 times a second."""
        self.run(self.inside, TALK, str(port), output=file)
        return Talk(file)


class Talk:
    """What came back, so far."""

    def __init__(self, file: Path) -> None:
        """Nothing yet."""
        self._file = file

    def echoes(self) -> list[tuple[int, str, float]]:
        """Return number, the address that the outside saw, and when, of each."""
        lines = [line.split() for line in self._file.read_text().splitlines()]
        return [(int(line[0]), line[1], float(line[2])) for line in lines if len(line) == 3]

    def by(self) -> str:
        """Return the address that the outside saw last, empty before the first echo."""
        echoes = self.echoes()
        return echoes[-1][1] if echoes else ""

    def outage(self, since: float) -> float:
        """Return the longest silence after an instant, in seconds."""
        times = [at for _number, _by, at in self.echoes()]
        pairs = [(one, other) for one, other in pairwise(times) if other > since]
        return max(other - one for one, other in pairs)


@contextmanager
def site(directory: Path) -> Iterator[Site]:
    """Yield it; everything is gone afterwards."""
    with ExitStack() as stack:
        yield Site(stack, directory)
