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
import sys
import time
from typing import Any, Final, Protocol

from linkbalancer.clock import SECOND, Instant
from linkbalancer.lab.arrivals import ARP_EVERY, ECHO_EVERY, RECORD, Kind
from linkbalancer.lab.resolving import Resolver
from linkbalancer.lab.stream import Stream

FULL_TTL: Final = 64
_NUMBER: Final = struct.Struct("!I")
_ECHO_HEADER: Final = struct.Struct("!BBHHH")
_MARK: Final = struct.Struct("!HI")
_PADDING: Final = bytes(60)

_IP_RECVTTL: Final = 12
_SO_TIMESTAMPNS: Final = 35
_TIMESPEC: Final = struct.Struct("@ll")
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


class Datagrams:
    """One UDP conversation: numbers sent in one flow, received in the other."""

    def __init__(self, end: dict[str, Any], notebook: Notebook) -> None:
        self._socket = socket.socket(socket.AF_INET, socket.SOCK_DGRAM)
        self._socket.setsockopt(socket.IPPROTO_IP, socket.IP_TOS, end["tos"])
        self._socket.setsockopt(socket.IPPROTO_IP, _IP_RECVTTL, 1)
        self._socket.setsockopt(socket.SOL_SOCKET, _SO_TIMESTAMPNS, 1)
        self._socket.bind(tuple(end["local"]))
        self._socket.connect(tuple(end["remote"]))
        self._socket.settimeout(0)
        self._receives: int = end["receives"]
        self._notebook = notebook

    def fileno(self) -> int:
        """The socket's descriptor."""
        return self._socket.fileno()

    def send(self, number: int) -> None:
        """Send a number; whatever the network says about it is no reason to stop."""
        with contextlib.suppress(OSError):
            self._socket.send(_NUMBER.pack(number) + _PADDING)

    def receive(self) -> None:
        """Write down everything that has arrived, with the kernel's time of arrival."""
        # The kernel stamps with the wall clock; its distance to ours is taken anew for every batch.
        offset = time.monotonic_ns() - time.clock_gettime_ns(time.CLOCK_REALTIME)
        while True:
            try:
                data, ancillary, _, _ = self._socket.recvmsg(128, 256)
            except BlockingIOError:
                return
            except OSError:
                continue  # An ICMP error about something we sent; it is told once.
            at, ttl = None, FULL_TTL
            for _, kind, value in ancillary:
                if kind == _SO_TIMESTAMPNS:
                    seconds, rest = _TIMESPEC.unpack(value)
                    at = seconds * SECOND + rest + offset
                elif kind == socket.IP_TTL:
                    ttl = int.from_bytes(value, sys.byteorder)
            self._notebook.note(Kind.ARRIVAL, self._receives, _NUMBER.unpack_from(data)[0], FULL_TTL - ttl, at)


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
    """All flows of one host, on one schedule."""

    def __init__(self, task: dict[str, Any]) -> None:
        self._notebook = Notebook(task["notebook"])
        self._interval: int = task["interval_ns"]
        ends = task["ends"]
        self._streams = [Stream(end, self._notebook) for end in ends if end["protocol"] == "tcp"]
        self._datagrams = [Datagrams(end, self._notebook) for end in ends if end["protocol"] == "udp"]
        self._icmp = IcmpEar(ends, self._notebook)
        self._echoes = [(echo["address"], echo["flow"]) for echo in task["echoes"]]
        self._resolver = Resolver(task["device"], task["echoes"], self._notebook)
        connections = [end for end in ends if end["protocol"] == "tcp"]
        self._aged = AgedSegments(connections, task["most_gateways"], self._notebook)
        self._due: Instant | None = None
        self._number = 0
        self._commands = b""
        self._ended = False

    def run(self) -> None:
        """Send and receive until stdin ends."""
        plain: list[Reader] = [self, *self._datagrams, self._icmp, self._resolver, self._aged]
        while not self._ended:
            now = time.monotonic_ns()
            self._send_due(now)
            for stream in self._streams:
                stream.tick(now)
            streams: list[Stream] = [stream for stream in self._streams if stream.fileno() >= 0]
            writers = [stream for stream in streams if stream.wants_to_write]
            wait = 0.1 if self._due is None else max(0, self._due - time.monotonic_ns()) / SECOND
            readable, writable, _ = select.select([*plain, *streams], writers, [], wait)
            for stream in writable:
                stream.write()
            for reader in readable:
                reader.receive()
            self._notebook.flush()

    def fileno(self) -> int:
        """Commands come on stdin."""
        return 0

    def _send_due(self, now: Instant) -> None:
        # Late or not, every number is sent: the schedule is absolute.
        while self._due is not None and self._due <= now:
            for datagrams in self._datagrams:
                datagrams.send(self._number)
            for stream in self._streams:
                stream.send(self._number)
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
