"""What fills a link: large packets between its two ends, beside which LVrrp's own and the flows' are few."""

import subprocess
import sys
import time
from typing import Final

from linkbalancer.clock import MILLISECOND, SECOND, Duration
from linkbalancer.lab.lab import Lab
from linkbalancer.lab.topology import Segment

_BITS: Final = 5_000_000
"""So much a second each way: of a thin link LVrrp's own datagrams would take a good part."""

_OCTETS: Final = 1200
_BEGINNING: Final[Duration] = 300 * MILLISECOND

_FILLER: Final = """
import socket, sys, time
local, peer, size, interval = sys.argv[1], sys.argv[2], int(sys.argv[3]), float(sys.argv[4])
talk = socket.socket(socket.AF_INET, socket.SOCK_DGRAM)
talk.bind((local, 9))
due = time.monotonic()
end = due + 60
while due < end:
    talk.sendto(bytes(size), (peer, 9))
    due += interval
    time.sleep(max(0, due - time.monotonic()))
"""
"""Discards what it is sent, for it never reads; ends by itself should nobody end it."""


class Filling:
    """The two processes that fill a link, one at each end; not filled before `begin`."""

    def __init__(self, link: Segment) -> None:
        self._link = link
        self._processes: list[subprocess.Popen[bytes]] = []

    def begin(self, lab: Lab) -> None:
        """Fill it from now on."""
        one, other = self._link.ports
        interval = 8 * _OCTETS / _BITS
        for here, there in ((one, other), (other, one)):
            words = ["ip", "netns", "exec", lab.run.namespace(here.node), sys.executable, "-c", _FILLER]
            words += [str(here.address.ip), str(there.address.ip), str(_OCTETS), str(interval)]
            self._processes.append(subprocess.Popen(words, stdin=subprocess.DEVNULL, cwd="/", start_new_session=True))
        time.sleep(_BEGINNING / SECOND)

    def end(self) -> None:
        """Fill it no more."""
        for process in self._processes:
            process.kill()
            process.wait()
        self._processes.clear()
