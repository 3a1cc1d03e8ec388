"""ARP: whether the gateway itself is there."""

import fcntl
import socket
import struct
from ipaddress import IPv4Address
from typing import Final

from linkbalancer.host.neighbours import NeighbourProbe
from linkbalancer.host.probes.asking import Answer, Path
from linkbalancer.links import DeviceName

_SIOCGIFADDR: Final = 0x8915
_ADDRESS: Final = slice(20, 24)
_NEVER: Final = 1 << 30


class ArpProbe:
    """One gateway; any ARP frame of its own is an answer."""

    writes = False

    def __init__(self, path: Path) -> None:
        self._path = path
        self._asked: NeighbourProbe | None = None

    def begin(self) -> None:
        """Ask; raises OSError."""
        self.end()
        self._asked = NeighbourProbe(self._path.device, [self._path.gateway], misses=_NEVER)
        self._asked.probe(_own_address(self._path.device))

    def fileno(self) -> int:
        """Return the descriptor to wait for."""
        assert self._asked is not None, "no round goes on"
        return self._asked.fileno()

    def ready(self) -> Answer | None:
        """Return the answer when there is one."""
        heard = self._asked.receive() if self._asked is not None else []
        if not heard or heard[0].mac is None:
            return None
        return Answer(passed=True, text=f"is at {heard[0].mac.hex(':')}")

    def end(self) -> None:
        """End the round."""
        if self._asked is not None:
            self._asked.close()
            self._asked = None


def _own_address(device: DeviceName) -> IPv4Address:
    """Return the device's address, 0.0.0.0 where it has none."""
    with socket.socket(socket.AF_INET, socket.SOCK_DGRAM) as asking:
        request = struct.pack("16s24x", device.encode())
        try:
            return IPv4Address(fcntl.ioctl(asking, _SIOCGIFADDR, request)[_ADDRESS])
        except OSError:
            return IPv4Address(0)
