"""A balanced application on two real gateways: which way each TCP flow takes at both ends, and what stays when."""

import json
import socket
import subprocess
import sys
from collections import Counter
from collections.abc import Iterator
from contextlib import ExitStack
from pathlib import Path
from typing import Any

import pytest

from linkbalancer.drivers.flowtable import flows_of
from linkbalancer.links import Vid
from linkbalancer.routing.application import Member
from linkbalancer.routing.balance import owner
from linkbalancer.routing.marks import Marks
from linkbalancer.routing.packet import Packet
from linkbalancer.routing.slot import slot_of
from linkbalancer.routing.sticky import Sticky
from tests.daemon.gateway import ROOT, Gateway, joined
from tests.daemon.waiting import until
from tests.namespaces import Namespace

pytestmark = pytest.mark.lab

STEP = (Member(1, 3), Member(2))
FLOWS = 300
PORT = 8000
SERVER = """
import selectors, socket
listener, waiting = socket.create_server(("198.51.100.100", 8000), backlog=512), selectors.DefaultSelector()
waiting.register(listener, selectors.EVENT_READ)
while True:
    for key, _ in waiting.select():
        if key.fileobj is listener:
            waiting.register(listener.accept()[0], selectors.EVENT_READ)
        elif not (word := key.fileobj.recv(64)):
            waiting.unregister(key.fileobj)
        else:
            key.fileobj.sendall(word)
"""


class Site:
    """Two gateways, a host of each LAN, and the flows between those."""

    def __init__(self, near: Gateway, far: Gateway, host: Namespace) -> None:
        """Have no flow yet."""
        self.near, self.far, self.host = near, far, host
        self.connections: list[socket.socket] = []

    def open(self, count: int) -> None:
        """Open TCP connections."""
        with self.host.entered():
            for port in range(20000 + len(self.connections), 20000 + len(self.connections) + count):
                connection = socket.create_connection(("198.51.100.100", PORT), 5, ("192.0.2.100", port))
                connection.settimeout(5)
                self.connections.append(connection)
        self.talk()

    def talk(self) -> None:
        """Have every flow carry something there and back."""
        for connection in self.connections:
            connection.sendall(b"still here?")
        for connection in self.connections:
            assert connection.recv(64) == b"still here?"

    def places(self, gateway: Gateway) -> dict[Packet, Vid]:
        """Return which VID each flow took last at a gateway, by its first packet."""
        with gateway.namespace.entered():
            return {entry.packet: entry.vid for entry in flows_of(Marks(), self.number(gateway))}

    def number(self, gateway: Gateway) -> int:
        """Return the application's number at a gateway."""
        number: int = gateway.status()["applications"]["all"]["id"]
        return number

    def verify(self, gateway: Gateway, status: int, *words: str) -> str:
        """Run `verify-balance` there; return what it says."""
        command = [sys.executable, "-m", "linkbalancer", "verify-balance", *words, "--config", str(gateway.config)]
        done = subprocess.run(
            ["ip", "netns", "exec", gateway.namespace.name, *command, "--run-dir", str(gateway.run_dir)],
            capture_output=True,
            text=True,
            check=False,
            cwd=ROOT,
        )
        assert done.returncode == status, done.stdout + done.stderr
        return done.stdout


@pytest.fixture
def site(tmp_path: Path) -> Iterator[Site]:
    """Yield a site whose one application is balanced."""
    with ExitStack() as stack:
        host, other = stack.enter_context(Namespace("host")), stack.enter_context(Namespace("other"))
        near, far = stack.enter_context(joined(tmp_path, host))
        host(f"ip link set far netns {other.name}")
        host("ip link set near up", "ip addr add 192.0.2.100/24 dev near", "ip route add default via 192.0.2.251")
        other("ip link set far up", "ip addr add 198.51.100.100/24 dev far", "ip route add default via 198.51.100.251")
        for gateway in (near, far):
            (gateway.directory / "apps.conf").write_text("App=* * * * * * [1*3+2] name=all\n")
            gateway.reload()
        until(lambda: all(_balanced(gateway) for gateway in (near, far)), 20)
        server = subprocess.Popen(["ip", "netns", "exec", other.name, sys.executable, "-c", SERVER])
        site = Site(near, far, host)
        try:
            until(lambda: "8000" in other("ss -ltn"))
            yield site
        finally:
            for connection in site.connections:
                connection.close()
            server.kill()
            server.wait()


def _balanced(gateway: Gateway, vids: int = 2) -> bool:
    return len(gateway.status().get("applications", {}).get("all", {}).get("shares", {})) == vids


def test_flows_are_divided_and_only_those_of_a_dead_vid_move(site: Site) -> None:
    """Both ends send a flow by the same VID; it stays on it when another comes back, and none breaks."""
    site.open(FLOWS)
    before = site.places(site.near)
    foretold = {packet: owner(STEP, slot_of(packet, Sticky.FLOW), {1, 2}) for packet in before}
    assert before == foretold
    assert len(before) == FLOWS
    assert site.places(site.far) == before
    told: dict[str, Any] = json.loads(site.verify(site.near, 0, "--json"))["applications"]["all"]
    assert {vid: one["count"] for vid, one in told["vids"].items()} == {
        str(vid): count for vid, count in Counter(before.values()).items()
    }
    assert (told["result"], told["flows_elsewhere"], told["unit"]) == ("even", 0, "flows")
    assert site.near.status()["applications"]["all"]["shares"] == {"1": 0.75, "2": 0.25}

    for gateway in (site.near, site.far):
        gateway.namespace("nft delete element inet linkbalancer working { 0x00010000 }")
    until(lambda: all("0x00010000" in _working(gateway) for gateway in (site.near, site.far)))
    site.talk()
    assert site.places(site.near) == before

    for gateway in (site.near, site.far):
        _order(gateway, "drain", "2", "--force", "--yes")
    until(lambda: all(_balanced(gateway, 1) for gateway in (site.near, site.far)))
    site.talk()
    assert set(site.places(site.near).values()) == set(site.places(site.far).values()) == {1}

    for gateway in (site.near, site.far):
        _order(gateway, "resume", "2")
    until(lambda: all(_balanced(gateway) for gateway in (site.near, site.far)))
    site.talk()
    assert set(site.places(site.near).values()) == {1}
    assert "stay where they were" in site.verify(site.near, 1)
    site.open(50)
    after = site.places(site.near)
    assert {packet: vid for packet, vid in after.items() if packet not in before} == {
        packet: owner(STEP, slot_of(packet, Sticky.FLOW), {1, 2}) for packet in after if packet not in before
    }


def test_running_flows_of_a_source_stay_where_they_went_and_new_ones_go_back(site: Site) -> None:
    """With `handover=keep` at both ends, while with `move` all of a host go back."""
    for gateway in (site.near, site.far):
        (gateway.directory / "apps.conf").write_text("App=* * * * * * [1*3+2] name=all sticky=src handover=keep\n")
        gateway.reload()
    until(
        lambda: all(
            "0x" in gateway.namespace("nft list set inet linkbalancer keeps") for gateway in (site.near, site.far)
        )
    )
    until(lambda: all(_balanced(gateway) for gateway in (site.near, site.far)), 20)
    site.open(20)
    (first,) = set(site.places(site.near).values())
    other = 3 - first
    for gateway in (site.near, site.far):
        _order(gateway, "drain", str(first), "--force", "--yes")
    until(lambda: all(_balanced(gateway, 1) for gateway in (site.near, site.far)))
    site.talk()
    assert set(site.places(site.near).values()) == set(site.places(site.far).values()) == {other}

    for gateway in (site.near, site.far):
        _order(gateway, "resume", str(first))
    until(lambda: all(_balanced(gateway) for gateway in (site.near, site.far)))
    site.talk()
    assert set(site.places(site.near).values()) == set(site.places(site.far).values()) == {other}
    before = site.places(site.near)
    site.open(5)
    assert {vid for packet, vid in site.places(site.near).items() if packet not in before} == {first}


def _working(gateway: Gateway) -> str:
    return gateway.namespace("nft list set inet linkbalancer working")


def _order(gateway: Gateway, *words: str) -> None:
    done = subprocess.run(
        [sys.executable, "-m", "linkbalancer", *words, "--run-dir", str(gateway.run_dir)],
        capture_output=True,
        text=True,
        check=False,
        cwd=ROOT,
    )
    assert done.returncode == 0, done.stdout + done.stderr
