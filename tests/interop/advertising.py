"""Who advertised what on a LAN, and when, by the kernel's own time stamps."""

import socket
import struct
from dataclasses import dataclass

from linkbalancer.clock import SECOND, Instant
from linkbalancer.host import packetfilter
from linkbalancer.links import DeviceName, Vid
from linkbalancer.vrrp.packet import PROTOCOL, ChecksumForm, Rejection, decode

_ETH_P_IP = 0x0800
_SO_TIMESTAMPNS = 35
_LARGEST = 2048


@dataclass(frozen=True, slots=True)
class Advert:
    """An advert that was heard: `at` is when the frame came (only differences mean anything)."""

    at: Instant
    source: str
    vid: Vid
    priority: int
    form: ChecksumForm


class Ear:
    """Hears all adverts on a device of the present namespace, from now on. Nothing is lost while nobody asks."""

    def __init__(self, device: DeviceName) -> None:
        self._adverts: list[Advert] = []
        self._socket = socket.socket(socket.AF_PACKET, socket.SOCK_DGRAM | socket.SOCK_NONBLOCK, 0)
        packetfilter.accept_protocol(self._socket, PROTOCOL)
        self._socket.setsockopt(socket.SOL_SOCKET, _SO_TIMESTAMPNS, 1)
        self._socket.bind((device, _ETH_P_IP))

    def close(self) -> None:
        """Hear no more."""
        self._socket.close()

    def adverts(self, vid: Vid) -> list[Advert]:
        """Return a VID's adverts heard so far, oldest first; one that cannot be read fails the test."""
        while True:
            try:
                packet, ancillary, _flags, _origin = self._socket.recvmsg(_LARGEST, socket.CMSG_SPACE(16))
            except BlockingIOError:
                return [advert for advert in self._adverts if advert.vid == vid]
            ((_level, _kind, stamp),) = ancillary
            seconds, rest = struct.unpack("=qq", stamp)
            received = decode(packet)
            assert not isinstance(received, Rejection), f"an advert that is refused: {received}, {packet.hex()}"
            said = received.advertisement
            source = str(received.source)
            self._adverts.append(Advert(seconds * SECOND + rest, source, said.vrid, said.priority, received.form))

    def handover(self, vid: Vid, giver: str, taker: str) -> tuple[Advert, ...]:
        """Return a giver's farewell (priority 0) and the taker's first word after it; nothing until both were heard."""
        adverts = self.adverts(vid)
        farewell = next((one for one in adverts if (one.source, one.priority) == (giver, 0)), None)
        if farewell is None:
            return ()
        answers = (one for one in adverts if one.source == taker and one.at > farewell.at and one.priority > 0)
        return next(((farewell, answer) for answer in answers), ())
