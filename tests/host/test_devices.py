"""The device monitor, against the running kernel."""

import os
from collections.abc import Sequence
from contextlib import closing
from dataclasses import replace
from ipaddress import IPv4Address, IPv4Interface, IPv6Address, IPv6Interface
from pathlib import Path

import pytest

from linkbalancer.drivers import routes
from linkbalancer.drivers.addresses import Addresses
from linkbalancer.drivers.netlink.transport import ROUTE, NetlinkSocket
from linkbalancer.engine.events import DeviceChanged
from linkbalancer.host.culprit import NOBODY, Culprit
from linkbalancer.host.devices import DeviceMonitor
from linkbalancer.host.strangers import Ground, Removed, Shadowed, Stirred
from linkbalancer.links import Address
from tests.host.conftest import await_items
from tests.namespaces import Namespace

pytestmark = pytest.mark.lab

OWN, SECOND, VIP = IPv4Address("192.0.2.1"), IPv4Address("192.0.2.9"), IPv4Address("192.0.2.251")


LOCAL, LOCAL_VIP = IPv6Address("fe80::1"), IPv6Address("fe80::251")


@pytest.fixture(autouse=True)
def _inside(wire: tuple[Namespace, Namespace]) -> object:
    """Run every test in the left namespace, where IPv6 has no address before a test gives it one."""
    for one in wire:
        one("sysctl -qw net.ipv6.conf.all.addr_gen_mode=1 net.ipv6.conf.default.addr_gen_mode=1")
        one("ip -6 addr flush dev eth0")
    with wire[0].entered():
        yield


def _changed(device: str, *, carrier: bool, own: Sequence[IPv4Address] = (), mtu: int = 1500) -> DeviceChanged:
    """Return what is told of a device with these own addresses."""
    primary = own[0] if own else None
    return DeviceChanged(device, carrier=carrier, primary=primary, mtu=mtu, addresses=frozenset(own))


def _told(monitor: DeviceMonitor) -> list[DeviceChanged]:
    """Return what is told of devices, without that something of theirs stirs."""
    return [one for one in monitor.read() if isinstance(one, DeviceChanged)]


def test_devices_are_known_at_once(wire: tuple[Namespace, Namespace]) -> None:
    """The first look needs no notification; a device that does not exist has nothing."""
    wire[0]("ip addr add 10.1.0.1/30 dev shift0")
    with closing(DeviceMonitor(["eth0", "shift0", "gone0"], [])) as monitor:
        assert monitor.current() == [
            _changed("eth0", carrier=True, own=[OWN]),
            _changed("shift0", carrier=False, own=[IPv4Address("10.1.0.1")]),
            DeviceChanged("gone0", carrier=False, primary=None),
        ]
        assert monitor.read() == []


def test_a_lost_carrier_is_told_and_its_return(wire: tuple[Namespace, Namespace]) -> None:
    """The far end goes down and comes back: two changes, no more."""
    _left, right = wire
    with closing(DeviceMonitor(["eth0"], [])) as monitor:
        right("ip link set eth0 down")
        assert await_items(monitor, monitor.read) == [_changed("eth0", carrier=False, own=[OWN])]
        right("ip link set eth0 up")
        assert await_items(monitor, monitor.read) == [_changed("eth0", carrier=True, own=[OWN])]
        assert monitor.current() == [_changed("eth0", carrier=True, own=[OWN])]


def test_polling_needs_no_notification(wire: tuple[Namespace, Namespace]) -> None:
    """Asked again, the kernel tells what it has sent no word of yet."""
    with closing(DeviceMonitor(["eth0"], [])) as monitor:
        wire[0]("ip link set eth0 down")
        assert monitor.poll() == [_changed("eth0", carrier=False, own=[OWN])]
        assert monitor.poll() == []


def test_the_primary_is_the_first_address_that_is_not_virtual(wire: tuple[Namespace, Namespace]) -> None:
    """Virtual IPs come and go unnoticed, wherever they stand; the next own address moves up."""
    left, _right = wire
    left("ip addr del 192.0.2.1/24 dev eth0", "ip addr add 192.0.2.251/24 dev eth0")
    with closing(DeviceMonitor(["eth0"], [VIP])) as monitor:
        assert monitor.current() == [_changed("eth0", carrier=True)]
        left("ip addr add 192.0.2.1/24 dev eth0", "ip addr add 192.0.2.9/24 dev eth0")
        assert monitor.read() == [_changed("eth0", carrier=True, own=[OWN, SECOND])]
        left("sysctl -qw net.ipv4.conf.eth0.promote_secondaries=1", "ip addr del 192.0.2.251/24 dev eth0")
        assert monitor.read() == []
        left("ip addr del 192.0.2.1/24 dev eth0")
        assert monitor.read() == [_changed("eth0", carrier=True, own=[SECOND])]


def test_devices_come_go_and_change_their_names(wire: tuple[Namespace, Namespace]) -> None:
    """A watched name is what counts, whatever device bears it; other devices are no news."""
    left, _right = wire
    left("ip addr add 10.1.0.1/30 dev shift0", "ip link set shift0 up", "ip link set shift1 up")
    with closing(DeviceMonitor(["eth0", "new0"], [])) as monitor:
        left("ip link add other0 type bridge", "ip addr add 10.2.0.1/30 dev other0")
        assert monitor.read() == []
        left("ip link set shift0 name new0")
        assert _told(monitor) == [_changed("new0", carrier=True, own=[IPv4Address("10.1.0.1")])]
        left("ip link set new0 name shift0")
        assert _told(monitor) == [DeviceChanged("new0", carrier=False, primary=None)]
        left("ip link del eth0")
        assert _told(monitor) == [DeviceChanged("eth0", carrier=False, primary=None)]


def test_what_others_take_away_of_ours_is_told(wire: tuple[Namespace, Namespace]) -> None:
    """Address, rule and route with our tag; the same things of other people are no news."""
    left, _right = wire
    other = IPv4Address("192.0.2.250")
    left(
        f"ip addr add {other}/32 dev eth0",
        "ip rule add priority 21 table 20001 protocol 112",
        "ip rule add priority 22 table 20001",
        "ip route add default via 192.0.2.2 table 20001 protocol 112",
        "ip route add 203.0.113.0/24 via 192.0.2.2 table 20001",
        "ip route add 10.9.0.1/32 via 192.0.2.2 protocol 112",
    )
    with closing(NetlinkSocket(ROUTE)) as driver, closing(DeviceMonitor(["eth0"], [VIP, other])) as monitor:
        Addresses(driver).add("eth0", [IPv4Interface((VIP, 24))])
        left(
            f"ip addr del {other}/32 dev eth0",
            "ip rule del priority 22",
            "ip route del 203.0.113.0/24 table 20001",
            "ip addr del 192.0.2.251/32 dev eth0",
            "ip rule del priority 21",
            "ip route del default table 20001",
            "ip route del 10.9.0.1/32",
        )
        assert monitor.read() == [
            Removed("address", "192.0.2.251 on eth0"),
            Removed("rule", "priority 21"),
            Removed("route", "the default of table 20001"),
            Removed("route", "to 10.9.0.1"),
        ]


@pytest.mark.parametrize("steered", [True, False])
def test_what_others_do_to_the_ipv6_half_is_told_where_it_is_ours(
    wire: tuple[Namespace, Namespace], *, steered: bool
) -> None:
    """By its family; where IPv6 is not steered nothing of it is ours, and nothing wakes us."""
    left, _right = wire
    left(
        "ip -6 rule add priority 21 table 20001 protocol 112",
        "ip -6 route add default via fe80::9 dev eth0 table 20001 protocol 112",
        "ip -6 route add unreachable default metric 4278198272 table 20001 protocol 112",
    )
    ground = Ground(frozenset({20001}), 32768)
    with closing(DeviceMonitor(["eth0"], [VIP], ground=ground, ipv6=steered)) as monitor:
        left(
            "ip -6 rule del priority 21",
            "ip -6 rule add priority 5 table 77",
            "ip -6 route del default via fe80::9 dev eth0 table 20001",
            "ip -6 route del unreachable default table 20001",
        )
        assert monitor.read() == (
            [
                Removed("rule", "IPv6 priority 21"),
                Shadowed("rule", "IPv6 priority 5"),
                Removed("route", "the IPv6 default of table 20001"),
                Removed("route", "the IPv6 unreachable default of table 20001"),
            ]
            if steered
            else []
        )


def test_who_it_was_is_told_while_it_lives(wire: tuple[Namespace, Namespace]) -> None:
    """The first netlink socket of a process has its number: here our own."""
    left, _right = wire
    left("ip route add default via 192.0.2.2 table 20001 protocol 112")
    with closing(DeviceMonitor(["eth0"], [VIP])) as monitor, closing(NetlinkSocket(ROUTE)) as socket_of_ours:
        routes.clear(socket_of_ours, 20001)
        (removed,) = monitor.read()
        assert isinstance(removed, Removed)
        assert removed.by in {Culprit(os.getpid(), Path("/proc/self/comm").read_text().strip()), NOBODY}
        left("ip route add default via 192.0.2.2 table 20001 protocol 112", "ip route del default table 20001")
        (removed,) = monitor.read()
        assert isinstance(removed, Removed)
        assert removed.by.pid not in {0, os.getpid()}
        assert not removed.by.is_ours


def test_what_others_put_in_the_place_of_ours_or_before_it(wire: tuple[Namespace, Namespace]) -> None:
    """A replaced default of ours stirs, as an address that lost its tag; what is more exact, or before, shadows."""
    left, _right = wire
    ground = Ground(frozenset({20001}), 32768)
    left("ip route add default via 192.0.2.2 table 20001 protocol 112")
    with (
        closing(NetlinkSocket(ROUTE)) as driver,
        closing(DeviceMonitor(["eth0"], [VIP], driver.port, ground=ground)) as monitor,
    ):
        Addresses(driver).add("eth0", [IPv4Interface((VIP, 32))])
        for command, told in (
            ("ip route replace default via 192.0.2.3 table 20001", Stirred()),
            ("ip route replace default via 192.0.2.3 table 20001 protocol 112", None),
            (
                "ip route add 203.0.113.0/24 via 192.0.2.3 table 20001",
                Shadowed("route", "to 203.0.113.0 in table 20001"),
            ),
            ("ip route add 203.0.113.0/24 via 192.0.2.3 table 20002", None),
            ("ip route add 203.0.113.0/24 via 192.0.2.3", None),
            ("ip route replace 203.0.113.7/32 via 192.0.2.3", None),
            ("ip route replace 203.0.113.7/32 via 192.0.2.4", Stirred()),
            ("ip rule add priority 5 table 7", Shadowed("rule", "priority 5")),
            ("ip rule add priority 40000 table 7", None),
            ("ip addr replace 192.0.2.251/32 dev eth0", Stirred()),
            ("sysctl -qw net.ipv4.conf.eth0.rp_filter=1", Stirred()),
            ("sysctl -qw net.ipv4.conf.lo.rp_filter=1", None),
        ):
            left(command)
            assert monitor.read() == ([] if told is None else [told]), command


def test_a_million_routes_of_a_routing_daemon_do_not_wake_us(wire: tuple[Namespace, Namespace]) -> None:
    """Those of the main table are not even received."""
    left, _right = wire
    with closing(DeviceMonitor(["eth0"], [])) as monitor:
        left("ip -batch -", given="".join(f"route add 198.18.{n}.0/24 dev eth0\n" for n in range(200)))
        with pytest.raises(BlockingIOError):
            monitor._notices.recv(1)


def test_what_we_take_away_ourselves_is_no_news() -> None:
    """Removals by the drivers' own socket are told apart by its port."""
    vip = [IPv4Interface((VIP, 24))]
    with closing(NetlinkSocket(ROUTE)) as driver, closing(DeviceMonitor(["eth0"], [VIP], driver.port)) as monitor:
        for _again in range(2):
            Addresses(driver).add("eth0", vip)
            Addresses(driver).remove("eth0", vip)
        assert monitor.read() == []


def test_lost_notifications_cost_nothing(wire: tuple[Namespace, Namespace]) -> None:
    """When more happened than the socket could hold, the state is asked for, and what follows is heard again."""
    left, _right = wire
    with closing(DeviceMonitor(["eth0"], [])) as monitor:
        monitor._notices.setsockopt(1, 33, 4096)  # SO_RCVBUFFORCE: a small one is full soon
        left("ip addr del 192.0.2.1/24 dev eth0")
        left("ip -batch -", given="".join(f"route add 198.18.{n}.0/24 dev eth0 table 7\n" for n in range(200)))
        left("ip addr add 192.0.2.9/24 dev eth0")
        assert monitor.read() == [_changed("eth0", carrier=True, own=[SECOND]), Stirred()]
        left("ip link set eth0 down")
        assert monitor.read() == [_changed("eth0", carrier=False, own=[SECOND])]


def test_what_a_device_has_of_ipv6_is_told(wire: tuple[Namespace, Namespace]) -> None:
    """The oldest link-local address that packets may be sent from, every own address, never a virtual IP; the MTU."""
    left, _right = wire
    tagged = IPv6Interface("2001:db8::251/64"), IPv6Interface((LOCAL_VIP, 64))
    with closing(NetlinkSocket(ROUTE)) as driver, closing(DeviceMonitor(["eth0"], [])) as monitor:
        Addresses(driver).add("eth0", tagged)
        assert monitor.read() == []
        left("ip -6 addr add fe80::1/64 dev eth0 nodad", "ip -6 addr add fe80::9/64 dev eth0 nodad")
        left("ip -6 addr add 2001:db8::1/64 dev eth0 nodad", "ip link set eth0 mtu 1400")
        own: frozenset[Address] = frozenset({OWN, LOCAL, IPv6Address("fe80::9"), IPv6Address("2001:db8::1")})
        assert monitor.read() == [
            replace(_changed("eth0", carrier=True, own=[OWN]), link_local=LOCAL, mtu=1400, addresses=own)
        ]


def test_an_address_that_is_still_being_tested_cannot_be_sent_from(wire: tuple[Namespace, Namespace]) -> None:
    """It is told when it can; one that is a duplicate never can."""
    left, right = wire
    right("ip -6 addr add fe80::9/64 dev eth0 nodad")
    with closing(DeviceMonitor(["eth0"], [])) as monitor:
        left("ip -6 addr add fe80::9/64 dev eth0", "ip -6 addr add fe80::1/64 dev eth0")
        told = [event for event in monitor.read() if isinstance(event, DeviceChanged)]
        assert told[-1].link_local is None
        while told[-1].link_local is None:
            told += [event for event in await_items(monitor, monitor.read) if isinstance(event, DeviceChanged)]
        assert told[-1].link_local == LOCAL


def test_our_own_devices_only_stir(wire: tuple[Namespace, Namespace]) -> None:
    """Who took one down, or its addresses with it, is not to be said; but it is worth a look."""
    left, _right = wire
    left("ip link add link eth0 name vr6-1 type macvlan mode private", "ip link set vr6-1 up")
    with (
        closing(NetlinkSocket(ROUTE)) as driver,
        closing(DeviceMonitor(["eth0"], [], driver.port, ["vr6-1"])) as monitor,
    ):
        Addresses(driver).add("vr6-1", [IPv6Interface("2001:db8::251/64")])
        monitor.read()
        left("ip link set vr6-1 down")
        assert set(monitor.read()) == {Stirred()}
        left("ip link set vr6-1 up")
        Addresses(driver).add("vr6-1", [IPv4Interface((VIP, 24))])
        left("ip addr del 192.0.2.251/24 dev vr6-1")
        assert Removed("address", "192.0.2.251 on vr6-1") in monitor.read()
        left("ip link del vr6-1")
        assert set(monitor.read()) == {Stirred()}


def test_who_removed_an_address_of_ipv6_is_not_to_be_said(wire: tuple[Namespace, Namespace]) -> None:
    """The kernel names nobody, not even us."""
    left, _right = wire
    vip = IPv6Interface("2001:db8::251/64")
    with closing(NetlinkSocket(ROUTE)) as driver, closing(DeviceMonitor(["eth0"], [], driver.port)) as monitor:
        addresses = Addresses(driver)
        addresses.add("eth0", [vip])
        left("ip addr del 2001:db8::251/64 dev eth0")
        assert monitor.read() == [Stirred()]
        addresses.forget()
        addresses.add("eth0", [vip])
        addresses.remove("eth0", [vip])
        assert monitor.read() == [Stirred()]
