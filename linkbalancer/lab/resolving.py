"""What a host's kernel would ask before it sends anything: who has this virtual IP? Asked by ARP, answers written down.

The requests name no sender (as the probes of RFC 5227 do), so that nobody learns anything by them.
"""

import contextlib
import socket
from ipaddress import IPv4Address
from struct import Struct
from typing import Any, Final

from linkbalancer.lab.arrivals import Kind
from linkbalancer.lab.stream import Notes

_ETH_ARP: Final = 0x0806
_MESSAGE: Final = Struct("!6s6sHHHBBH6s4s6s4s")
_EVERYBODY: Final = b"\xff" * 6
_NOBODY: Final = bytes(4)
_REQUEST, _REPLY = 1, 2


class Resolver:
    """Asks for addresses on a host's device; `echoes` name the address and the trace of each (`arp`)."""

    def __init__(self, device: str, echoes: list[dict[str, Any]], notebook: Notes) -> None:
        self._socket = socket.socket(socket.AF_PACKET, socket.SOCK_RAW, socket.htons(_ETH_ARP))
        self._socket.bind((device, _ETH_ARP))
        self._socket.settimeout(0)
        self._mac: bytes = self._socket.getsockname()[4]
        self._flows = {IPv4Address(echo["address"]).packed: int(echo["arp"]) for echo in echoes}
        self._notebook = notebook
        self._number = 0

    def fileno(self) -> int:
        """The socket's descriptor."""
        return self._socket.fileno()

    def ask(self, number: int) -> None:
        """Ask for every address; an answer that comes before the next number counts for this one."""
        self._number = number
        for address in self._flows:
            frame = _MESSAGE.pack(
                _EVERYBODY, self._mac, _ETH_ARP, 1, 0x0800, 6, 4, _REQUEST, self._mac, _NOBODY, bytes(6), address
            )
            with contextlib.suppress(OSError):
                self._socket.send(frame)

    def receive(self) -> None:
        """Write down the answers that have arrived."""
        with contextlib.suppress(BlockingIOError):
            while True:
                frame = self._socket.recv(128)
                if len(frame) < _MESSAGE.size:
                    continue
                _, _, _, _, _, _, _, operation, _, sender, to, _ = _MESSAGE.unpack_from(frame)
                flow = self._flows.get(sender)
                if operation == _REPLY and to == self._mac and flow is not None:
                    self._notebook.note(Kind.ARRIVAL, flow, self._number)
