"""The system log: this host's by /dev/log, or another one's by UDP (RFC 5424)."""

import socket
import time
from typing import Final

from linkbalancer.config.notifications import Syslog
from linkbalancer.drivers.notices.outcome import Outcome

HERE = "/dev/log"
"""Where this host's listens."""

LONGEST = 2048
"""Bytes that every receiver of RFC 5424 should take (section 6.1)."""

_FACILITIES: Final = {"user": 1, "daemon": 3, **{f"local{number}": 16 + number for number in range(8)}}
_WARNING, _NOTICE = 4, 5


def tell(to: Syslog, message: str, *, grave: bool, stamp: str, node: str, topic: str, here: str = HERE) -> Outcome:
    """Send one line; nobody says whether it was taken where it goes by UDP."""
    priority = _FACILITIES[to.facility] * 8 + (_WARNING if grave else _NOTICE)
    local = to.server is None
    if local:
        when = time.strftime("%b %e %H:%M:%S", time.localtime())
        data = f"<{priority}>{when} linkbalancer: {message}".encode()
    else:
        data = f"<{priority}>1 {stamp} {node} linkbalancer - {topic} - \ufeff{message}".encode()
    family = socket.AF_UNIX if local else socket.AF_INET
    try:
        with socket.socket(family, socket.SOCK_DGRAM) as sock:
            sock.settimeout(0)
            sock.sendto(data[:LONGEST], here if to.server is None else (str(to.server), to.port))
    except OSError as error:
        where = here if local else f"{to.server} port {to.port}"
        return Outcome(good=False, text=f"{where}: {error.strerror or error}")
    return Outcome(good=True, text="sent")
