"""Asking the members and targets of a LAN by ARP whether they are there: a gateway watches its own LAN leg too."""

import socket
import struct
from collections.abc import Collection
from contextlib import suppress
from ipaddress import IPv4Address
from typing import Final

from linkbalancer.engine.events import NeighbourHeard
from linkbalancer.links import DeviceName
from linkbalancer.vrrp.group import is_virtual

_ETH_P_ARP: Final = 0x0806
_SOL_PACKET: Final = 263
_PACKET_IGNORE_OUTGOING: Final = 23
_CONTROL: Final = 7
"""The priority of traffic that keeps a network together: a full LAN leg is no silent one."""

_FRAME: Final = struct.Struct("!6s6sHHHBBH6s4s6s4s")
_EVERYBODY: Final = b"\xff" * 6
_ETHERNET_IPV4: Final = (1, 0x0800, 6, 4)
_REQUEST: Final = 1
_NOBODY: Final = IPv4Address(0)
_FRAMES_PER_CALL: Final = 256
_LEARNING_MAX: Final = 64
_TRIES: Final = 10


class NeighbourProbe:
    """The neighbours to ask on one device. Raises OSError when the device is missing or rights are.

    `misses` probes in a row without a sign of life make a neighbour silent. Besides, a MAC may be asked for (`learn`)
    until it is known.
    """

    def __init__(self, device: DeviceName, addresses: Collection[IPv4Address], misses: int = 3) -> None:
        self._device = device
        self._misses = misses
        self._unanswered = dict.fromkeys(addresses, 0)
        self._learning: dict[IPv4Address, int] = {}
        self._socket = socket.socket(socket.AF_PACKET, socket.SOCK_RAW | socket.SOCK_CLOEXEC | socket.SOCK_NONBLOCK, 0)
        try:
            self._socket.setsockopt(_SOL_PACKET, _PACKET_IGNORE_OUTGOING, 1)
            self._socket.setsockopt(socket.SOL_SOCKET, socket.SO_PRIORITY, _CONTROL)
            self._socket.bind((device, _ETH_P_ARP))
            self._mac: bytes = self._socket.getsockname()[4]
        except OSError:
            self._socket.close()
            raise

    def fileno(self) -> int:
        """Return the descriptor that is readable when ARP frames wait."""
        return self._socket.fileno()

    def close(self) -> None:
        """Close the socket."""
        self._socket.close()

    def learn(self, address: IPv4Address) -> None:
        """Ask for an address's MAC with the next probes, until it has answered or that is hopeless."""
        if len(self._learning) < _LEARNING_MAX and address not in self._unanswered:
            self._learning.setdefault(address, 0)

    def probe(self, source: IPv4Address = _NOBODY) -> list[NeighbourHeard]:
        """Ask everybody once, as `source` (the device's primary address; 0.0.0.0: nobody, RFC 5227 2.1.1).

        Return those that have just become silent. A frame that the kernel would not send is a miss like any other.
        """
        silent = []
        for address, unanswered in self._unanswered.items():
            if unanswered == self._misses:
                silent.append(NeighbourHeard(self._device, address, None))
            self._unanswered[address] = unanswered + 1
            self._ask(source, address)
        self._learning = {address: tried + 1 for address, tried in self._learning.items() if tried < _TRIES}
        for address in self._learning:
            self._ask(source, address)
        return silent

    def _ask(self, source: IPv4Address, address: IPv4Address) -> None:
        frame = _FRAME.pack(
            *(_EVERYBODY, self._mac, _ETH_P_ARP),
            *(*_ETHERNET_IPV4, _REQUEST),
            *(self._mac, source.packed, bytes(6), address.packed),
        )
        with suppress(OSError):
            self._socket.send(frame)

    def receive(self) -> list[NeighbourHeard]:
        """Return the signs of life that wait: any ARP frame of an asked neighbour is one. At most 256 frames a call."""
        heard: dict[IPv4Address, NeighbourHeard] = {}
        for _frame in range(_FRAMES_PER_CALL):
            try:
                frame = self._socket.recv(_FRAME.size)
            except BlockingIOError:
                break
            except OSError:
                continue
            if len(frame) < _FRAME.size:
                continue
            fields = _FRAME.unpack(frame)
            address = IPv4Address(fields[9])
            if fields[3:7] != _ETHERNET_IPV4 or fields[8] == self._mac:
                continue
            if address in self._unanswered:
                self._unanswered[address] = 0
            elif address not in self._learning or is_virtual(fields[8]):
                continue
            else:
                del self._learning[address]
            heard[address] = NeighbourHeard(self._device, address, fields[8])
        return list(heard.values())
