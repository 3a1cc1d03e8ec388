"""What the daemon asks of the driver that classifies packets, and which driver that is (`firewall:`)."""

from collections.abc import Collection, Mapping
from contextlib import suppress
from pathlib import Path
from typing import Final, Protocol

from linkbalancer.drivers.errors import DriverError
from linkbalancer.drivers.iptables import driver as iptables
from linkbalancer.drivers.iptables.load import remove
from linkbalancer.drivers.iptables.table import Mangle, families
from linkbalancer.drivers.netlink.codec import ACK, message, text
from linkbalancer.drivers.netlink.transport import NetlinkSocket
from linkbalancer.drivers.nftables import driver as nftables
from linkbalancer.drivers.nftables.elements import BATCH, BATCH_BEGIN, BATCH_END, INET
from linkbalancer.drivers.nftables.layout import Layout
from linkbalancer.drivers.nftables.listing import chains
from linkbalancer.drivers.nftables.render import TABLE
from linkbalancer.links import DeviceName, Firewall, Mac, Vid
from linkbalancer.routing.balance import Aim
from linkbalancer.routing.classifier import Classifier
from linkbalancer.routing.marks import Marks

LEGACY: Final = Path("/proc/net/ip_tables_names")
"""Which tables of the old iptables are in use; asking for one that is not would make it."""

_DELETE_TABLE: Final = 10 << 8 | 2
_NAME: Final = 1


class Aims(Protocol):
    """Where applications are pointed. Every call raises DriverError."""

    def close(self) -> None:
        """Close the socket; nothing in the kernel changes."""

    def read(self) -> dict[int, Aim | None]:
        """Return where applications are pointed; None: left to the main table."""

    def read_some(self, app_ids: Collection[int], /) -> dict[int, Aim | None]:
        """Return where these are pointed."""

    def steer(self, wanted: Mapping[int, Aim | None], known: Mapping[int, Aim | None] | None = None, /) -> bool:
        """Point applications, by what is known of where they are; return whether anything had to change."""


class Members(Protocol):
    """The other gateways' MAC addresses."""

    def write(self, device: DeviceName, macs: frozenset[Mac], /) -> bool:
        """Make these the members on a device; return whether anything had to change."""


class Driver(Protocol):
    """Loads classifiers and says what is loaded. Every call raises DriverError."""

    def aims(self, marks: Marks, netlink: NetlinkSocket, /) -> Aims:
        """Return who points applications."""

    def members(self, marks: Marks, netlink: NetlinkSocket, /) -> Members:
        """Return who tells the other gateways' MAC addresses."""

    def standing(self, marks: Marks, netlink: NetlinkSocket, /) -> frozenset[Vid]:
        """Return on which VIDs flows may stay."""

    def digest(self, netlink: NetlinkSocket, /) -> str | None:
        """Return the first 12 digits of the digest of the classifier in use."""

    def era(self, netlink: NetlinkSocket, /) -> int | None:
        """Return the number of the era of the classifier in use."""

    def generation(self, netlink: NetlinkSocket, /) -> bytes:
        """Return what is another one when something has changed."""

    def loaded(
        self, layout: Layout, classifier: Classifier, app_ids: Mapping[str, int], netlink: NetlinkSocket, /
    ) -> bool:
        """Return whether there is nothing to load."""

    def prepare(self, layout: Layout, netlink: NetlinkSocket, homes: Mapping[int, Aim | None] | None = None, /) -> bool:
        """Make or mend everything but the classifier; return False when it was there already."""

    def stage(
        self, layout: Layout, classifier: Classifier, app_ids: Mapping[str, int], netlink: NetlinkSocket, /
    ) -> None:
        """Load beside what is in use what can be."""

    def is_staged(
        self, layout: Layout, classifier: Classifier, app_ids: Mapping[str, int], netlink: NetlinkSocket, /
    ) -> bool:
        """Return whether `install` may come before `prepare`."""

    def install(
        self,
        layout: Layout,
        classifier: Classifier,
        app_ids: Mapping[str, int],
        netlink: NetlinkSocket,
        since: int | None = None,
        /,
    ) -> bool:
        """Load a classifier in place of the one in use, of the era `since`; return False when it was in use already."""


def driver(kind: Firewall) -> Driver:
    """Return the driver of a kind."""
    return iptables if kind is Firewall.IPTABLES else nftables


def displace(kind: Firewall, netlink: NetlinkSocket) -> str | None:
    """Remove what a daemon with the other driver left; return what that was. Raises DriverError."""
    if kind is Firewall.NFTABLES:
        return "our chains of iptables" if _in_use() and remove() else None
    try:
        found = chains(netlink)
    except DriverError:  # a kernel without nftables has nothing of ours there
        return None
    if not found:
        return None
    work = message(_DELETE_TABLE, ACK, INET + text(_NAME, TABLE))
    batch = message(BATCH_BEGIN, 0, BATCH) + work + message(BATCH_END, 0, BATCH)
    netlink.request(batch, f"delete the table inet {TABLE}")
    return f"the nftables table inet {TABLE}"


def _in_use() -> bool:
    """Return whether the old iptables may have anything of ours.

    Which tables it uses root alone may read. Others look into the table where the kernel can have one, which makes it.
    """
    try:
        return "mangle" in LEGACY.read_text().split()
    except FileNotFoundError:
        return False
    except OSError:
        with suppress(DriverError):
            return any(Mangle(family).read().chains for family in families())
        return False


def install(
    layout: Layout,
    classifier: Classifier,
    app_ids: Mapping[str, int],
    netlink: NetlinkSocket,
    since: int | None = None,
) -> bool:
    """Load a classifier by the layout's driver, and then remove what the other one left. Raises DriverError.

    `since` is the era of the one in use, where that is known. Return False when this very classifier was in use
    already.
    """
    done = driver(layout.firewall).install(layout, classifier, app_ids, netlink, since)
    displace(layout.firewall, netlink)
    return done
