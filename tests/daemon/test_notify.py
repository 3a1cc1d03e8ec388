"""systemd's protocol against real sockets."""

import os
import socket
from collections.abc import Iterator
from pathlib import Path

import pytest

from linkbalancer.clock import SECOND
from linkbalancer.daemon.notify import Notifier


@pytest.fixture(params=["path", "abstract"])
def manager(request: pytest.FixtureRequest, tmp_path: Path) -> Iterator[tuple[str, socket.socket]]:
    """Return a service manager's socket and what NOTIFY_SOCKET says of it."""
    name = str(tmp_path / "notify") if request.param == "path" else f"@linkbalancer-test-{os.getpid()}"
    sock = socket.socket(socket.AF_UNIX, socket.SOCK_DGRAM)
    sock.bind(name if request.param == "path" else "\0" + name[1:])
    sock.settimeout(5)
    yield name, sock
    sock.close()


def test_assignments_are_one_datagram(manager: tuple[str, socket.socket]) -> None:
    """Everything that is sent together arrives together, a line each."""
    name, sock = manager
    notifier = Notifier({"NOTIFY_SOCKET": name})
    notifier.send("READY=1", "STATUS=all is well")
    assert sock.recv(1000) == b"READY=1\nSTATUS=all is well"
    notifier.close()
    notifier.send("READY=1")  # after closing: nothing, and no error


def test_without_a_manager_nothing_happens() -> None:
    """Outside systemd, or with a manager that is gone, every call is a no-op."""
    notifier = Notifier({})
    notifier.send("READY=1")
    notifier.close()
    gone = Notifier({"NOTIFY_SOCKET": "/nowhere/notify"})
    gone.send("READY=1")
    gone.close()
    assert notifier.watchdog is None


@pytest.mark.parametrize(
    ("environment", "period"),
    [
        ({"WATCHDOG_USEC": "10000000"}, 10 * SECOND),
        ({"WATCHDOG_USEC": "10000000", "WATCHDOG_PID": str(os.getpid())}, 10 * SECOND),
        ({"WATCHDOG_USEC": "10000000", "WATCHDOG_PID": "1"}, None),
        ({"WATCHDOG_USEC": "0"}, None),
        ({"WATCHDOG_USEC": "soon"}, None),
        ({}, None),
    ],
)
def test_watchdog_period(environment: dict[str, str], period: int | None) -> None:
    """The period is the manager's, if it is meant for this process."""
    notifier = Notifier({"NOTIFY_SOCKET": "/nowhere/notify", **environment})
    notifier.close()
    assert notifier.watchdog == period
