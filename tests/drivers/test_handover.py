"""Long-lived TCP and UDP flows through a fail-back and a failover, in each form, with translated sources and without.

`pytest -s` shows how long each stalled: the figures of docs/handover.md.
"""

import socket
import sys
import time
from collections.abc import Callable, Iterator
from contextlib import closing, contextmanager
from dataclasses import dataclass

import pytest

from linkbalancer.drivers import translations
from linkbalancer.drivers.kernel import Kernel
from linkbalancer.drivers.nftables.aims import AimWriter
from linkbalancer.drivers.nftables.standing import StandingWriter
from linkbalancer.routing.balance import Aim
from linkbalancer.routing.handover import Form
from linkbalancer.routing.marks import Marks
from tests.drivers.conftest import Gateway
from tests.drivers.nftables.rules import IDS, LAYOUT, SAMPLE

pytestmark = pytest.mark.lab

SERVER = ("203.0.113.1", 443)
WEB = IDS["web"]
PATIENCE_S = 2.0
_TRANSLATION = """
table ip translation {
    chain postrouting {
        type nat hook postrouting priority srcnat; policy accept;
        oifname { "link0", "link1" } masquerade
    }
}
"""


@dataclass
class Flow:
    """A flow that goes on until it breaks: one word there and back at a time."""

    client: socket.socket
    server: socket.socket
    told: int = 0

    def stall(self) -> float | None:
        """Return after how many seconds a word has come back, None where none does any more."""
        began = time.monotonic()
        datagrams = self.client.type == socket.SOCK_DGRAM
        word = b"%d" % time.monotonic_ns()
        try:
            if not datagrams:
                self.client.send(word)
            while time.monotonic() < began + PATIENCE_S:
                if datagrams:
                    self._say(word)
                self._answer(datagrams=datagrams)
                if self._hears(word):
                    return time.monotonic() - began
        except (ConnectionError, TimeoutError):
            self.told += 1
        return None

    def _say(self, word: bytes) -> None:
        try:
            self.client.send(word)
        except OSError:  # what the kernel was told of the datagrams before
            self.told += 1

    def _answer(self, *, datagrams: bool) -> None:
        try:
            said, whence = self.server.recvfrom(100)
        except TimeoutError:
            return
        if datagrams:
            self.server.sendto(said, whence)
        else:
            self.server.send(said)

    def _hears(self, word: bytes) -> bool:
        try:
            return self.client.recv(100).endswith(word)
        except TimeoutError:
            return False
        except OSError:
            if self.client.type == socket.SOCK_STREAM:
                raise
            self.told += 1
            return False

    def close(self) -> None:
        """Close both ends."""
        self.client.close()
        self.server.close()


@contextmanager
def flows(gateway: Gateway) -> Iterator[tuple[Flow, Flow]]:
    """Yield a TCP flow and a UDP flow from the LAN to the far end, which have begun."""
    with gateway.far.entered():
        listener, echo = socket.create_server(SERVER), socket.socket(type=socket.SOCK_DGRAM)
        echo.bind(SERVER)
    with gateway.lan.entered():
        stream, datagrams = socket.create_connection(SERVER), socket.socket(type=socket.SOCK_DGRAM)
        datagrams.connect(SERVER)
    accepted, _whence = listener.accept()
    listener.close()
    for end in (accepted, echo, stream, datagrams):
        end.settimeout(0.005)
    both = Flow(stream, accepted), Flow(datagrams, echo)
    assert all(one.stall() is not None for one in both)
    try:
        yield both
    finally:
        for one in both:
            one.close()


@pytest.fixture
def prepare(gateway: Gateway) -> Callable[..., None]:
    """Return what makes the gateway steer by two links, with translation or without."""

    def made(*, translated: bool) -> None:
        gateway.here.connect("link1", gateway.far, "eth1")
        gateway.here(
            "ip addr add 10.2.0.1/30 dev link1",
            "sysctl -qw net.ipv4.ip_forward=1 net.ipv4.conf.all.rp_filter=0 net.ipv4.conf.all.send_redirects=0",
        )
        gateway.far(
            "ip addr add 10.2.0.2/30 dev eth1",
            "ip addr add 203.0.113.1/32 dev lo",
            "sysctl -qw net.ipv4.conf.all.rp_filter=0",
            "ip route add 192.0.2.0/24 nexthop via 10.2.0.1 dev eth1",
        )
        gateway.lan("ip route add default via 192.0.2.2")
        for vid in (1, 2):
            mark = f"{Marks().packet_mark(vid):#x}/{Marks().packet_mask:#x}"
            gateway.here(
                f"ip rule add priority {20 + vid} fwmark {mark} table {100 + vid}",
                f"ip route add default via 10.{vid}.0.2 dev link{vid - 1} table {100 + vid}",
            )
        with closing(Kernel(LAYOUT, {})) as kernel:
            kernel.prepare()
            kernel.install(SAMPLE, IDS)
        if translated:
            gateway.here("nft -f -", given=_TRANSLATION)
        StandingWriter(Marks(), gateway.netfilter).write({1, 2})
        AimWriter(Marks(), gateway.netfilter).steer({WEB: Aim(1)})

    return made


def change(gateway: Gateway, form: Form, *, dies: bool) -> None:
    """Do as agent and process do when VID 1 dies, or when VID 2 is better."""
    if dies:
        gateway.here("ip route replace unreachable default table 101", "ip link set link0 down")
        StandingWriter(Marks(), gateway.netfilter).write({2})
    AimWriter(Marks(), gateway.netfilter).steer({WEB: Aim(2, form)})
    if dies or form in {Form.MOVE, Form.RESET}:
        translations.sweep(gateway.netfilter, Marks(), {1: frozenset({WEB})})


CASES = [(translated, dies, form) for translated in (False, True) for dies in (False, True) for form in Form]


@pytest.mark.parametrize(("translated", "dies", "form"), CASES)
def test_which_flows_live(
    gateway: Gateway, prepare: Callable[..., None], form: Form, *, translated: bool, dies: bool
) -> None:
    """What stays or follows lives; what is told to end hears it; translated TCP lives only where it may stay."""
    prepare(translated=translated)
    with flows(gateway) as (stream, datagrams):
        change(gateway, form, dies=dies)
        ends = form is Form.RESET or (form is Form.HOLD and dies)
        stalls = [one.stall() for one in (stream, datagrams)]
        words = ["broken" if one is None else f"{one * 1000:.1f} ms" for one in stalls]
        told = f"told to end {stream.told} {datagrams.told}"
        sys.stdout.write(f"\n{translated=} {dies=} {form.value:6} TCP {words[0]:9} UDP {words[1]:9} {told}\n")
        stays = form in {Form.KEEP, Form.HOLD} and not dies
        assert (stalls[0] is not None) is (stays or (not translated and not ends))
        assert stalls[1] is not None
        assert bool(datagrams.told) is (ends and not translated)
        assert stream.told or not ends
