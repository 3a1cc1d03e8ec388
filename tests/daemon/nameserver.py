"""A name server for tests: answers by UDP and TCP what it was told to, or fails in the ways that resolvers do."""

import select
import socket
import struct
import threading
from collections.abc import Sequence
from contextlib import suppress
from ipaddress import ip_address
from types import TracebackType
from typing import Self


class NameServer:
    """Listens on port 53 of an address, in the network namespace of who makes it.

    Attributes:
        zone: the addresses of names; a name that is not here does not exist.
        ttl: that of all answers, in seconds.
        mode: `answer`, `fail` (SERVFAIL), `silent`, `truncate` (all by UDP; TCP answers), `nonsense`.
        asked: how often each name was asked for, both families together; `streams`: how often by TCP.
    """

    def __init__(self, address: str) -> None:
        self.zone: dict[str, Sequence[str]] = {}
        self.ttl, self.mode = 1, "answer"
        self.asked: dict[str, int] = {}
        self.streams = 0
        self._datagrams = socket.socket(socket.AF_INET, socket.SOCK_DGRAM)
        self._streams = socket.socket(socket.AF_INET, socket.SOCK_STREAM)
        for one in (self._datagrams, self._streams):
            one.setsockopt(socket.SOL_SOCKET, socket.SO_REUSEADDR, 1)
            one.bind((address, 53))
        self._streams.listen()
        self._ended = False
        self._thread = threading.Thread(target=self._serve, daemon=True)

    def __enter__(self) -> Self:
        self._thread.start()
        return self

    def __exit__(
        self, kind: type[BaseException] | None, error: BaseException | None, trace: TracebackType | None
    ) -> None:
        self._ended = True
        self._thread.join()
        self._datagrams.close()
        self._streams.close()

    def _serve(self) -> None:
        while not self._ended:
            for one in select.select([self._datagrams, self._streams], [], [], 0.05)[0]:
                if one is self._datagrams:
                    data, caller = one.recvfrom(4096)
                    answer = self._answer(data, stream=False)
                    if answer:
                        one.sendto(answer, caller)
                    continue
                stream, _caller = one.accept()
                with stream, suppress(OSError):
                    stream.settimeout(2)
                    data = stream.recv(4096)
                    answer = self._answer(data[2:], stream=True)
                    for part in (len(answer).to_bytes(2)[:1], len(answer).to_bytes(2)[1:] + answer):
                        stream.sendall(part)

    def _answer(self, data: bytes, *, stream: bool) -> bytes:
        labels, at = [], 12
        while data[at]:
            labels.append(data[at + 1 : at + 1 + data[at]].decode())
            at += 1 + data[at]
        name, (kind,) = ".".join(labels), struct.unpack_from("!H", data, at + 1)
        self.asked[name] = self.asked.get(name, 0) + 1
        self.streams += stream
        if self.mode == "silent":
            return b""
        if self.mode == "nonsense":
            return data[:2] + b"\x81\x80\0\1\0\7\0\0\0\0" + data[12 : at + 5] + b"\xc0\xff"
        words = self.zone.get(name)
        packed = [one.packed for one in map(ip_address, words or ()) if one.version == (4 if kind == 1 else 6)]
        truncated = self.mode == "truncate" and not stream
        flags = 0x8182 if self.mode == "fail" else 0x8380 if truncated else 0x8180 if words is not None else 0x8183
        records = [] if self.mode == "fail" or truncated else packed
        head = data[:2] + struct.pack("!HHHHH", flags, 1, len(records), 0, 0) + data[12 : at + 5]
        return head + b"".join(struct.pack("!HHHIH", 0xC00C, kind, 1, self.ttl, len(one)) + one for one in records)
