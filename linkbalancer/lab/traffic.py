"""The process on a host that sends and receives all its flows: `python -m linkbalancer.lab.traffic`.

It is told what to do on stdin. The first line is its task (JSON). Then come commands, a line each: `connect` (open the
TCP connections), `start INSTANT` (number 0 is due then). The end of stdin ends the process, so that it never outlives
its drill.
"""

import contextlib
import ctypes
import gc
import json
import os
import select
import socket
import struct
import time
from collections.abc import Callable
from functools import partial
from typing import Any, Final, Protocol

from linkbalancer.clock import SECOND, Instant
from linkbalancer.lab.arrivals import ARP_EVERY, ECHO_EVERY, RECORD, Kind
from linkbalancer.lab.datagrams import FULL_TTL, Datagrams
from linkbalancer.lab.resolving import Resolver
from linkbalancer.lab.stream import Listener, Stream

_ECHO_HEADER: Final = struct.Struct("!BBHHH")
_MARK: Final = struct.Struct("!HI")
_SO_ATTACH_FILTER: Final = 26
_ICMP_FILTER: Final = 1
_SOL_RAW: Final = 255
_ECHO_REPLY, _UNREACHABLE, _REDIRECT, _ECHO, _TIME_EXCEEDED = 0, 3, 5, 8, 11
_ERRORS: Final = {_UNREACHABLE: Kind.UNREACHABLE, _REDIRECT: Kind.REDIRECT, _TIME_EXCEEDED: Kind.LOOP}
_PROTOCOLS: Final = {socket.IPPROTO_TCP: "tcp", socket.IPPROTO_UDP: "udp"}


class Reader(Protocol):
    """What is waited for: has a descriptor, and takes what arrives there."""

    def fileno(self) -> int:
        """The descriptor."""
        ...

    def receive(self) -> None:
        """Take what has arrived."""
        ...


class Notebook:
    """Where a host writes down what it notices, in `arrivals.RECORD`s."""

    def __init__(self, path: str) -> None:
        self._file = os.open(path, os.O_WRONLY | os.O_CREAT | os.O_APPEND, 0o644)
        self._pending = bytearray()

    def note(self, kind: Kind, flow: int, number: int = 0, gateways: int = 0, at: Instant | None = None) -> None:
        """Write one record, at this instant unless another is given."""
        instant = time.monotonic_ns() if at is None else at
        self._pending += RECORD.pack(kind, gateways, flow, number, instant)

    def flush(self) -> None:
        """Hand what is pending to the file."""
        if self._pending:
            os.write(self._file, self._pending)
            self._pending.clear()


class IcmpEar:
    """A raw ICMP socket: hears redirects, refused and dead packets, and echo replies to its own requests.

    An echo's requests carry the number of its trace and their own number.
    """

    def __init__(self, ends: list[dict[str, Any]], notebook: Notebook) -> None:
        self._socket = socket.socket(socket.AF_INET, socket.SOCK_RAW, socket.IPPROTO_ICMP)
        wanted = 1 << _ECHO_REPLY | sum(1 << kind for kind in _ERRORS)
        self._socket.setsockopt(_SOL_RAW, _ICMP_FILTER, struct.pack("=I", ~wanted & 0xFFFFFFFF))
        self._socket.settimeout(0)
        self._flows = {(end["protocol"], end["local"][1], end["remote"][1]): end["sends"] for end in ends}
        self._notebook = notebook

    def fileno(self) -> int:
        """The socket's descriptor."""
        return self._socket.fileno()

    def receive(self) -> None:
        """Write down what has arrived."""
        with contextlib.suppress(BlockingIOError):
            while True:
                packet = self._socket.recv(2048)
                message = packet[(packet[0] & 15) * 4 :]
                if message[0] == _ECHO_REPLY:
                    self._replied(message)
                elif (flow := self._flow(message[8:])) is not None:
                    self._notebook.note(_ERRORS[message[0]], flow)

    def _flow(self, packet: bytes) -> int | None:
        """Return which of our flows the quoted packet belongs to."""
        ports = struct.unpack_from("!HH", packet, (packet[0] & 15) * 4)
        return self._flows.get((_PROTOCOLS.get(packet[9]), *ports))

    def _replied(self, message: bytes) -> None:
        flow, number = _MARK.unpack_from(message, _ECHO_HEADER.size)
        self._notebook.note(Kind.ARRIVAL, flow, number)

    def echo(self, address: str, number: int, flow: int) -> None:
        """Send one echo request of a steady echo, by the number of its trace."""
        body = _ECHO_HEADER.pack(_ECHO, 0, 0, os.getpid() & 0xFFFF, number & 0xFFFF) + _MARK.pack(flow, number)
        total = sum(struct.unpack(f"!{len(body) // 2}H", body))
        checksum = ~(total % 0xFFFF) & 0xFFFF
        with contextlib.suppress(OSError):
            self._socket.sendto(body[:2] + checksum.to_bytes(2, "big") + body[4:], (address, 0))


def _attach(sock: socket.socket, program: bytes) -> None:
    """Give a socket a classic BPF filter; the kernel copies it."""
    buffer = ctypes.create_string_buffer(program)
    sock.setsockopt(
        socket.SOL_SOCKET, _SO_ATTACH_FILTER, struct.pack("@HP", len(program) // 8, ctypes.addressof(buffer))
    )


class AgedSegments:
    """A raw TCP socket that is given only segments which passed too many gateways."""

    def __init__(self, ends: list[dict[str, Any]], most_gateways: int, notebook: Notebook) -> None:
        self._socket = socket.socket(socket.AF_INET, socket.SOCK_RAW, socket.IPPROTO_TCP)
        # Classic BPF: load the byte at 8 (TTL); not below the limit: drop; else keep.
        program = struct.pack("=HBBI", 0x30, 0, 0, 8) + struct.pack("=HBBI", 0x35, 0, 1, FULL_TTL - most_gateways)
        program += struct.pack("=HBBI", 0x06, 0, 0, 0) + struct.pack("=HBBI", 0x06, 0, 0, 0xFFFF)
        _attach(self._socket, program)
        self._socket.settimeout(0)
        self._flows = {(end["remote"][1], end["local"][1]): end["receives"] for end in ends}
        self._notebook = notebook

    def fileno(self) -> int:
        """The socket's descriptor."""
        return self._socket.fileno()

    def receive(self) -> None:
        """Write down what has arrived."""
        with contextlib.suppress(BlockingIOError):
            while True:
                packet = self._socket.recv(2048)
                flow = self._flows.get(struct.unpack_from("!HH", packet, (packet[0] & 15) * 4))
                if flow is not None:
                    self._notebook.note(Kind.LOOP, flow)


class Traffic:
    """All flows of one host, on one schedule.

    Each conversation sends once in `period` intervals, and those that do not send in the same one take turns.
    """

    def __init__(self, task: dict[str, Any]) -> None:
        self._notebook = Notebook(task["notebook"])
        self._interval: int = task["interval_ns"]
        ends = task["ends"]
        connections = [end for end in ends if end["protocol"] == "tcp"]
        self._listeners = [Listener(local, self._notebook) for local in _locals(connections, listening=True)]
        self._streams = [Stream(end, self._notebook, self._listeners) for end in connections]
        shared = _locals([end for end in ends if end["protocol"] == "udp"])
        self._datagrams = [Datagrams(local, self._notebook) for local in shared]
        self._turns = self._in_turns(task["period"], shared)
        self._icmp = IcmpEar(ends, self._notebook)
        self._echoes = [(echo["address"], echo["flow"]) for echo in task["echoes"]]
        self._resolver = Resolver(task["device"], task["echoes"], self._notebook)
        self._aged = AgedSegments(connections, task["most_gateways"], self._notebook)
        self._due: Instant | None = None
        self._number = 0
        self._commands = b""
        self._ended = False

    def _in_turns(self, period: int, shared: list[list[dict[str, Any]]]) -> list[list[Callable[[int], None]]]:
        """Return who sends in each interval of a period."""
        turns: list[list[Callable[[int], None]]] = [[] for _ in range(period)]
        for datagrams, ends in zip(self._datagrams, shared, strict=True):
            for end in ends:
                turns[end["turn"]].append(partial(datagrams.send, end["sends"]))
        for stream in self._streams:
            turns[stream.turn].append(stream.send)
        return turns

    def run(self) -> None:
        """Send and receive until stdin ends."""
        poll = select.epoll()
        plain: list[Reader] = [self, *self._listeners, *self._datagrams, self._icmp, self._resolver, self._aged]
        readers: dict[int, Reader] = {reader.fileno(): reader for reader in plain}
        for descriptor in readers:
            poll.register(descriptor, select.EPOLLIN)
        while not self._ended:
            now = time.monotonic_ns()
            if self._due is None or now >= self._due:
                self._send_due(now)
                for listener in self._listeners:
                    listener.tick()
                for stream in self._streams:
                    stream.tick(now)
                    stream.watch(poll, readers)
            wait = 0.1 if self._due is None else max(0, self._due - time.monotonic_ns()) / SECOND
            for descriptor, events in poll.poll(wait):
                self._serve(readers[descriptor], events)
            self._notebook.flush()

    @staticmethod
    def _serve(reader: Reader, events: int) -> None:
        if isinstance(reader, Stream) and events & ~select.EPOLLIN:
            reader.write()
        if events & ~select.EPOLLOUT:
            reader.receive()

    def fileno(self) -> int:
        """Commands come on stdin."""
        return 0

    def _send_due(self, now: Instant) -> None:
        # Late or not, every number is sent: the schedule is absolute.
        while self._due is not None and self._due <= now:
            number, turn = divmod(self._number, len(self._turns))
            for send in self._turns[turn]:
                send(number)
            if self._number % ECHO_EVERY == 0:
                for address, flow in self._echoes:
                    self._icmp.echo(address, self._number // ECHO_EVERY, flow)
            if self._number % ARP_EVERY == 0:
                self._resolver.ask(self._number // ARP_EVERY)
            self._number += 1
            self._due += self._interval

    def receive(self) -> None:
        """Obey the commands that have arrived; the end of them is the end of all."""
        data = os.read(0, 4096)
        self._ended = not data
        *lines, self._commands = (self._commands + data).split(b"\n")
        for line in lines:
            match line.decode().split():
                case ["connect"]:
                    for stream in self._streams:
                        stream.connect()
                case ["start", instant]:
                    self._due = int(instant)
                case _:
                    raise ValueError(f"unknown command {line!r}")


def _locals(ends: list[dict[str, Any]], *, listening: bool = False) -> list[list[dict[str, Any]]]:
    """Return the ends that share an address and port of this host, together; or only those that wait for the others."""
    found: dict[tuple[str, int], list[dict[str, Any]]] = {}
    for end in ends:
        if not (listening and end["connects"]):
            found.setdefault(tuple(end["local"]), []).append(end)
    return list(found.values())


def main() -> None:
    """Read the task and run it."""
    # Straight from the descriptor: a buffered reader would swallow the commands that follow.
    line = bytearray()
    while not line.endswith(b"\n"):
        byte = os.read(0, 1)
        if not byte:
            return
        line += byte
    with contextlib.suppress(OSError):
        # The measuring process must not wait behind the measured ones.
        os.sched_setscheduler(0, os.SCHED_RR, os.sched_param(1))
    traffic = Traffic(json.loads(line))
    gc.freeze()
    traffic.run()


if __name__ == "__main__":
    main()
