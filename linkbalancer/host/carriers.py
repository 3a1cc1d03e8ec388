"""Whether devices have carrier, asked without any right: for who watches devices and never touches them."""

import errno
import socket
from collections.abc import Collection
from typing import Final

from linkbalancer.host.rtnetlink import Questions
from linkbalancer.links import DeviceName

_LINKS: Final = 0x01
_RECEIVE_BYTES: Final = 1 << 16
_DATAGRAMS_PER_READ: Final = 1000


class Carriers:
    """Watches some devices. Raises OSError when the kernel gives no socket."""

    def __init__(self, devices: Collection[DeviceName]) -> None:
        self._devices = tuple(sorted(set(devices)))
        kind = socket.SOCK_RAW | socket.SOCK_CLOEXEC | socket.SOCK_NONBLOCK
        self._notices = socket.socket(socket.AF_NETLINK, kind, 0)
        self._notices.bind((0, _LINKS))
        self._questions = Questions()

    def fileno(self) -> int:
        """Return the descriptor that is readable when there may be news."""
        return self._notices.fileno()

    def close(self) -> None:
        """Close the sockets."""
        self._notices.close()
        self._questions.close()

    def read(self) -> None:
        """Read the notices, which only say that it is time to look. Never blocks."""
        for _datagram in range(_DATAGRAMS_PER_READ):
            try:
                self._notices.recv(_RECEIVE_BYTES)
            except BlockingIOError:
                return
            except OSError as error:
                if error.errno != errno.ENOBUFS:
                    raise

    def look(self) -> dict[DeviceName, bool]:
        """Return which devices are up with carrier; one that is not there is not. Raises OSError."""
        links = ((device, self._questions.link(device)) for device in self._devices)
        return {device: link is not None and link.carrier for device, link in links}
