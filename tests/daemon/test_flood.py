"""Ten thousand bad datagrams a second at a real gateway's link: nothing moves, and the counters say why."""

import random
import socket
import threading
import time
from collections.abc import Iterator
from contextlib import ExitStack
from pathlib import Path
from typing import Any

import pytest

from linkbalancer.lvrrp.settings import DEFAULT_PORT
from tests.daemon.gateway import Gateway
from tests.daemon.waiting import until
from tests.namespaces import Namespace

pytestmark = pytest.mark.lab

BURST, PAUSE_S = 100, 0.01
SECONDS = 5.0
HEADERS = 14 + 20 + 8
SIDES = {"near": ("b1", "controller", 1, "192.0.2"), "far": ("f1", "controlled", 2, "198.51.100")}


@pytest.fixture
def gateways(tmp_path: Path) -> Iterator[dict[str, Gateway]]:
    """Return the gateways at both ends of a link, settled."""
    with ExitStack() as stack:
        spaces = {name: stack.enter_context(Namespace(name)) for name in (*SIDES, "lan")}
        spaces["near"].connect("eth1", spaces["far"], "eth1")
        found = {}
        for name, (node, role, number, lan) in SIDES.items():
            spaces[name].connect("eth0", spaces["lan"], name)
            spaces[name](f"ip addr add {lan}.1/24 dev eth0", f"ip addr add 10.1.0.{number}/24 dev eth1")
            texts = {"node": node, "role": role, "lan": lan}
            ends = {"local": f"10.1.0.{number}", "peer": f"10.1.0.{3 - number}"}
            found[name] = Gateway(spaces[name], tmp_path / name, **texts, **ends)
            found[name].start()
            stack.callback(found[name].stop)
        until(lambda: all(gateway.settled() for gateway in found.values()), 30)
        yield found


def overheard(gateway: Gateway, own: str, count: int) -> list[bytes]:
    """Return LVrrp datagrams that a gateway sends, as anybody on the link reads them."""
    said: list[bytes] = []
    with gateway.namespace.entered(), socket.socket(socket.AF_PACKET, socket.SOCK_RAW, socket.htons(3)) as tap:
        tap.bind(("eth1", 0))
        tap.settimeout(10)
        while len(said) < count:
            frame = tap.recv(2048)
            if frame[23] == socket.IPPROTO_UDP and frame[26:30] == socket.inet_aton(own):
                said.append(frame[HEADERS:])
    return said


def rubbish(said: list[bytes], chance: random.Random) -> list[bytes]:
    """Return datagrams that are worth nothing, of every kind that somebody without the key can make."""
    kinds: list[bytes] = []
    for data in said:
        kinds += [
            data,
            data[:40],
            chance.randbytes(len(data)),
            data[:-16] + chance.randbytes(16),
            data[:24] + b"\x7f\xff\xff\xff" + data[28:],
            data[:8] + chance.randbytes(8) + data[16:],
            data[:4] + b"\x63" + data[5:8] + chance.randbytes(16) + data[24:],
            data[:2] + b"\x02" + data[3:],
        ]
    return kinds


class Flood(threading.Thread):
    """Somebody at one end of the link who sends to the other, as fast as it is asked to."""

    def __init__(self, gateway: Gateway, local: str, peer: str, kinds: list[bytes]) -> None:
        super().__init__()
        with gateway.namespace.entered():
            self.sock = socket.socket(socket.AF_INET, socket.SOCK_DGRAM)
        self.sock.bind((local, 0))
        self.peer, self.kinds = (peer, DEFAULT_PORT), kinds
        self.sent = 0

    def run(self) -> None:
        """Send in bursts, by absolute instants."""
        began = at = time.monotonic()
        while at < began + SECONDS:
            for _ in range(BURST):
                self.sock.sendto(self.kinds[self.sent % len(self.kinds)], self.peer)
                self.sent += 1
            at += PAUSE_S
            time.sleep(max(0.0, at - time.monotonic()))
        self.sock.close()


def standing(status: dict[str, Any]) -> dict[str, Any]:
    """Return what must not move."""
    return {
        "open": status["links"]["l1"]["open"],
        "groups": {
            vid: [group[key] for key in ("state", "priority", "works", "next_hop", "transitions")]
            for vid, group in status["groups"].items()
        },
        "agent": status["processes"]["agent"],
    }


@pytest.mark.parametrize("victim", SIDES)
def test_nothing_moves_and_every_reason_is_counted(gateways: dict[str, Gateway], victim: str) -> None:
    """The victim answers questions all the time, its link never closes, and it goes on advertising."""
    other = next(name for name in SIDES if name != victim)
    local, peer = (f"10.1.0.{SIDES[name][2]}" for name in (other, victim))
    kinds = rubbish(overheard(gateways[victim], local, 5), random.Random(1))
    before = {name: gateway.status() for name, gateway in gateways.items()}
    flood = Flood(gateways[other], local, peer, kinds)
    flood.start()
    answers = []
    while flood.is_alive():
        answers.append(gateways[victim].status())
        time.sleep(0.2)
    flood.join()
    after = {name: gateway.status() for name, gateway in gateways.items()}

    assert all(answers), "it answers while it is flooded"
    for name in SIDES:
        assert standing(after[name]) == standing(before[name])
        assert after[name]["links"]["l1"]["since_ms"] >= before[name]["links"]["l1"]["since_ms"] + 1000 * SECONDS
    was, now = (status[victim]["links"]["l1"]["counters"] for status in (before, after))
    whys = ("received", "length", "magic", "tag", "key", "version", "sequence")
    counted = {why: now.get(why, 0) - was.get(why, 0) for why in whys}
    assert all(counted.values()), counted
    assert flood.sent // 2 < counted["received"] <= flood.sent + 1000, "what the kernel had room for"
    adverts = [
        group["counters"]["adv_sent"] - before[victim]["groups"][vid]["counters"]["adv_sent"]
        for vid, group in after[victim]["groups"].items()
    ]
    assert min(adverts) >= SECONDS / 0.2 - 5
