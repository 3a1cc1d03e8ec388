"""One agent of a gateway without links, on a bench: groups of both families on eth0."""

from ipaddress import IPv4Address, IPv6Address
from random import Random

from linkbalancer.config.load import Loaded, load
from linkbalancer.engine.agent import Agent
from linkbalancer.engine.effects import Effect
from linkbalancer.engine.events import AdvertReceived, DeviceChanged, Event, Started
from linkbalancer.engine.found import Found
from linkbalancer.links import Address, GroupId, Mac
from linkbalancer.vrrp.group import Group
from linkbalancer.vrrp.ip import multicast, wrap
from linkbalancer.vrrp.packet import Advertisement, Received, decode, encode
from tests.engine.bench import Bench

FOUR = "device: eth0, virtual_ips: [192.0.2.251/24], priority: 150, advert_interval: 200ms"
SIX = "device: eth0, virtual_ips: [fe80::251/64, 2001:db8::251/64], priority: 150, advert_interval: 200ms"
OWN4, OWN6 = IPv4Address("192.0.2.1"), IPv6Address("fe80::1")
OTHER4, OTHER6 = IPv4Address("192.0.2.2"), IPv6Address("fe80::2")
OTHER_MAC: Mac = bytes.fromhex("020000000202")
ONE, ONE6 = GroupId(1), GroupId.read("1/ipv6")


def loaded(four: str = FOUR, six: str | None = SIX, *, password: bytes | None = None) -> Loaded:
    """Return the configuration of these two groups, or of the first alone."""
    groups = f"  1: {{{four}}}\n" + (f"  1/ipv6: {{{six}}}\n" if six else "")
    files = {
        "gateway.yaml": f"node: r1\nrole: standalone\ngroups:\n{groups}applications: apps.conf\n",
        "apps.conf": "App=* * * * * * [1] name=all\n",
    }
    found = load("gateway.yaml", files.__getitem__)
    return Loaded(found.config, found.rules, passwords={} if password is None else {ONE: password})


class Alone(Bench):
    """The agent of a gateway without links."""

    def __init__(self, config: Loaded, *, now: int = 10**12, found: Found | None = None) -> None:
        self.now = now
        self.agent = Agent(config, {}, Random(1), {"all": 2}, session=1, boot=now, found=found)

    def device(self, *, up: bool = True, mtu: int = 1500, more: tuple[Address, ...] = ()) -> list[Effect]:
        """Let eth0 be up, with an address of each family, and more of them."""
        addresses = frozenset({OWN4, OWN6, *more})
        return self.do(DeviceChanged("eth0", up, OWN4, OWN6, mtu, addresses))

    def start(self) -> list[Effect]:
        """Give the device its addresses, and start."""
        return [*self.device(), *self.do(Started())]

    def group_of(self, id_: GroupId) -> Group:
        """Return a group as it is configured."""
        return self.agent.memberships[id_].group

    def other(self, id_: GroupId, priority: int, *, interval: int = 200_000_000) -> list[Effect]:
        """Hear another router of a group."""
        return self.do(advert(self.group_of(id_), priority, interval=interval))


def advert(group: Group, priority: int, *, interval: int = 200_000_000) -> Event:
    """Return an advert of another router of a group."""
    source = OTHER4 if group.family == 4 else OTHER6
    said = Advertisement(group.vid, priority, interval, tuple(one.ip for one in group.virtual_ips), group.version)
    destination = multicast(group.family)
    packet = wrap(source, destination, encode(said, source, destination, group.checksum, group.password))
    return AdvertReceived(group.device, packet, OTHER_MAC)


def said(effect: object) -> Received:
    """Return what an advert that is to be sent says."""
    packet = wrap(effect.source, effect.destination, effect.message)  # type: ignore[attr-defined]
    received = decode(packet)
    assert isinstance(received, Received), received
    return received
