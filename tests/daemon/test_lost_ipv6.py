"""A link that lost IPv6 alone, through whole gateways: IPv6 of its VID is refused at once, and IPv4 never notices."""

import errno
import socket
import subprocess
import sys
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path
from typing import Any

import pytest

from linkbalancer.engine.health import assess
from tests.daemon.sixsite import FAR_HOST, Site, refusal, site
from tests.daemon.waiting import until

pytestmark = pytest.mark.lab

FAR_HOST4 = "198.51.100.100"
BROKEN = (
    "table netdev broken {\nchain c { type filter hook ingress device eth1 priority 0; meta protocol ip6 drop; }\n}\n"
)

ECHO4 = """
import socket, sys
sock = socket.socket(socket.AF_INET, socket.SOCK_DGRAM)
sock.bind((sys.argv[1], 5000))
while True:
    data, peer = sock.recvfrom(2000)
    sock.sendto(data, peer)
"""

STREAM = """
import select, socket, sys, time
sock = socket.socket(socket.AF_INET, socket.SOCK_DGRAM)
sock.connect((sys.argv[1], 5000))
sent, heard, end = 0, set(), None
while end is None or (time.monotonic() < end and len(heard) < sent):
    if end is None:
        sock.send(str(sent).encode())
        sent += 1
    ready = select.select([sock] + [sys.stdin] * (end is None), [], [], 0.01)[0]
    if sock in ready:
        heard.add(sock.recv(100))
        time.sleep(0.01)
    if sys.stdin in ready:
        end = time.monotonic() + 10
print(sent, len(heard))
"""


@pytest.fixture(scope="module")
def six(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Site]:
    """Yield both sites with hosts of both families, settled."""
    with site(tmp_path_factory.mktemp("lost6")) as made:
        for host, lan in ((made.near_host, "192.0.2"), (made.far_host, "198.51.100")):
            host(f"ip addr add {lan}.100/24 dev eth0", f"ip route add default via {lan}.251 dev eth0")
        until(lambda: all(known(made, name, 1)["ipv6"]["answers"] for name in made.gateways), 20, "all are known")
        made.run(made.far_host, ECHO4, FAR_HOST4)
        until(lambda: goes(made, FAR_HOST, 5000) and goes(made, FAR_HOST, 443) and goes(made, FAR_HOST4, 5000), 20)
        yield made


def goes(six: Site, address: str, port: int) -> bool:
    """Return whether the far host answers a datagram."""
    with six.near_host.entered():
        sock = socket.socket(socket.AF_INET6 if ":" in address else socket.AF_INET, socket.SOCK_DGRAM)
    with sock:
        sock.settimeout(1)
        try:
            sock.connect((address, port))
            sock.send(b"question")
            return bool(sock.recv(100))
        except OSError:
            return False


def known(six: Site, name: str, own: int) -> dict[str, Any]:
    """Return what a gateway says of its link, or of VID 1 (`own` 0)."""
    status = six.gateways[name].status()
    found: dict[str, Any] = status["links"][f"l{name[1]}"] if own else status["groups"]["1"]
    return found


def carries(six: Site) -> bool:
    """Return whether all four gateways lead VID 1's IPv6 anywhere."""
    return all(known(six, name, 0)["hop6"]["kind"] in {"link", "master"} for name in six.gateways)


def refuses(six: Site) -> bool:
    """Return whether all four gateways refuse VID 1's IPv6."""
    return all(known(six, name, 0)["hop6"]["kind"] == "unreachable" for name in six.gateways)


@contextmanager
def broken(six: Site) -> Iterator[None]:
    """Let link 1 carry no IPv6, in either direction; nobody is told."""
    ends = [six.spaces[name] for name in ("b1", "f1")]
    for end in ends:
        end("nft -f -", given=BROKEN)
    yield
    for end in ends:
        end("nft delete table netdev broken")


@contextmanager
def stream(six: Site) -> Iterator[subprocess.Popen[str]]:
    """Send the far host a numbered datagram of IPv4 every 10 ms, which goes by VID 1, until its input ends."""
    command = ["ip", "netns", "exec", six.near_host.name, sys.executable, "-c", STREAM, FAR_HOST4]
    process = subprocess.Popen(command, stdin=subprocess.PIPE, stdout=subprocess.PIPE, text=True)
    yield process
    process.kill()
    process.communicate()


def answered(process: subprocess.Popen[str]) -> tuple[int, int]:
    """End a stream; return how many datagrams were sent, and how many were answered."""
    told, _ = process.communicate(timeout=30)
    sent, heard = told.split()
    return int(sent), int(heard)


def moves(six: Site) -> list[tuple[int, str, str]]:
    """Return, for each gateway, how often VID 1 has changed its state, and where its IPv4 goes."""
    found = [known(six, name, 0) for name in six.gateways]
    return [(one["transitions"], one["next_hop"], one["state"]) for one in found]


def test_ipv6_is_refused_and_ipv4_is_not_disturbed_for_one_packet(six: Site) -> None:
    """By all gateways of both ends, whichever a host asks; the other link's VID goes on; and back when it is mended."""
    until(lambda: carries(six), 20)
    before = moves(six)
    with stream(six) as echoes:
        with broken(six):
            until(lambda: refuses(six), 20, "all refuse")
            assert refusal(six.near_host, FAR_HOST, 5000) in {errno.ENETUNREACH, errno.EHOSTUNREACH}
            assert goes(six, FAR_HOST, 443)
            for name in ("b1", "b2"):
                table = six.spaces[name]("ip -6 route show table 20001")
                assert "unreachable default" in table
                assert "via" not in table
            assert known(six, "b1", 1)["ipv6"]["answers"] is False
            assert known(six, "b1", 0)["why6"] == "fe80::2 does not answer over IPv6"
            assert known(six, "b2", 0)["why6"] == "its Master 192.0.2.1 says that it carries no IPv6"
            _health, findings = assess(six.gateways["b1"].status())
            assert any(one.startswith("link l1 carries no IPv6: fe80::2") for one in findings)
            assert known(six, "b1", 0)["hop"] == {"kind": "link", "gateway": "10.1.0.2", "device": "eth1"}
        until(lambda: carries(six), 20, "it is taken again")
        assert goes(six, FAR_HOST, 5000)
        sent, heard = answered(echoes)
    assert moves(six) == before
    assert sent > 50
    assert heard == sent


def test_a_gateway_without_an_address_of_ipv6_finds_the_same(six: Site) -> None:
    """At both ends: an echo proves both directions."""
    until(lambda: carries(six), 20)
    six.spaces["f1"]("ip -6 addr flush dev eth1")
    until(lambda: refuses(six), 20, "all refuse")
    six.spaces["f1"]("ip addr add fe80::2/64 dev eth1 nodad")
    until(lambda: carries(six), 20, "it is taken again")
    assert goes(six, FAR_HOST, 5000)


def test_a_restarted_checker_and_a_new_agent_go_on_from_there(six: Site) -> None:
    """The half stays refused while either is replaced, and is never led to the far end meanwhile."""
    until(lambda: carries(six), 20)
    with broken(six):
        until(lambda: known(six, "b1", 0)["hop6"]["kind"] == "unreachable", 20)
        with led(six) as ways:
            six.gateways["b1"].upgrade()
            until(lambda: known(six, "b1", 0)["hop6"]["kind"] == "unreachable", 20)
            pid = six.gateways["b1"].pids()["checker"]
            six.gateways["b1"].kill("checker")
            until(lambda: six.gateways["b1"].pids().get("checker") not in {None, pid}, 20, "the checker is back")
        assert ways == []
        assert known(six, "b1", 0)["hop6"]["kind"] == "unreachable"
    until(lambda: carries(six), 20, "it is taken again")


@contextmanager
def led(six: Site) -> Iterator[list[str]]:
    """Yield a list that has, afterwards, each route over link 1 that VID 1's IPv6 was given at b1."""
    command = ["ip", "netns", "exec", six.spaces["b1"].name, "ip", "-6", "monitor", "route"]
    process = subprocess.Popen(command, stdout=subprocess.PIPE, text=True)
    until(lambda: Path(f"/proc/{process.pid}/comm").read_text() == "ip\n")
    found: list[str] = []
    yield found
    process.terminate()
    told, _ = process.communicate()
    found += [line for line in told.splitlines() if "via fe80::2" in line and "table 20001" in line]
