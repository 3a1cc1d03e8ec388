"""A gateway that hears: its groups, its addresses, and adverts of others to hand in."""

from dataclasses import replace
from ipaddress import IPv4Address, IPv4Interface, IPv6Address, IPv6Interface
from typing import Any

from linkbalancer.clock import SECOND
from linkbalancer.engine.counters import Counters
from linkbalancer.engine.effects import Record
from linkbalancer.engine.events import AdvertReceived
from linkbalancer.engine.hearing import Hearing
from linkbalancer.engine.verdict import Verdict, judge
from linkbalancer.links import Address, Family, GroupId
from linkbalancer.vrrp.group import Group
from linkbalancer.vrrp.ip import multicast, wrap
from linkbalancer.vrrp.packet import Advertisement, ChecksumForm, encode

OWN, OTHER, THIRD = (IPv4Address(f"192.0.2.{number}") for number in (1, 2, 3))
OWN_6, OTHER_6 = IPv6Address("fe80::1"), IPv6Address("fe80::2")
MAC = bytes.fromhex("020000000002")
DEVICE = "eth0"

GROUP = Group(
    vid=1,
    device=DEVICE,
    virtual_ips=(IPv4Interface("192.0.2.251/24"), IPv4Interface("192.0.2.252/24")),
    priority=100,
    advert_interval=SECOND,
)
GROUP_2 = replace(GROUP, vid=2, version=2)
SECRET = replace(GROUP_2, vid=3, password=b"secret")
UNICAST = replace(GROUP, vid=4, peers=(OTHER,), source=OWN, ttl=(250, 255))
GROUP_6 = replace(GROUP, virtual_ips=(IPv6Interface("fe80::ff/64"), IPv6Interface("2001:db8::1/64")))
ELSEWHERE = replace(GROUP, vid=5, device="eth1")
GROUPS = {group.id: group for group in (GROUP, GROUP_2, SECRET, UNICAST, GROUP_6, ELSEWHERE)}
ADDRESSES: frozenset[Address] = frozenset({OWN, OWN_6})


def message(
    group: Group, source: Address, destination: Address, *, form: ChecksumForm = ChecksumForm.RFC5798, **changes: Any
) -> bytes:
    """Return what a router of a group sends; some fields changed."""
    addresses = tuple(address.ip for address in group.virtual_ips)
    said = Advertisement(group.vid, 100, group.advert_interval, addresses, group.version)
    password = changes.pop("password", group.password)
    return encode(replace(said, **changes), source, destination, form, password)


def packet(
    group: Group,
    source: Address | None = None,
    destination: Address | None = None,
    *,
    ttl: int = 255,
    form: ChecksumForm = ChecksumForm.RFC5798,
    **changes: Any,
) -> bytes:
    """Return the same as it arrives from another router of the LAN."""
    source = source or (OTHER if group.family is Family.IPV4 else OTHER_6)
    destination = destination or (OWN if group.peers else multicast(group.family))
    return wrap(source, destination, message(group, source, destination, form=form, **changes), ttl=ttl)


def judged(data: bytes, group: Group | None = None, *, device: str = DEVICE) -> Verdict:
    """Return what the receive path makes of a packet, in all these groups or in one other."""
    groups = GROUPS if group is None else {group.id: group}
    return judge(AdvertReceived(device, data, MAC), groups.get, ADDRESSES)


class Ear:
    """A hearing with its groups and counters."""

    def __init__(self, *groups: Group) -> None:
        self.groups = {group.id: group for group in groups or GROUPS.values()}
        self.counters = Counters({group.id: group.device for group in self.groups.values()})
        self.hearing = Hearing(self.groups.get, self.counters)
        self.now = 10**12

    def hear(self, data: bytes, *, mac: bytes = MAC) -> list[Record]:
        """Hand in a packet; return what is said."""
        _verdict, said = self.hearing.hear(self.now, AdvertReceived(DEVICE, data, mac), ADDRESSES)
        return said

    def accepts(self, data: bytes) -> bool:
        """Hand in a packet; return whether a router hears of it."""
        verdict, _said = self.hearing.hear(self.now, AdvertReceived(DEVICE, data, MAC), ADDRESSES)
        return verdict.heard is not None

    def count(self, name: str, group: GroupId = GROUP.id) -> Any:
        """Return what a group has counted."""
        return self.counters.group(group).described()[name]

    def of_device(self, name: str) -> int:
        """Return what the device has counted."""
        return self.counters.interfaces()[DEVICE][name]
