"""The driver of nftables as the daemon asks for it (`drivers.firewall`)."""

from linkbalancer.drivers.netlink.transport import NetlinkSocket
from linkbalancer.drivers.nftables.aims import AimWriter
from linkbalancer.drivers.nftables.elements import MemberWriter
from linkbalancer.drivers.nftables.generation import generation
from linkbalancer.drivers.nftables.load import digest, era, install, is_staged, loaded, prepare, stage
from linkbalancer.drivers.nftables.standing import StandingWriter
from linkbalancer.links import Vid
from linkbalancer.routing.marks import Marks

__all__ = [
    "aims",
    "digest",
    "era",
    "generation",
    "install",
    "is_staged",
    "loaded",
    "members",
    "prepare",
    "stage",
    "standing",
]


def aims(marks: Marks, netlink: NetlinkSocket, /) -> AimWriter:
    """Return who points applications."""
    return AimWriter(marks, netlink)


def members(marks: Marks, netlink: NetlinkSocket, /) -> MemberWriter:
    """Return who tells the other gateways' MAC addresses."""
    del marks
    return MemberWriter(netlink)


def standing(marks: Marks, netlink: NetlinkSocket, /) -> frozenset[Vid]:
    """Return on which VIDs flows may stay. Raises DriverError (no such table)."""
    return StandingWriter(marks, netlink).read()
