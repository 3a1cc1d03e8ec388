"""What a host on the LAN notices: `python -m tests.daemon.witness FAR VIP DEVICE` in its network namespace.

Every 10 ms it sends a numbered datagram to FAR (where `echo` answers) and a numbered ping to VIP, and it listens to the
VRRP adverts on DEVICE. When its standard input ends it waits for what is under way and prints one JSON document.
"""

import json
import select
import socket
import struct
import subprocess
import sys
import time
from itertools import pairwise
from pathlib import Path
from typing import Any, Self

from tests.daemon.waiting import until
from tests.namespaces import Namespace

ROOT = Path(__file__).parents[2]
PORT = 7007
INTERVAL_S = 0.01
LINGER_S = 1.0


class Witness:
    """A stream between two hosts while a `with` block lasts; after it, what was noticed is in `seen`."""

    def __init__(self, near: Namespace, far: Namespace, far_address: str, vip: str) -> None:
        """Watch from `near`, with `far` answering."""
        self._near, self._far, self._words = near, far, [far_address, vip, "eth0"]
        self.seen: dict[str, Any] = {}

    def __enter__(self) -> Self:
        self._echo = self._run(self._far, "echo")
        self._witness = self._run(self._near, *self._words)
        assert self._witness.stdout is not None
        until(lambda: self._witness.stdout is not None and self._witness.stdout.readline() == b"under way\n")
        return self

    def __exit__(self, *_why: object) -> None:
        output, _ = self._witness.communicate(timeout=20)
        self._echo.terminate()
        self._echo.communicate(timeout=20)
        self.seen = json.loads(output)

    def _run(self, namespace: Namespace, *words: str) -> "subprocess.Popen[bytes]":
        command = ["ip", "netns", "exec", namespace.name, sys.executable, "-m", "tests.daemon.witness", *words]
        return subprocess.Popen(command, cwd=ROOT, stdin=subprocess.PIPE, stdout=subprocess.PIPE)


def echo() -> None:
    """Answer every datagram."""
    with socket.socket(socket.AF_INET, socket.SOCK_DGRAM) as sock:
        sock.bind(("", PORT))
        while True:
            data, source = sock.recvfrom(100)
            sock.sendto(data, source)


class Notebook:
    """What comes back, and the adverts between."""

    def __init__(self, far: str, vip: str, device: str) -> None:
        """Open the sockets."""
        self._far, self._vip = (far, PORT), (vip, 0)
        self._stream = socket.socket(socket.AF_INET, socket.SOCK_DGRAM)
        self._pings = socket.socket(socket.AF_INET, socket.SOCK_RAW, socket.IPPROTO_ICMP)
        self._adverts = socket.socket(socket.AF_PACKET, socket.SOCK_DGRAM, socket.htons(0x0800))
        self._adverts.bind((device, 0x0800))
        for sock in (self._stream, self._pings, self._adverts):
            sock.settimeout(0)
        self._sent = self._first = 0
        self._echoed: set[int] = set()
        self._pinged: set[int] = set()
        self._heard: dict[int, list[tuple[float, int, str]]] = {}

    def hears(self) -> bool:
        """Return whether everything answers: the neighbours know each other, and every VID has spoken twice."""
        heard = [len(entries) > 1 for entries in self._heard.values()]
        return len(heard) > 1 and all(heard) and bool(self._echoed) and bool(self._pinged)

    def begin(self) -> None:
        """Count from here."""
        self._first = self._sent

    def send(self) -> None:
        """Send the next of each."""
        self._stream.sendto(struct.pack("!I", self._sent), self._far)
        head = struct.pack("!BBHHI", 8, 0, 0, 0x77, self._sent)
        words = struct.unpack("!5H", head)
        folded = sum(words) % 0xFFFF
        self._pings.sendto(head[:2] + struct.pack("!H", 0xFFFF - folded) + head[4:], self._vip)
        self._sent += 1

    def receive(self, wait_s: float) -> None:
        """Take what comes until then."""
        end = time.monotonic() + wait_s
        while (left := end - time.monotonic()) > 0:
            ready, _, _ = select.select([self._stream, self._pings, self._adverts], [], [], left)
            for sock in ready:
                data = sock.recv(200)
                if sock is self._stream:
                    self._echoed.add(struct.unpack("!I", data)[0])
                elif sock is self._pings and data[20] == 0 and data[24:26] == b"\x00\x77":
                    self._pinged.add(struct.unpack("!I", data[26:30])[0])
                elif sock is self._adverts and data[9] == 112:
                    entry = (time.monotonic(), data[22], socket.inet_ntoa(data[12:16]))
                    self._heard.setdefault(data[21], []).append(entry)

    def report(self) -> dict[str, Any]:
        """Return what was noticed: numbers lost, and by VID the adverts' sources, priorities and longest gap."""
        adverts = {
            vid: {
                "sources": sorted({source for _at, _priority, source in heard}),
                "priorities": sorted({priority for _at, priority, _source in heard}),
                "gap_ms": round(1000 * max(b[0] - a[0] for a, b in pairwise(heard))),
            }
            for vid, heard in self._heard.items()
            if len(heard) > 1
        }
        every = set(range(self._first, self._sent))
        return {
            "sent": len(every),
            "lost": sorted(every - self._echoed),
            "unanswered": sorted(every - self._pinged),
            "adverts": adverts,
        }


def watch(far: str, vip: str, device: str) -> None:
    """Send and listen until standard input ends."""
    notebook = Notebook(far, vip, device)
    while not notebook.hears():
        notebook.send()
        notebook.receive(INTERVAL_S)
    notebook.begin()
    sys.stdout.write("under way\n")
    sys.stdout.flush()
    at = time.monotonic()
    while not select.select([sys.stdin], [], [], 0)[0]:
        notebook.send()
        at += INTERVAL_S
        notebook.receive(max(0.0001, at - time.monotonic()))
    notebook.receive(LINGER_S)
    sys.stdout.write(json.dumps(notebook.report()))


if __name__ == "__main__":
    if sys.argv[1] == "echo":
        echo()
    else:
        watch(*sys.argv[1:])
