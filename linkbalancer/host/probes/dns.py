"""DNS over UDP: a name server beyond the gateway answers."""

import os
import socket
import struct
from typing import Final

from linkbalancer.config.upstream import DnsProbe as Settings
from linkbalancer.host.probes.asking import Answer, Path, Socketed

_PORT: Final = 53
_HEADER: Final = struct.Struct("!HHHHHH")
_RECURSE: Final = 0x0100
_RESPONSE: Final = 0x8000
_CODE: Final = 0x000F
_GOOD: Final = {0: "answers", 3: "answers: there is no such name"}
_CODES: Final = {1: "format error", 2: "server failure", 4: "not implemented", 5: "refused"}
_QUESTION: Final = struct.pack("!HH", 1, 1)
_READS: Final = 16


class DnsProbe(Socketed):
    """One server and name: the IPv4 addresses of the name are asked for."""

    def __init__(self, path: Path, settings: Settings) -> None:
        super().__init__(path)
        labels = settings.name.removesuffix(".").split(".")
        self._question = b"".join(bytes([len(one)]) + one.encode() for one in labels) + b"\0" + _QUESTION
        self._server, self._number = str(settings.server), 0

    def begin(self) -> None:
        """Ask; raises OSError."""
        sock = self.open(socket.SOCK_DGRAM)
        sock.connect((self._server, _PORT))
        self._number = int.from_bytes(os.urandom(2))
        sock.send(_HEADER.pack(self._number, _RECURSE, 1, 0, 0, 0) + self._question)

    def ready(self) -> Answer | None:
        """Return the answer when there is one; raises OSError."""
        for _packet in range(_READS):
            try:
                data = self.opened.recv(4096)
            except BlockingIOError:
                return None
            if len(data) < _HEADER.size:
                continue
            number, flags, *_counts = _HEADER.unpack_from(data)
            if number == self._number and flags & _RESPONSE:
                code = flags & _CODE
                return Answer(code in _GOOD, _GOOD.get(code) or _CODES.get(code, f"error {code}"))
        return None
