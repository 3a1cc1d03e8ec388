"""Entries of connection tracking that stand in the way of a translation: noted by packets, deleted here.

What tracking has seen without a translation would leave a translated way as it is, for as long as it speaks. Packets
note that in their connection's mark (as begun from outside, by no VID) and in the set `strays`.
"""

import struct

from linkbalancer.drivers.netlink.transport import NetlinkSocket
from linkbalancer.drivers.nftables.elements import change, pair, read_elements
from linkbalancer.drivers.nftables.translation import STRAYS
from linkbalancer.drivers.translations import delete_untranslated
from linkbalancer.routing.marks import Marks


def end(netlink: NetlinkSocket, marks: Marks) -> bool:
    """Delete those entries: what comes next begins, and is translated. Return whether there were any.

    One message to the kernel is for all of them; without any, none is sent. Raises DriverError (there is no such table,
    or another process is at it).
    """
    noted = [struct.unpack("=I", key)[0] for key, _data in read_elements(netlink, STRAYS)]
    if not noted:
        return False
    change(netlink, {STRAYS: ([pair(one) for one in noted], [])}, "take note of strays")
    delete_untranslated(netlink, marks.inbound_bit, marks.inbound_bit | marks.flow_mask)
    return True
