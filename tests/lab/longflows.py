"""Long-lived flows between two hosts, for tests: a word every 20 ms, and what became of each.

Of a flow that is *asked* the near host says a word and the far one answers it; of one that is *pushed* the near host
speaks in the beginning until it hears, and then the far one speaks alone. A TCP flow that has ended is opened again.
"""

import json
import subprocess
import sys
from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import asdict, dataclass
from itertools import pairwise
from pathlib import Path

from tests.namespaces import Namespace

INTERVAL_S = 0.02


@dataclass(frozen=True)
class Flow:
    """A flow: its protocol, its ends, and who speaks."""

    name: str
    protocol: str
    near: tuple[str, int]
    far: tuple[str, int]
    pushed: bool = False

    def __str__(self) -> str:
        """Name it for people."""
        return f"{self.name} {self.protocol.upper()}"


NEAR = """
import json, socket, sys, threading, time
lock, file = threading.Lock(), open(sys.argv[2], "a", buffering=1)
def note(number, what):
    with lock:
        file.write(f"{number} {what} {time.monotonic()}\\n")
def stream(number, flow):
    port = flow["near"][1]
    while True:
        sock = socket.socket()
        sock.setsockopt(socket.SOL_SOCKET, socket.SO_REUSEADDR, 1)
        sock.setsockopt(socket.IPPROTO_TCP, socket.TCP_NODELAY, 1)
        sock.settimeout(3)
        try:
            sock.bind((flow["near"][0], port))
            sock.connect(tuple(flow["far"]))
        except OSError:
            sock.close()
            time.sleep(0.1)
            continue
        note(number, "begun")
        talk(number, flow, sock)
        sock.close()
        port += 1  # the far end may not know yet that the former one is over
def talk(number, flow, sock):
    datagrams = flow["protocol"] == "udp"
    said, due = False, time.monotonic()
    sock.settimeout(0)
    while True:
        try:
            if not (said and flow["pushed"]):
                sock.send(b"word")
        except BlockingIOError:
            pass
        except OSError:
            note(number, "told")
            if not datagrams:
                return
        due += 0.02
        time.sleep(max(0, due - time.monotonic()))
        try:
            while True:
                if not sock.recv(4096):
                    note(number, "told")
                    return
                note(number, "heard")
                said = True
        except BlockingIOError:
            pass
        except OSError:
            note(number, "told")
            if not datagrams:
                return
def datagrams(number, flow):
    sock = socket.socket(type=socket.SOCK_DGRAM)
    sock.bind(tuple(flow["near"]))
    sock.connect(tuple(flow["far"]))
    talk(number, flow, sock)
for number, flow in enumerate(json.loads(sys.argv[1])):
    target = stream if flow["protocol"] == "tcp" else datagrams
    threading.Thread(target=target, args=(number, flow), daemon=True).start()
sys.stdin.read()
"""

FAR = """
import json, socket, sys, threading, time
def push(say):
    while True:
        try:
            say()
        except OSError:
            pass
        time.sleep(0.02)
def answer(sock, flow):
    sock.setsockopt(socket.IPPROTO_TCP, socket.TCP_NODELAY, 1)
    try:
        while word := sock.recv(4096):
            if flow["pushed"]:
                threading.Thread(target=push, args=(lambda: sock.send(b"word"),), daemon=True).start()
                flow = {"pushed": False}
            else:
                sock.sendall(word)
    except OSError:
        pass
    sock.close()
def stream(flow):
    listener = socket.create_server(tuple(flow["far"]))
    while True:
        threading.Thread(target=answer, args=(listener.accept()[0], flow), daemon=True).start()
def datagrams(flow):
    sock = socket.socket(type=socket.SOCK_DGRAM)
    sock.bind(tuple(flow["far"]))
    while True:
        try:
            word, peer = sock.recvfrom(100)
            sock.sendto(word, peer)
        except OSError:
            continue
        if flow["pushed"]:
            push(lambda: sock.sendto(word, peer))
for flow in json.loads(sys.argv[1]):
    threading.Thread(target=stream if flow["protocol"] == "tcp" else datagrams, args=(flow,), daemon=True).start()
sys.stdin.read()
"""


@dataclass(frozen=True)
class Fate:
    """What became of a flow within a time: its longest silence in seconds, and how often it was told to end."""

    heard: int
    stall: float
    told: int
    begun: int

    def __str__(self) -> str:
        """Say it in a table's cell."""
        told = f", told {self.told} times" if self.told else ""
        return f"{self.stall * 1000:.0f} ms{told}" + (", ended" if self.begun else "") if self.heard else "silent"


class Talk:
    """Flows at work."""

    def __init__(self, flows: list[Flow], notes: Path) -> None:
        """Know what is noted of them."""
        self.flows, self._notes = flows, notes

    def fate(self, flow: Flow, since: float, until: float) -> Fate:
        """Return what became of a flow between two instants."""
        number = str(self.flows.index(flow))
        lines = [line.split() for line in self._notes.read_text().splitlines()]
        own = [(one[1], float(one[2])) for one in lines if len(one) == 3 and one[0] == number]
        heard = [at for what, at in own if what == "heard" and at <= until]
        before = max((at for at in heard if at <= since), default=since)
        within = [at for at in heard if at > since]
        stall = max(other - one for one, other in pairwise([before, *within, until])) - INTERVAL_S
        counts = [len([at for what, at in own if what == word and since < at <= until]) for word in ("told", "begun")]
        return Fate(len(within), max(0.0, stall), *counts)

    def heard_since(self, since: float) -> bool:
        """Return whether every flow has been heard since an instant."""
        numbers = {
            line.split()[0]
            for line in self._notes.read_text().splitlines()
            if len(line.split()) == 3 and line.split()[1] == "heard" and float(line.split()[2]) > since
        }
        return len(numbers) == len(self.flows)


@contextmanager
def talking(flows: list[Flow], near: Namespace, far: Namespace, notes: Path) -> Iterator[Talk]:
    """Have two hosts talk; it ends with the block."""
    notes.touch()
    text = json.dumps([asdict(flow) for flow in flows])
    enter = ["ip", "netns", "exec"]
    commands = [
        [*enter, far.name, sys.executable, "-c", FAR, text],
        [*enter, near.name, sys.executable, "-c", NEAR, text, str(notes)],
    ]
    ends = [subprocess.Popen(command, stdin=subprocess.PIPE) for command in commands]
    try:
        yield Talk(flows, notes)
    finally:
        for end in ends:
            end.kill()
            end.communicate()
