"""Whether an address answers one echo request within a second, as `ping -c 1 -W 1` does: for a script of Keepalived's.

`python -I -S ask.py LOCAL PEER`; the exit status is the answer. It imports little, for it starts every second.
"""

import os
import select
import socket
import struct
import sys
import time

LIMIT_S = 1.0


def main(local: str, peer: str) -> int:
    """Ask; return 0 for an answer."""
    mark = os.getpid() & 0xFFFF
    body = struct.pack("!BBHHH", 8, 0, 0, mark, 1)
    total = sum(struct.unpack("!4H", body))
    total = (total & 0xFFFF) + (total >> 16)
    end = time.monotonic() + LIMIT_S
    with socket.socket(socket.AF_INET, socket.SOCK_RAW, socket.IPPROTO_ICMP) as asking:
        asking.bind((local, 0))
        try:
            asking.sendto(body[:2] + struct.pack("!H", 0xFFFF - total) + body[4:], (peer, 0))
        except OSError:
            return 1
        while (left := end - time.monotonic()) > 0:
            if select.select([asking], [], [], left)[0]:
                packet, (sender, _port) = asking.recvfrom(256)
                start = (packet[0] & 15) * 4
                if sender == peer and packet[start] == 0 and packet[start + 4 : start + 6] == struct.pack("!H", mark):
                    return 0
    return 1


if __name__ == "__main__":
    sys.exit(main(*sys.argv[1:]))
