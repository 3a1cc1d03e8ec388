"""Numbered datagrams from one namespace to another, sent steadily, so that each that is lost is known."""

import contextlib
import socket
import threading
import time
from types import TracebackType
from typing import Self

from tests.namespaces import Namespace

PORT = 5005
EVERY_S = 0.01


class Stream:
    """Sends while the `with` block lasts."""

    def __init__(self, sender: Namespace, receiver: Namespace, address: str) -> None:
        with receiver.entered():
            self._ear = socket.socket(socket.AF_INET, socket.SOCK_DGRAM)
            self._ear.bind(("", PORT))
        with sender.entered():
            self._mouth = socket.socket(socket.AF_INET, socket.SOCK_DGRAM)
        self._ear.settimeout(0.1)
        self._mouth.connect((address, PORT))
        self._over = threading.Event()
        self._threads = [threading.Thread(target=self._send), threading.Thread(target=self._hear)]
        self.sent = 0
        self.heard: set[int] = set()

    def __enter__(self) -> Self:
        for thread in self._threads:
            thread.start()
        return self

    def __exit__(
        self, kind: type[BaseException] | None, error: BaseException | None, trace: TracebackType | None
    ) -> None:
        self._over.set()
        for thread in self._threads:
            thread.join()
        self._mouth.close()
        self._ear.close()

    def lost(self) -> int:
        """Return how many of those sent were not heard; asked when it is over."""
        return self.sent - len(self.heard)

    def _send(self) -> None:
        while not self._over.wait(EVERY_S):
            with contextlib.suppress(OSError):  # counted as lost
                self._mouth.send(self.sent.to_bytes(4))
            self.sent += 1

    def _hear(self) -> None:
        last = None
        while last is None or time.monotonic() < last:
            with contextlib.suppress(TimeoutError):
                self.heard.add(int.from_bytes(self._ear.recv(64)))
            if self._over.is_set() and last is None:
                last = time.monotonic() + 0.5  # what is under way may still arrive
