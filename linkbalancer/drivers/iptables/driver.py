"""The driver of iptables as the daemon asks for it (`drivers.firewall`)."""

from linkbalancer.drivers.iptables.aims import AimWriter, MemberWriter
from linkbalancer.drivers.iptables.load import digest, era, generation, install, is_staged, loaded, prepare, stage
from linkbalancer.drivers.netlink.transport import NetlinkSocket
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
    del netlink
    return MemberWriter(marks)


def standing(marks: Marks, netlink: NetlinkSocket, /) -> frozenset[Vid]:
    """Return on which VIDs flows may stay: every flow follows here."""
    del marks, netlink
    return frozenset()
