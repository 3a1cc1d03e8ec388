"""Two sites with two whole gateways each and IPv6 hosts: `nearhost -- b1, b2 == l1, l2 == f1, f2 -- farhost`.

The hosts have IPv6 alone, and a static default route to a link-local virtual IP of their gateways.
"""

import socket
import subprocess
import sys
import time
from collections.abc import Iterator
from contextlib import ExitStack, contextmanager
from itertools import pairwise
from pathlib import Path

from tests.daemon.gateway import Gateway
from tests.daemon.waiting import until
from tests.namespaces import Namespace

CONFIG = """\
node: {node}
role: {role}
lans:
  eth0: {{members: [{lan}.{other}]}}
links:
  l{own}: {{device: eth1, local: 10.{own}.0.{end}, peer: 10.{own}.0.{far_end}, peer6: "{peer6}", key_file: l1.key,
       probe: {{interval: [50ms, 100ms], misses: 6}}, on_probe_loss: demote{more}}}
groups:
  1: {{device: eth0, link: l{own}, virtual_ips: [{lan}.251/24], priority: {first}, advert_interval: 200ms}}
  2: {{device: eth0, link: l{own}, virtual_ips: [{lan}.252/24], priority: {second}, advert_interval: 200ms}}
  9/ipv6: {{device: eth0, link: l{own}, virtual_ips: ["fe80::251/64", "{prefix}::251/64"], priority: {first},
            advert_interval: 200ms}}
applications: apps.conf
"""

RULES = """\
App=* * * * 443 *   [2 1] name=web
App=* * * * *   *   [1 2] name=rest
"""

NEAR, FAR = "2001:db8:1", "2001:db8:2"
NEAR_HOST, FAR_HOST = f"{NEAR}::100", f"{FAR}::100"

_MTU_DISCOVER, _MTU, _TELL_ERRORS, _ALWAYS = 23, 24, 25, 2

ECHO = """
import socket, sys, threading
address, port = sys.argv[1], int(sys.argv[2])
def udp():
    sock = socket.socket(socket.AF_INET6, socket.SOCK_DGRAM)
    sock.bind((address, port))
    while True:
        data, peer = sock.recvfrom(2000)
        sock.sendto(data, peer)
threading.Thread(target=udp, daemon=True).start()
listener = socket.create_server((address, port), family=socket.AF_INET6)
def serve(one):
    while data := one.recv(2000):
        one.sendall(data)
while True:
    threading.Thread(target=serve, args=(listener.accept()[0],), daemon=True).start()
"""

TALK = """
import socket, sys, time
kind = socket.SOCK_STREAM if sys.argv[1] == "tcp" else socket.SOCK_DGRAM
sock = socket.socket(socket.AF_INET6, kind)
sock.settimeout(20)
sock.connect((sys.argv[2], int(sys.argv[3])))
sock.settimeout(0.02 if kind == socket.SOCK_DGRAM else 20)
while True:
    try:
        sock.send(b"x" * 20)
        sock.recv(2000)
        print(time.monotonic(), flush=True)
    except TimeoutError:
        pass
    time.sleep(0.01)
"""


def exchange(where: Namespace, address: str, port: int, size: int = 9) -> int:
    """Send a datagram from a namespace and wait for its echo; return the way's MTU as its host knows it.

    Raises OSError: TimeoutError where nothing comes back, else what an error of ICMPv6 says.
    """
    with where.entered():
        sock = socket.socket(socket.AF_INET6, socket.SOCK_DGRAM)
    with sock:
        sock.setsockopt(socket.IPPROTO_IPV6, _MTU_DISCOVER, _ALWAYS)
        sock.settimeout(2)
        sock.connect((address, port))
        sock.send(bytes(size))
        sock.recv(2000)
        return sock.getsockopt(socket.IPPROTO_IPV6, _MTU)


def refusal(where: Namespace, address: str, port: int, seconds: float = 15) -> int:
    """Return the number of the error by which a datagram of a namespace is refused.

    It is sent again and again: a gateway answers a host with an error a second, and others of it ask too.
    """
    with where.entered():
        sock = socket.socket(socket.AF_INET6, socket.SOCK_DGRAM)
    with sock:
        sock.setsockopt(socket.IPPROTO_IPV6, _TELL_ERRORS, 1)
        sock.settimeout(0.1)
        sock.connect((address, port))
        end = time.monotonic() + seconds
        while time.monotonic() < end:
            try:
                sock.send(b"question")
                assert not sock.recv(100), "it was answered"
            except TimeoutError:
                continue
            except OSError as error:
                return error.errno or 0
    raise AssertionError("neither answered nor refused")


class Talk:
    """A conversation of the near host with the far one, as far as it has come."""

    def __init__(self, file: Path) -> None:
        """Nothing yet."""
        self._file = file

    def answers(self) -> list[float]:
        """Return when answers came."""
        return [float(line) for line in self._file.read_text().split("\n")[:-1]]

    def goes_on(self, seconds: float = 20) -> None:
        """Wait until twenty more answers have come."""
        before = len(self.answers())
        until(lambda: len(self.answers()) >= before + 20, seconds, "the conversation goes on")

    def pause(self, since: float) -> float:
        """Return the longest silence after an instant, in seconds."""
        return max((later - one for one, later in pairwise(self.answers()) if later > since), default=0.0)


class Site:
    """All of it, settled."""

    def __init__(self, stack: ExitStack, directory: Path) -> None:
        """Build both sites, start their gateways, and wait until each link carries its VID."""
        self._stack, self._directory = stack, directory
        names = ("nearhost", "farhost", "nearlan", "farlan", "b1", "b2", "f1", "f2")
        self.spaces = {name: stack.enter_context(Namespace(name)) for name in names}
        self.near_host, self.far_host = self.spaces["nearhost"], self.spaces["farhost"]
        for number in (1, 2):
            self.spaces[f"b{number}"].connect("eth1", self.spaces[f"f{number}"], "eth1")
        self._lan("near", "b", NEAR, "192.0.2")
        self._lan("far", "f", FAR, "198.51.100")
        self.gateways = {name: self._gateway(name) for name in ("b1", "b2", "f1", "f2")}
        for one in self.gateways.values():
            one.start()
            stack.callback(one.stop)
        until(self.settled, 40, "all four have settled")
        for port in (443, 5000):
            self.run(self.far_host, ECHO, FAR_HOST, str(port))
        self.run(self.near_host, ECHO, NEAR_HOST, "443")

    def _lan(self, name: str, letter: str, prefix: str, lan: str) -> None:
        switch, host = self.spaces[f"{name}lan"], self.spaces[f"{name}host"]
        switch("ip link add br0 type bridge stp_state 0 mcast_snooping 0", "ip link set br0 up")
        for number, port in ((100, f"{name}host"), (1, f"{letter}1"), (2, f"{letter}2")):
            self.spaces[port].connect("eth0", switch, port)
            switch(f"ip link set {port} master br0")
            self.spaces[port](f"ip addr add {prefix}::{number}/64 dev eth0 nodad")
        for number in (1, 2):
            gateway, end = self.spaces[f"{letter}{number}"], 1 if letter == "b" else 2
            gateway(
                f"ip addr add {lan}.{number}/24 dev eth0",
                f"ip addr add 10.{number}.0.{end}/24 dev eth1",
                f"ip addr add fe80::{end}/64 dev eth1 nodad",
            )
        host("ip -6 route add default via fe80::251 dev eth0")

    def _gateway(self, name: str) -> Gateway:
        near, own = name[0] == "b", int(name[1])
        texts = {
            "node": name,
            "role": "controller" if near else "controlled",
            "lan": "192.0.2" if near else "198.51.100",
            "prefix": NEAR if near else FAR,
            "peer6": "fe80::2" if near else "fe80::1",
        }
        numbers = {"own": own, "other": 3 - own, "end": 1 if near else 2, "far_end": 2 if near else 1}
        priorities = {"first": 150 if own == 1 else 100, "second": 150 if own == 2 else 100}
        gateway = Gateway(self.spaces[name], self._directory / name, node="", role="", local="", peer="", lan="")
        gateway.config.write_text(CONFIG.format(**texts, **numbers, **priorities, more=""))
        (gateway.directory / "apps.conf").write_text(RULES)
        return gateway

    def settled(self) -> bool:
        """Return whether each VID is mastered over its own link at both ends, and every application steered to it."""
        for name, one in self.gateways.items():
            status = one.status()
            if not status or not all(group["works"] for group in status["groups"].values()):
                return False
            if status["groups"][name[1]]["next_hop"] != f"l{name[1]}":
                return False
            if [status["applications"][app]["vid"] for app in ("web", "rest")] != [2, 1]:
                return False
        return True

    def run(self, where: Namespace, program: str, *words: str, output: Path | None = None) -> None:
        """Run a piece of Python until the end."""
        with (output or Path("/dev/null")).open("wb") as file:
            command = ["ip", "netns", "exec", where.name, sys.executable, "-c", program, *words]
            process = subprocess.Popen(command, stdout=file, stderr=subprocess.DEVNULL)

        def end() -> None:
            process.kill()
            process.wait()

        self._stack.callback(end)

    def talk(self, kind: str, port: int, file: Path) -> Talk:
        """Have the near host talk to the far one."""
        self.run(self.near_host, TALK, kind, FAR_HOST, str(port), output=file)
        return Talk(file)

    def carried(self, link: int, port: int) -> tuple[int, int]:
        """Return how many packets of a port the near end of a link has sent, and received."""
        told = self.spaces[f"b{link}"]("nft list table inet counted")
        lines = [line.split() for line in told.splitlines() if f"port {port} " in line]
        found = {line[0]: int(line[line.index("packets") + 1]) for line in lines}
        return found["oifname"], found["iifname"]

    def count(self) -> None:
        """Count from now on what crosses each link, by the port of the far host."""
        for link in (1, 2):
            text = "table inet counted {\nchain c { type filter hook forward priority 300;\n"
            for port in (443, 5000):
                text += f'oifname "eth1" meta nfproto ipv6 th dport {port} counter\n'
                text += f'iifname "eth1" meta nfproto ipv6 th sport {port} counter\n'
            self.spaces[f"b{link}"]("nft -f -", given=text + "}\n}\n")

    def ways(self, port: int) -> list[tuple[bool, bool]]:
        """Return by which links a port's packets leave and come back, of those from now on."""
        before = [self.carried(link, port) for link in (1, 2)]
        until(lambda: sum(sum(self.carried(link, port)) for link in (1, 2)) > sum(map(sum, before)) + 20)
        after = [self.carried(link, port) for link in (1, 2)]
        return [(new[0] > old[0], new[1] > old[1]) for old, new in zip(before, after, strict=True)]


@contextmanager
def site(directory: Path) -> Iterator[Site]:
    """Yield it; everything is gone afterwards."""
    with ExitStack() as stack:
        yield Site(stack, directory)
