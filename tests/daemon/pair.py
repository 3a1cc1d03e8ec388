"""Two gateways of one maker on one LAN, watched by its switch: who advertised when, and was Master beside whom."""

import os
import signal
import socket
import struct
import subprocess
import sys
import time
from collections.abc import Callable, Iterator
from contextlib import ExitStack, contextmanager, suppress
from dataclasses import dataclass, field
from itertools import pairwise
from pathlib import Path

from linkbalancer.clock import MILLISECOND, SECOND, Duration, Instant
from linkbalancer.host.packetfilter import accept_protocol
from tests.daemon.waiting import until
from tests.interop.makers import Gateway, Part
from tests.namespaces import Namespace

NAMES = ("g1", "g2")
PRIORITIES = {"g1": 200, "g2": 100}
VID = 7
_VRRP = 112
_OUTGOING = 4
_SO_TIMESTAMPNS = 35
BURN = "while True: pass"


@dataclass(frozen=True, slots=True)
class Advert:
    """An advert as the switch saw it: when (by the wall clock, in ns), by whom, at which priority."""

    at: Instant
    who: str
    priority: int


@dataclass
class Pair:
    """The LAN and the two; `adverts` are those heard so far."""

    gateways: dict[str, Gateway]
    part: Part
    interval: Duration
    sock: socket.socket
    adverts: list[Advert] = field(default_factory=list)

    def listen(self, seconds: float) -> list[Advert]:
        """Hear for some time; return what came."""
        before, end = len(self.adverts), time.monotonic() + seconds
        while (left := end - time.monotonic()) > 0:
            self.sock.settimeout(left)
            try:
                packet, ancillary, _flags, origin = self.sock.recvmsg(2048, socket.CMSG_SPACE(16))
            except TimeoutError:
                break
            if origin[2] != _OUTGOING and origin[0] in NAMES:
                whole, rest = struct.unpack("=qq", ancillary[0][2])
                self.adverts.append(Advert(whole * SECOND + rest, origin[0], packet[(packet[0] & 15) * 4 + 2]))
        return self.adverts[before:]

    def settle(self) -> None:
        """Wait until the better one alone is heard."""
        until(lambda: {one.who for one in self.listen(6 * self.interval / SECOND)} == {"g1"}, 30)
        self.adverts.clear()

    def pids(self, name: str, comm: str) -> list[int]:
        """Return a gateway's processes of a name."""
        found = []
        for pid in self.gateways[name].namespace.pids():
            try:
                if Path(f"/proc/{pid}/comm").read_text().strip() == comm:
                    found.append(pid)
            except OSError:
                continue
        return found

    def freeze(self, pids: list[int], seconds: float) -> None:
        """Stop processes for some time, and hear meanwhile; some may be killed before they go on."""
        for number in (signal.SIGSTOP, signal.SIGCONT):
            for pid in pids:
                with suppress(ProcessLookupError):
                    os.kill(pid, number)
            self.listen(seconds if number is signal.SIGSTOP else 0)


def beginnings(adverts: list[Advert], interval: Duration) -> int:
    """Return how often the Backup began to advertise: each a take-over from a Master that lived."""
    count, last = 0, 0
    for one in adverts:
        if one.who == "g2" and one.priority:
            count += one.at - last > 10 * interval
            last = one.at
    return count


def longest_pause(adverts: list[Advert]) -> Duration:
    """Return the longest time between two adverts of the Master."""
    times = [one.at for one in adverts if one.who == "g1" and one.priority]
    return max((later - earlier for earlier, later in pairwise(times)), default=0)


@contextmanager
def burning(processes: int) -> Iterator[None]:
    """Keep every processor busy."""
    burners = [subprocess.Popen([sys.executable, "-c", BURN]) for _ in range(processes)]
    try:
        yield
    finally:
        for one in burners:
            one.kill()
        for one in burners:
            one.wait()


@contextmanager
def two(maker: Callable[..., Gateway], files: Path, interval_ms: int) -> Iterator[Pair]:
    """Have two gateways at work, the better one Master."""
    with ExitStack() as stack:
        switch = stack.enter_context(Namespace("switch"))
        nodes = {name: stack.enter_context(Namespace(name)) for name in NAMES}
        switch("ip link add br0 type bridge stp_state 0 mcast_snooping 0", "ip link set br0 up")
        for number, (name, node) in enumerate(nodes.items(), 1):
            switch(
                f"ip link add {name} type veth peer name eth0 netns {node.name}", f"ip link set {name} master br0 up"
            )
            node("ip link set eth0 up", f"ip address add 192.0.2.{number}/24 dev eth0")
        with switch.entered():
            sock = stack.enter_context(socket.socket(socket.AF_PACKET, socket.SOCK_DGRAM, socket.htons(3)))
            accept_protocol(sock, _VRRP)
        sock.setsockopt(socket.SOL_SOCKET, _SO_TIMESTAMPNS, 1)
        sock.setsockopt(socket.SOL_SOCKET, socket.SO_RCVBUF, 1 << 22)
        gateways, parts = {}, {}
        for number, name in enumerate(NAMES, 1):
            parts[name] = Part(
                vid=VID,
                virtual=("192.0.2.251/24",),
                source=f"192.0.2.{number}",
                peer=f"192.0.2.{3 - number}",
                priority=PRIORITIES[name],
                interval_ms=interval_ms,
            )
            gateways[name] = maker(nodes[name], files / name)
            gateways[name].configure([parts[name]])
            gateways[name].start()
            stack.callback(_end, gateways[name])
        pair = Pair(gateways, parts["g1"], interval_ms * MILLISECOND, sock)
        pair.settle()
        yield pair


def _end(gateway: Gateway) -> None:
    gateway.stop()
    gateway.wait()
