"""Whether anything of nftables has changed since: one number instead of everything that it stands for."""

import socket
import struct
from typing import Final

from linkbalancer.drivers.netlink.codec import attributes, message
from linkbalancer.drivers.netlink.transport import NetlinkSocket

_GET_GENERATION: Final = 10 << 8 | 16
_ID: Final = 1
_CONTENT: Final = struct.pack("!BBH", socket.AF_UNSPEC, 0, 0)


def generation(netlink: NetlinkSocket) -> bytes:
    """Return the number that every transaction raises, of whatever table of this network namespace. Raises DriverError.

    linux/netfilter/nf_tables.h, NFT_MSG_GETGEN.
    """
    answer = netlink.ask(message(_GET_GENERATION, 0, _CONTENT), "ask for the generation of the rules")
    return dict(attributes(answer, len(_CONTENT)))[_ID]
