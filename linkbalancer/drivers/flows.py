"""How many flows an application has: connection tracking's entries by their mark, counted within a bound.

Looking through the table costs the kernel from 10 ms, with 100,000 entries 30 ms, whatever is found; telling of each
entry costs as much again for every 10,000. So nobody counts where `affordable` says no.
"""

import struct
from pathlib import Path
from typing import Final

from linkbalancer.drivers.netlink.codec import DUMP, NLMSG_DONE, NLMSG_ERROR, attribute, message, messages
from linkbalancer.drivers.netlink.transport import NETFILTER, NetlinkSocket
from linkbalancer.routing.marks import Marks

ENTRIES_MAX = 50_000
"""A larger table is not looked through."""

APPLICATIONS_MAX = 16
"""With more applications than this nobody counts: each of them would look through the whole table."""

FLOWS_MAX = 10_000
"""Where counting one application's flows stops."""

_GET: Final = 1 << 8 | 1
_BOTH: Final = struct.pack("!BBH", 0, 0, 0)
_IPV4: Final = struct.pack("!BBH", 2, 0, 0)
_MARK, _MARK_MASK = 8, 21


def affordable(applications: int, table: Path = Path("/proc/sys/net/netfilter/nf_conntrack_count")) -> bool:
    """Return whether the flows may be counted now; `table` says how many entries there are."""
    try:
        return applications <= APPLICATIONS_MAX and int(table.read_text()) <= ENTRIES_MAX
    except (OSError, ValueError):
        return False


def count(marks: Marks, app_id: int, *, ipv6: bool = False) -> int:
    """Return how many flows an application has, at most about `FLOWS_MAX`; those of IPv6 too, where that is steered.

    Raises DriverError.
    """
    wanted = struct.pack("!I", marks.connection_mark(app_id)), struct.pack("!I", marks.connection_mask)
    family = _BOTH if ipv6 else _IPV4
    request = message(_GET, DUMP, family + attribute(_MARK, wanted[0]) + attribute(_MARK_MASK, wanted[1]))
    netlink = NetlinkSocket(NETFILTER)  # its own: one that stops in the middle of a dump is of no further use
    try:
        found = 0
        answers = netlink.stream(request, "count the flows")
        while found < FLOWS_MAX:
            for kind, _flags, _number, _payload in messages(next(answers)):
                if kind in {NLMSG_DONE, NLMSG_ERROR}:
                    return found
                found += 1
        return found
    finally:
        netlink.close()
