"""A VRRP group (a virtual router of RFC 9568) as it is configured."""

from dataclasses import dataclass
from ipaddress import IPv4Address, IPv4Interface

from linkbalancer.clock import Duration
from linkbalancer.links import DeviceName, Vid
from linkbalancer.vrrp.packet import ChecksumForm, centiseconds


@dataclass(frozen=True, slots=True, kw_only=True)
class Group:
    """One virtual router on one device.

    `vid` 1..255; `virtual_ips` with the prefix length they are installed with, at most 255; `priority` 1..254, or 255
    for the owner of the addresses; `advert_interval` 10 ms .. 40.95 s in steps of 10 ms; `preempt` whether this gateway
    takes over from a living Master of lower priority (RFC 9568 6.1); `checksum` the form that is sent.

    Raises:
        ValueError: A field is out of its range.
    """

    vid: Vid
    device: DeviceName
    virtual_ips: tuple[IPv4Interface, ...]
    priority: int
    advert_interval: Duration
    preempt: bool = True
    checksum: ChecksumForm = ChecksumForm.RFC9568

    def __post_init__(self) -> None:
        centiseconds(self.advert_interval)
        if not 1 <= self.vid <= 255:
            raise ValueError(f"a VID is 1 to 255, not {self.vid}")
        if not 1 <= self.priority <= 255:
            raise ValueError(f"a priority is 1 to 255, not {self.priority}")
        if len(self.virtual_ips) > 255:
            raise ValueError(f"an advertisement holds at most 255 virtual IPs, not {len(self.virtual_ips)}")

    def obstacle(self, priority: int, primary: IPv4Address | None) -> str | None:
        """Return why the group cannot run at this priority from this primary address, None if it can."""
        if not 1 <= priority <= 255:
            return f"a priority is 1 to 255, not {priority}"
        if not self.virtual_ips:
            return "the group has no virtual IP"
        if primary is None:
            return f"{self.device} has no primary address"
        return None
