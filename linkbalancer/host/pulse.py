"""Whether devices have carrier, asked for so cheaply that it can be done many times a second.

`ETHTOOL_GLINK` (linux/ethtool.h) tells what the driver knows this instant, in a word; a netlink answer would have to be
taken apart.
"""

import array
import fcntl
import socket
import struct
from typing import Final

from linkbalancer.links import DeviceName

_SIOCETHTOOL: Final = 0x8946
_GLINK: Final = 0x0000000A
_REQUEST: Final = struct.Struct("16sP16x")


class Pulse:
    """A socket for this one question. Raises OSError when the kernel gives none."""

    def __init__(self) -> None:
        self._socket = socket.socket(socket.AF_INET, socket.SOCK_DGRAM | socket.SOCK_CLOEXEC)
        self._value = array.array("I", (_GLINK, 0))
        self._requests: dict[DeviceName, bytes] = {}

    def close(self) -> None:
        """Close the socket."""
        self._socket.close()

    def of(self, device: DeviceName) -> int:
        """Return 1 where a device is up and has carrier, 0 where not, or an error number below 0: gone, cannot tell."""
        request = self._requests.get(device)
        if request is None:
            address, _length = self._value.buffer_info()
            request = self._requests[device] = _REQUEST.pack(device.encode(), address)
        try:
            fcntl.ioctl(self._socket, _SIOCETHTOOL, request)
        except OSError as error:
            return -(error.errno or 1)
        return int(bool(self._value[1]))
