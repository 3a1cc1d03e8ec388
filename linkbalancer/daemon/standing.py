"""Which VIDs work, told to the kernel before the applications hear of it: flows may stay, and are divided, there."""

from collections.abc import Callable

from linkbalancer.drivers.errors import DriverError
from linkbalancer.drivers.netlink.transport import NetlinkSocket
from linkbalancer.drivers.nftables.layout import Layout
from linkbalancer.drivers.nftables.standing import StandingWriter
from linkbalancer.feed.table import Table
from linkbalancer.links import Vid


class Standing:
    """The agent's word on it.

    Args:
        layout: which VIDs the table has chains of.
        netlink: a socket of family `NETFILTER` to share.
        complain: where a refusal goes, once.

    Attributes:
        vids: those that work; None until the first table says so, and what a predecessor wrote counts until then.
    """

    def __init__(self, layout: Layout, netlink: NetlinkSocket, complain: Callable[[str, str], None]) -> None:
        self.vids: frozenset[Vid] | None = None
        self._served, self._complain = frozenset(layout.vids), complain
        self._writer = StandingWriter(layout.marks, netlink)
        self._written: frozenset[Vid] | None = None

    def told_by(self, table: Table) -> Table:
        """Write down the VIDs that work by a table; return the table, for those who are told next."""
        self.vids = table.working & self._served
        if self.vids != self._written:
            self.restore()
        return table

    def restore(self) -> bool:
        """Write it again; return whether anything had to change. A refusal is said."""
        if self.vids is None:
            return False
        try:
            changed, self._written = self._writer.write(self.vids), self.vids
        except DriverError as error:
            self._written = None
            self._complain("say which VIDs work", str(error))
            return False
        return changed

    def known(self) -> frozenset[Vid]:
        """Return what is, or was last, said; none where nobody has said it, or where it cannot be read."""
        if self.vids is not None:
            return self.vids
        try:
            return self._writer.read()
        except DriverError:
            return frozenset()

    def items(self) -> dict[str, list[bytes]]:
        """Return the elements as list items by what they are of, for a transaction of somebody else's."""
        return self._writer.items(self.known())
