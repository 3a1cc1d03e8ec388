"""Numbered packets through two gateways and to a virtual IP: `python -m tests.benchmarks.traffic`, in the near host.

It is told its task on stdin (a line of JSON): each flow sends a number every `every` nanoseconds. Then it is asked,
`report SINCE UNTIL` (instants), a line each, and answers each with a line: by flow, the longest time in nanoseconds for
which nothing arrived that was sent. It ends with its stdin.
"""

import contextlib
import gc
import json
import os
import select
import socket
import struct
import subprocess
import sys
import time
from array import array
from collections.abc import Sequence
from pathlib import Path
from typing import Any, Self

from linkbalancer.clock import SECOND, Duration, Instant
from tests.namespaces import Namespace

FLOWS = ("there", "back", "virtual")
"""From the near host to the far one, the other way, and echoes of the virtual IP."""
_ROOT = Path(__file__).parents[2]
_PORT = 7007
_SO_TIMESTAMPNS = 35
_NUMBER = struct.Struct("!I")
_LOOK_BACK: Duration = 2 * SECOND


class Flow:
    """One flow: a socket that sends numbers, one that receives them, and the times of both."""

    def __init__(self, sender: socket.socket, receiver: socket.socket, *, echo: bool) -> None:
        self._sender, self.receiver, self._echo = sender, receiver, echo
        self._sent = array("q")
        self._numbers, self._times = array("q"), array("q")
        receiver.settimeout(0)
        receiver.setsockopt(socket.SOL_SOCKET, _SO_TIMESTAMPNS, 1)

    def send(self, now: Instant) -> None:
        """Send the next number; what the network says about it is no reason to stop."""
        number = _NUMBER.pack(len(self._sent))
        self._sent.append(now)
        with contextlib.suppress(OSError):
            self._sender.send(_echo_request(number) if self._echo else number)

    def receive(self, offset: Duration) -> None:
        """Note everything that has arrived, with the kernel's time of arrival."""
        while True:
            try:
                data, ancillary, _, _ = self.receiver.recvmsg(128, 64)
            except BlockingIOError:
                return
            except OSError:
                continue  # an ICMP error about something that was sent; it is told once
            if self._echo:
                data = data[(data[0] & 15) * 4 :]
                if data[0] != 0:
                    continue
                data = data[8:]
            seconds, rest = struct.unpack("=qq", ancillary[0][2])
            self._numbers.append(_NUMBER.unpack_from(data)[0])
            self._times.append(seconds * SECOND + rest + offset)

    def longest(self, since: Instant, until: Instant) -> Duration:
        """Return the longest time without an arrival that ended, or lasted, between two instants.

        It is counted from when the first number that did not arrive was sent: a sender that paused is not to blame.
        """
        return longest_gap(self._sent, list(zip(self._times, self._numbers, strict=True)), since, until)

    def arrived(self, since: Instant) -> int:
        """Return how many numbers have arrived since an instant."""
        return sum(at >= since for at in reversed(self._times[-1000:]))

    def forget(self, until: Instant) -> None:
        """Drop arrivals that no later question is about."""
        keep = next((place for place, at in enumerate(self._times) if at >= until), len(self._times))
        del self._times[:keep], self._numbers[:keep]


def longest_gap(
    sent: Sequence[Instant], arrivals: Sequence[tuple[Instant, int]], since: Instant, until: Instant
) -> Duration:
    """Return the longest time for which nothing arrived though something had been sent; see `Flow.longest`."""
    arrivals = sorted(arrivals)
    before = max((number for at, number in arrivals if at < since), default=-1)
    worst = 0
    for at, number in arrivals:
        if since <= at <= until:
            if before + 1 < len(sent):
                worst = max(worst, at - max(sent[before + 1], since) if sent[before + 1] < at else 0)
            before = max(before, number)
    if before + 1 < len(sent) and sent[before + 1] < until:
        worst = max(worst, until - max(sent[before + 1], since))
    return worst


def _echo_request(number: bytes) -> bytes:
    head = struct.pack("!BBHHH", 8, 0, 0, 0x4C42, 0)
    total = sum(struct.unpack("!6H", head + number))
    total = (total & 0xFFFF) + (total >> 16)
    total = (total & 0xFFFF) + (total >> 16)
    return head[:2] + struct.pack("!H", 0xFFFF - total) + head[4:] + number


def _flows(task: dict[str, Any]) -> dict[str, Flow]:
    """Open all sockets: the near host's here, the far host's in its namespace."""
    near_out, near_in = (socket.socket(socket.AF_INET, socket.SOCK_DGRAM) for _ in range(2))
    echo = socket.socket(socket.AF_INET, socket.SOCK_RAW, socket.IPPROTO_ICMP)
    with entered(task["far_namespace"]):
        far_out, far_in = (socket.socket(socket.AF_INET, socket.SOCK_DGRAM) for _ in range(2))
        far_in.bind((task["far"], _PORT))
        far_out.connect((task["near"], _PORT))
    near_in.bind((task["near"], _PORT))
    near_out.connect((task["far"], _PORT))
    echo.connect((task["virtual"], 0))
    for sender in (near_out, far_out, echo):
        sender.settimeout(0)
    return {
        "there": Flow(near_out, far_in, echo=False),
        "back": Flow(far_out, near_in, echo=False),
        "virtual": Flow(echo, echo, echo=True),
    }


def entered(name: str) -> contextlib.AbstractContextManager[None]:
    """Enter a namespace by its name."""
    namespace = Namespace.__new__(Namespace)
    namespace.name = name
    return namespace.entered()


def main() -> None:
    """Send and receive until stdin ends."""
    gc.disable()
    task = json.loads(sys.stdin.readline())
    flows, every = _flows(task), int(task["every"])
    sources: list[int | socket.socket] = [sys.stdin.fileno(), *(flow.receiver for flow in flows.values())]
    due = time.monotonic_ns()
    while True:
        wait = max(0, due - time.monotonic_ns()) / SECOND
        ready = select.select(sources, [], [], wait)[0]
        now = time.monotonic_ns()
        if now >= due:
            for flow in flows.values():
                flow.send(now)
            due = max(due + every, now)
        offset = time.monotonic_ns() - time.clock_gettime_ns(time.CLOCK_REALTIME)
        for flow in flows.values():
            if flow.receiver in ready:
                flow.receive(offset)
        if sources[0] in ready and not _answer(flows):
            return


def _answer(flows: dict[str, Flow]) -> bool:
    """Answer what is asked; return whether anything was."""
    words = os.read(sys.stdin.fileno(), 200).decode().split()
    if not words:
        return False
    verb, *instants = words
    since = int(instants[0])
    if verb == "arrived":
        answer: dict[str, Any] = {name: flow.arrived(since) for name, flow in flows.items()}
    else:
        answer = {name: flow.longest(since, int(instants[1])) for name, flow in flows.items()}
        for flow in flows.values():
            flow.forget(int(instants[1]) - _LOOK_BACK)
    sys.stdout.write(json.dumps(answer) + "\n")
    sys.stdout.flush()
    return True


class Traffic:
    """The process, while a `with` block lasts."""

    def __init__(
        self, near: Namespace, far: Namespace, *, addresses: tuple[str, str], virtual: str, every: Duration
    ) -> None:
        words = ["ip", "netns", "exec", near.name, sys.executable, "-m", "tests.benchmarks.traffic"]
        self._process = subprocess.Popen(
            words, cwd=_ROOT, stdin=subprocess.PIPE, stdout=subprocess.PIPE, text=True, bufsize=1
        )
        self.every = every
        task = {"near": addresses[0], "far": addresses[1], "far_namespace": far.name, "virtual": virtual}
        self._say(json.dumps(task | {"every": every}))

    def __enter__(self) -> Self:
        return self

    def __exit__(self, *_why: object) -> None:
        assert self._process.stdin is not None
        assert self._process.stdout is not None
        self._process.stdin.close()
        self._process.wait(10)
        self._process.stdout.close()

    def arrived(self, since: Instant) -> dict[str, int]:
        """Return how many packets of each flow have arrived since an instant."""
        return self._ask(f"arrived {since}")

    def longest(self, since: Instant, until: Instant) -> dict[str, Duration]:
        """Return by flow the longest time, between two instants, for which nothing arrived that was sent."""
        return self._ask(f"report {since} {until}")

    def _ask(self, words: str) -> dict[str, int]:
        assert self._process.stdout is not None
        self._say(words)
        return dict(json.loads(self._process.stdout.readline()))

    def _say(self, words: str) -> None:
        assert self._process.stdin is not None
        self._process.stdin.write(words + "\n")
        self._process.stdin.flush()


if __name__ == "__main__":
    main()
