"""Every probe, at real servers in another namespace: what is an answer, and what is none."""

import select
import socket
import subprocess
import sys
import time
from collections.abc import Callable, Iterator
from contextlib import ExitStack
from ipaddress import IPv4Address

import pytest

from linkbalancer.config.upstream import DnsProbe as DnsSettings
from linkbalancer.config.upstream import Endpoint, HttpProbe
from linkbalancer.host.probes.arp import ArpProbe
from linkbalancer.host.probes.asking import Answer, Path, Probe
from linkbalancer.host.probes.dns import DnsProbe
from linkbalancer.host.probes.icmp import IcmpProbe
from linkbalancer.host.probes.page import PageProbe
from linkbalancer.host.probes.tcp import TcpProbe
from tests.namespaces import Namespace

pytestmark = pytest.mark.lab

SERVERS = """
import contextlib, socket, threading
def dns():
    sock = socket.socket(socket.AF_INET, socket.SOCK_DGRAM)
    sock.bind(("203.0.113.1", 53))
    while True:
        data, peer = sock.recvfrom(512)
        name = data[13:13 + data[12]].decode()
        if name == "silent":
            continue
        code = {"refused": 5, "missing": 3, "odd": 9}.get(name, 0)
        sock.sendto(b"xx", peer)
        sock.sendto(bytes([data[0] ^ 1]) + data[1:2] + b"\\x81\\x80" + data[4:], peer)
        sock.sendto(data[:2] + bytes([0x81, 0x80 | code]) + data[4:], peer)
def page(port, said):
    sock = socket.create_server(("203.0.113.1", port))
    while True:
        peer, _ = sock.accept()
        with peer, contextlib.suppress(ConnectionError):  # who asks may hang up when it knows enough
            peer.sendall(said(peer.recv(2000)))
found = b"HTTP/1.1 204 No Content\\r\\n\\r\\n"
servers = [
    (80, lambda asked: found if b"Host: example.net\\r\\n" in asked else b"HTTP/1.1 302 Found\\r\\n\\r\\n"),
    (81, lambda asked: b"SSH-2.0-x\\r\\n"),
    (82, lambda asked: b""),
    (83, lambda asked: b"HTTP/1.0 503 Busy\\r\\n\\r\\n" + b"x" * 100000),
]
for port, said in servers:
    threading.Thread(target=page, args=(port, said), daemon=True).start()
threading.Thread(target=dns, daemon=True).start()
print("ready", flush=True)
threading.Event().wait()
"""

GATEWAY = IPv4Address("203.0.113.1")
HERE = Path("eth0", GATEWAY, 0x01010000)


@pytest.fixture(scope="module")
def inside() -> Iterator[Namespace]:
    """Yield a namespace whose eth0 leads to the servers, entered."""
    with ExitStack() as stack:
        gw, far = (stack.enter_context(Namespace(name)) for name in ("gw", "far"))
        gw.connect("eth0", far, "eth0")
        gw("ip addr add 203.0.113.2/24 dev eth0", "ip link add name eth9 type veth peer name eth8")
        far("ip addr add 203.0.113.1/24 dev eth0")
        command = ["ip", "netns", "exec", far.name, sys.executable, "-c", SERVERS]
        servers = subprocess.Popen(command, stdout=subprocess.PIPE)
        stack.callback(servers.wait)
        stack.callback(servers.kill)
        assert servers.stdout is not None
        stack.enter_context(servers.stdout)
        assert servers.stdout.readline() == b"ready\n"
        stack.enter_context(gw.entered())
        yield gw


def asked(probe: Probe, seconds: float = 5) -> Answer | None:
    """Make one round; return its answer, None when there is none in time."""
    end = time.monotonic() + seconds
    probe.begin()
    try:
        while (left := end - time.monotonic()) > 0:
            readers, writers = ([], [probe]) if probe.writes else ([probe], list[Probe]())
            if any(select.select(readers, writers, [], left)):
                answer = probe.ready()
                if answer is not None:
                    return answer
        return None
    finally:
        probe.end()


def dns(name: str) -> DnsProbe:
    """Return a probe of the name server."""
    return DnsProbe(HERE, DnsSettings(server=GATEWAY, name=name))


def page(url: str, status: int | None = None) -> PageProbe:
    """Return a probe of a page."""
    return PageProbe(HERE, HttpProbe.model_validate({"url": url, "address": "203.0.113.1", "status": status}))


@pytest.mark.parametrize(
    ("probe", "passed", "text"),
    [
        (lambda: ArpProbe(HERE), True, "is at "),
        (lambda: IcmpProbe(HERE, GATEWAY), True, "echoes"),
        (lambda: TcpProbe(HERE, Endpoint(GATEWAY, 80)), True, "connects"),
        (lambda: dns("example.net"), True, "answers"),
        (lambda: dns("missing"), True, "answers: there is no such name"),
        (lambda: dns("refused"), False, "refused"),
        (lambda: dns("odd"), False, "error 9"),
        (lambda: page("http://example.net/"), True, "status 204"),
        (lambda: page("http://example.net/", 200), False, "status 204"),
        (lambda: page("http://example.org/", 302), True, "status 302"),
        (lambda: page("http://example.net:81/"), False, "answers, but not as HTTP does"),
        (lambda: page("http://example.net:82/"), False, "answers, but not as HTTP does"),
        (lambda: page("http://example.net:83/"), False, "status 503"),
    ],
)
@pytest.mark.usefixtures("inside")
def test_what_is_an_answer(probe: Callable[[], Probe], text: str, *, passed: bool) -> None:
    """Twice: a round leaves nothing behind for the next one."""
    one = probe()
    for _ in range(2):
        answer = asked(one)
        assert answer is not None
        assert answer.passed is passed
        assert answer.text.startswith(text)


@pytest.mark.parametrize(
    "probe",
    [
        lambda: ArpProbe(Path("eth0", IPv4Address("203.0.113.9"), 0)),
        lambda: IcmpProbe(HERE, IPv4Address("203.0.113.9")),
        lambda: dns("silent"),
    ],
)
@pytest.mark.usefixtures("inside")
def test_silence_is_none(probe: Callable[[], Probe]) -> None:
    """The checker's timeout judges it."""
    assert asked(probe(), 0.3) is None


@pytest.mark.parametrize(
    "probe",
    [
        lambda: TcpProbe(HERE, Endpoint(GATEWAY, 9)),
        lambda: TcpProbe(Path("nowhere", GATEWAY, 0), Endpoint(GATEWAY, 80)),
        lambda: ArpProbe(Path("nowhere", GATEWAY, 0)),
    ],
)
@pytest.mark.usefixtures("inside")
def test_a_refusal_is_an_error(probe: Callable[[], Probe]) -> None:
    """Of the kernel, or of who is asked."""
    with pytest.raises(OSError, match=r"refused|No such device|Errno"):
        asked(probe())


def test_a_probe_leaves_by_its_device_alone(inside: Namespace) -> None:
    """Another device's way to the same address is none for it; the mark is the VID's."""
    inside("ip link set eth9 up", "ip addr add 198.51.100.2/24 dev eth9")
    elsewhere = Path("eth9", GATEWAY, 0x01010000)
    assert asked(IcmpProbe(elsewhere, GATEWAY), 0.3) is None
    with elsewhere.socket(socket.SOCK_DGRAM) as sock:
        assert sock.getsockopt(socket.SOL_SOCKET, 36) == 0x01010000
        assert sock.getsockopt(socket.SOL_SOCKET, socket.SO_BINDTODEVICE, 16).rstrip(b"\0") == b"eth9"
