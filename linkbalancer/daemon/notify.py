"""systemd's notification protocol (sd_notify(3)): a datagram to $NOTIFY_SOCKET, and nothing where there is none."""

import os
import socket
import time
from collections.abc import Mapping
from typing import assert_never

from linkbalancer.clock import MICROSECOND, Duration
from linkbalancer.engine.supervision import Phase


class Notifier:
    """Tells the service manager how the service is; without one every call is a no-op.

    `watchdog` is how often the service manager wants to hear `WATCHDOG=1` at least, or None.
    """

    def __init__(self, environment: Mapping[str, str] = os.environ) -> None:
        self._address = environment.get("NOTIFY_SOCKET", "")
        self._socket: socket.socket | None = None
        if self._address:
            self._socket = socket.socket(socket.AF_UNIX, socket.SOCK_DGRAM | socket.SOCK_CLOEXEC)
            self._socket.settimeout(0)
        self.watchdog = _watchdog(environment) if self._address else None

    def send(self, *assignments: str) -> None:
        """Send assignments such as `READY=1` in one datagram; a manager that does not read is not waited for."""
        if self._socket is None:
            return
        address = "\0" + self._address[1:] if self._address.startswith("@") else self._address
        try:
            self._socket.sendto("\n".join(assignments).encode(), address)
        except OSError:
            return  # the manager is gone or deaf: it will find out by its own watchdog

    def become(self, phase: Phase) -> None:
        """Tell in which phase the service is now."""
        match phase:
            case Phase.READY:
                self.send("READY=1")
            case Phase.RELOADING:
                # systemd compares this with its own CLOCK_MONOTONIC (sd_notify(3)).
                self.send("RELOADING=1", f"MONOTONIC_USEC={_monotonic_microseconds()}")
            case Phase.STOPPING:
                self.send("STOPPING=1")
            case Phase.STARTING:
                pass
            case _:
                assert_never(phase)

    def close(self) -> None:
        """Close the socket, for a fork that is not the service's main process."""
        if self._socket is not None:
            self._socket.close()
            self._socket = None


def _monotonic_microseconds() -> int:
    return time.clock_gettime_ns(time.CLOCK_MONOTONIC) // 1000


def _watchdog(environment: Mapping[str, str]) -> Duration | None:
    """Return the period of $WATCHDOG_USEC if it is meant for this process."""
    period = environment.get("WATCHDOG_USEC", "")
    pid = environment.get("WATCHDOG_PID", "")
    if not period.isdigit() or int(period) == 0 or (pid and pid != str(os.getpid())):
        return None
    return int(period) * MICROSECOND
