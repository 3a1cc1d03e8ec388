"""Throw-away network namespaces for tests: unique names, always removed.

with Namespace("gw") as gw, Namespace("host") as host:
    gw.connect("eth0", host, "eth0")
    gw("ip addr add 192.0.2.1/24 dev eth0")
    with gw.entered():
        ...  # sockets opened here, and programs started here, live in the namespace
"""

import ctypes
import itertools
import os
import shlex
import subprocess
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path
from types import TracebackType
from typing import Self

_NUMBERS = itertools.count()
_CLONE_NEWNET = 0x40000000
_LIBC = ctypes.CDLL(None, use_errno=True)


def _enter(descriptor: int) -> None:
    """Move the calling thread into a namespace."""
    if _LIBC.setns(descriptor, _CLONE_NEWNET):
        raise OSError(ctypes.get_errno(), "setns")


class Namespace:
    """A network namespace with its loopback up, gone when the `with` block ends."""

    def __init__(self, name: str = "ns") -> None:
        self.name = f"lbt-{os.getpid()}-{next(_NUMBERS)}-{name}"

    @classmethod
    def known(cls, name: str) -> Self:
        """Return a namespace that is somebody else's to make and to remove."""
        namespace = cls()
        namespace.name = name
        return namespace

    def __enter__(self) -> Self:
        subprocess.run(["ip", "netns", "add", self.name], check=True)
        self("ip link set lo up")
        return self

    def __exit__(
        self, kind: type[BaseException] | None, error: BaseException | None, trace: TracebackType | None
    ) -> None:
        subprocess.run(["ip", "netns", "del", self.name], check=True)

    def __call__(self, *commands: str, given: str | None = None) -> str:
        """Run commands inside; return what the last one wrote. One that fails fails the test, with its words."""
        output = ""
        for command in commands:
            done = subprocess.run(
                ["ip", "netns", "exec", self.name, *shlex.split(command)],
                input=given,
                capture_output=True,
                text=True,
                check=False,
            )
            assert done.returncode == 0, f"{command}: {done.stderr}"
            output = done.stdout
        return output

    def pids(self) -> list[int]:
        """Return the processes inside."""
        done = subprocess.run(["ip", "netns", "pids", self.name], capture_output=True, text=True, check=True)
        return [int(pid) for pid in done.stdout.split()]

    def connect(self, device: str, other: "Namespace", other_device: str) -> None:
        """Join two namespaces by a pair of devices, both up."""
        self(
            f"ip link add {device} type veth peer name {other_device} netns {other.name}",
            f"ip link set {device} up",
        )
        other(f"ip link set {other_device} up")

    @contextmanager
    def entered(self) -> Iterator[None]:
        """Run the block's code inside the namespace; sockets opened there stay there."""
        home = os.open("/proc/thread-self/ns/net", os.O_RDONLY)
        inside = os.open(Path("/run/netns") / self.name, os.O_RDONLY)
        try:
            _enter(inside)
            try:
                yield
            finally:
                _enter(home)
        finally:
            os.close(home)
            os.close(inside)
