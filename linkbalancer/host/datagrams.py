"""LVrrp datagrams of one link: UDP between its two addresses, held to its device."""

import socket
from typing import Final

from linkbalancer.engine.events import DatagramReceived
from linkbalancer.lvrrp.settings import LinkSettings

_IP_FREEBIND: Final = 15
_TTL: Final = 255
_CLASS_SELECTOR_6: Final = 0xC0
_CONTROL: Final = 7
"""The priority of traffic that keeps a network together: on a full link it must not wait behind what fills it."""
_LARGEST: Final = 2048
_DATAGRAMS_PER_CALL: Final = 64


class DatagramSocket:
    """The socket of a link. Raises OSError when its device is missing or the port is taken.

    Attributes:
        strangers: datagrams from other addresses than the peer's, dropped.
        refused: datagrams that the kernel would not send.
    """

    def __init__(self, settings: LinkSettings, inherited: socket.socket | None = None) -> None:
        """Open the socket, or go on with a predecessor's of the same device, local address and port."""
        self._link = settings.name
        self._peer = (str(settings.peer), settings.port)
        self.strangers = 0
        self.refused = 0
        if inherited is not None:
            self._socket = inherited
            self._hurry()
            return
        self._socket = socket.socket(socket.AF_INET, socket.SOCK_DGRAM | socket.SOCK_CLOEXEC | socket.SOCK_NONBLOCK)
        try:
            self._socket.setsockopt(socket.SOL_SOCKET, socket.SO_BINDTODEVICE, settings.device.encode())
            # The address may come later than we do, and may go and come back.
            self._socket.setsockopt(socket.IPPROTO_IP, _IP_FREEBIND, 1)
            self._socket.setsockopt(socket.IPPROTO_IP, socket.IP_TTL, _TTL)
            self._socket.setsockopt(socket.IPPROTO_IP, socket.IP_TOS, _CLASS_SELECTOR_6)
            self._hurry()
            self._socket.bind((str(settings.local), settings.port))
        except OSError:
            self._socket.close()
            raise

    def _hurry(self) -> None:
        """Have queueing disciplines send our datagrams first: the kernel takes CS6 itself for best effort."""
        # Setting a traffic class sets this back.
        self._socket.setsockopt(socket.SOL_SOCKET, socket.SO_PRIORITY, _CONTROL)

    def fileno(self) -> int:
        """Return the descriptor that is readable when datagrams wait."""
        return self._socket.fileno()

    def close(self) -> None:
        """Close the socket."""
        self._socket.close()

    def receive(self) -> list[DatagramReceived]:
        """Return the datagrams of the peer that wait, at most 64 a call, oldest first."""
        found: list[DatagramReceived] = []
        for _datagram in range(_DATAGRAMS_PER_CALL):
            try:
                data, origin = self._socket.recvfrom(_LARGEST)
            except BlockingIOError:
                break
            except OSError:
                continue
            if origin[0] == self._peer[0]:
                found.append(DatagramReceived(self._link, data))
            else:
                self.strangers += 1
        return found

    def send(self, data: bytes) -> int:
        """Send a datagram to the peer; return 0, or the error number when the kernel would not (it is counted)."""
        try:
            self._socket.sendto(data, self._peer)
        except OSError as error:
            self.refused += 1
            return error.errno or -1
        return 0
