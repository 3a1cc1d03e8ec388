"""A VRRP group (a virtual router of RFC 9568) as it is configured."""

from dataclasses import dataclass, field
from enum import StrEnum
from itertools import chain

from linkbalancer.clock import SECOND, Duration
from linkbalancer.links import Address, DeviceName, Family, GroupId, Interface, Mac, Vid
from linkbalancer.vrrp.ip import LOCAL_TTL
from linkbalancer.vrrp.packet import ChecksumForm, centiseconds, whole_seconds

OWNER_PRIORITY = 255
"""That of a router whose own addresses the virtual IPs are (RFC 9568 6.1)."""

_MAC_PREFIX = {Family.IPV4: bytes.fromhex("00005e0001"), Family.IPV6: bytes.fromhex("00005e0002")}


def virtual_mac(group: GroupId) -> Mac:
    """Return the MAC of a virtual router (RFC 9568 7.3)."""
    return _MAC_PREFIX[group.family] + bytes([group.vid])


class Tolerance(StrEnum):
    """What of another router's adverts is let pass though its RFC says that it must, or may, be dropped for it.

    `addresses`: in version 2, a list of addresses that is not ours (RFC 3768 7.1); where it is dropped and the lists
    differ, both routers are Master. `first-address`: over IPv6, a first address that is not link-local (erratum 8300).
    """

    ADDRESSES = "addresses"
    FIRST_ADDRESS = "first-address"


def is_virtual(mac: Mac) -> bool:
    """Return whether a MAC is a virtual router's (RFC 9568 7.3), and so says nothing of who sends from it."""
    return mac[:-1] in _MAC_PREFIX.values()


@dataclass(frozen=True, slots=True)
class Announcing:
    """How often a Master tells its LAN where the virtual IPs are (VRRP fact sheet 7.3).

    `times` announcements of each address at once, the same again `again_after` later (0: never), and one every
    `refresh` while it is Master (0: never).
    """

    times: int = 1
    again_after: Duration = SECOND
    refresh: Duration = 60 * SECOND


@dataclass(frozen=True, slots=True, kw_only=True)
class Group:
    """One virtual router on one device, of one family: that of its advertised addresses.

    `vid` 1..255; `version` of the protocol, 2 (IPv4 alone) or 3; `virtual_ips` are advertised, in this order, with the
    prefix length they are installed with, `excluded_ips` installed but not advertised, of either family (mission V8);
    `elsewhere` says which of both stand on another device than the group's; `priority` 1..254, or 255 for the owner of
    the addresses; `advert_interval` 10 ms .. 40.95 s in steps of 10 ms (version 2: 1 s .. 255 s in whole seconds);
    `preempt` whether this gateway takes over from a living Master of lower priority (RFC 9568 6.1), and
    `preempt_delay` how long it lets that one be first; `accept` whether packets to the virtual IPs are accepted by a
    Master that does not own them (Accept_Mode); `virtual_mac` whether the addresses have the MAC of the virtual router;
    `peers` are the other routers where adverts are sent to each alone, empty for multicast; `source` pins the address
    that adverts are sent from; `ttl` what theirs must arrive with, at least and at most; `password` of version 2, 1 to
    8 bytes; `checksum` the form that is sent; `tolerates` what is let pass in others' adverts; `owner_yields` whether
    an owner that hears another owner of a higher address steps down (erratum 8298), or hears nobody.

    Raises:
        ValueError: A field is out of its range.
    """

    vid: Vid
    device: DeviceName
    virtual_ips: tuple[Interface, ...]
    priority: int
    advert_interval: Duration
    version: int = 3
    excluded_ips: tuple[Interface, ...] = ()
    elsewhere: tuple[tuple[Interface, DeviceName], ...] = ()
    preempt: bool = True
    preempt_delay: Duration = 0
    accept: bool = True
    virtual_mac: bool = False
    peers: tuple[Address, ...] = ()
    source: Address | None = None
    ttl: tuple[int, int] = (LOCAL_TTL, LOCAL_TTL)
    password: bytes | None = None
    checksum: ChecksumForm = ChecksumForm.AUTO
    tolerates: frozenset[Tolerance] = frozenset()
    owner_yields: bool = True
    announcing: Announcing = Announcing()
    id: GroupId = field(init=False, repr=False, compare=False)

    def __post_init__(self) -> None:
        family = Family(self.virtual_ips[0].version) if self.virtual_ips else Family.IPV4
        object.__setattr__(self, "id", GroupId(self.vid, family))
        if self.version == 2:
            whole_seconds(self.advert_interval)
        else:
            centiseconds(self.advert_interval)
        if not 1 <= self.vid <= 255:
            raise ValueError(f"a VID is 1 to 255, not {self.vid}")
        if not 1 <= self.priority <= 255:
            raise ValueError(f"a priority is 1 to 255, not {self.priority}")
        if len(self.virtual_ips) > 255:
            raise ValueError(f"an advertisement holds at most 255 virtual IPs, not {len(self.virtual_ips)}")

    @property
    def family(self) -> Family:
        """The family of the advertised addresses; IPv4 while there are none."""
        return self.id.family

    @property
    def mac(self) -> Mac | None:
        """The virtual router's MAC, None where the addresses have the device's own."""
        return virtual_mac(self.id) if self.virtual_mac else None

    @property
    def address_device(self) -> DeviceName:
        """Where the virtual IPs stand: the group's device, or the device of the virtual MAC on top of it."""
        return f"vr{self.family.value}-{self.vid}" if self.virtual_mac else self.device

    def places(self) -> dict[DeviceName, tuple[Interface, ...]]:
        """Return every virtual IP, advertised or not, by the device that it is installed on."""
        elsewhere = dict(self.elsewhere)
        found: dict[DeviceName, tuple[Interface, ...]] = {}
        for address in chain(self.virtual_ips, self.excluded_ips):
            device = elsewhere.get(address, self.address_device)
            found[device] = (*found.get(device, ()), address)
        return found

    def obstacle(self, priority: int, primary: Address | None) -> str | None:
        """Return why the group cannot run at this priority from this primary address, None if it can."""
        if not 1 <= priority <= 255:
            return f"a priority is 1 to 255, not {priority}"
        if not self.virtual_ips:
            return "the group has no virtual IP"
        if primary is None:
            return f"{self.device} has no primary address"
        return None
