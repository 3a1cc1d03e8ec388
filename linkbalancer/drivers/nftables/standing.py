"""The VIDs that work: a map from the VID that a flow took last to where it may stay, and a set for balanced steps.

Both are written in one transaction, so that no packet finds them at odds.
"""

import struct
from collections.abc import Collection

from linkbalancer.drivers.netlink.transport import NetlinkSocket
from linkbalancer.drivers.nftables.elements import change, pair, read_elements
from linkbalancer.drivers.nftables.ways import STANDING, STAY, WORKING
from linkbalancer.links import Vid
from linkbalancer.routing.marks import Marks


class StandingWriter:
    """Reads and writes them; `netlink` is a socket of family `NETFILTER` to share."""

    def __init__(self, marks: Marks, netlink: NetlinkSocket) -> None:
        self._marks, self._netlink = marks, netlink

    def read(self) -> frozenset[Vid]:
        """Return the VIDs on which flows may stay. Raises DriverError (no such table)."""
        return self._read(STANDING)

    def working(self) -> frozenset[Vid]:
        """Return the VIDs that balanced steps are divided among. Raises DriverError (no such table)."""
        return self._read(WORKING)

    def _read(self, name: str) -> frozenset[Vid]:
        found = read_elements(self._netlink, name)
        return frozenset(self._marks.flow_of(struct.unpack("=I", key)[0]) for key, _data in found)

    def write(self, vids: Collection[Vid]) -> bool:
        """Make these the VIDs that work; return whether anything had to change. Raises DriverError."""
        changes = {}
        for name, found in ((STANDING, self.read()), (WORKING, self.working())):
            old = [pair(self._marks.flow_mark(vid)) for vid in sorted(found.difference(vids))]
            changes[name] = old, self.items(set(vids) - found)[name]
        return change(self._netlink, changes, "say which VIDs work")

    def items(self, vids: Collection[Vid]) -> dict[str, list[bytes]]:
        """Return the elements as list items by what they are of, for a transaction of somebody else's."""
        every = [(vid, self._marks.flow_mark(vid)) for vid in sorted(vids)]
        return {
            STANDING: [pair(mark, f"{STAY}{vid}") for vid, mark in every],
            WORKING: [pair(mark) for _vid, mark in every],
        }
