"""The device monitor, against the running kernel."""

from contextlib import closing
from ipaddress import IPv4Address, IPv4Interface

import pytest

from linkbalancer.drivers.addresses import Addresses
from linkbalancer.drivers.netlink.transport import ROUTE, NetlinkSocket
from linkbalancer.engine.events import DeviceChanged
from linkbalancer.host.devices import DeviceMonitor, Removed
from tests.host.conftest import await_items
from tests.namespaces import Namespace

pytestmark = pytest.mark.lab

OWN, SECOND, VIP = IPv4Address("192.0.2.1"), IPv4Address("192.0.2.9"), IPv4Address("192.0.2.251")


@pytest.fixture(autouse=True)
def _inside(wire: tuple[Namespace, Namespace]) -> object:
    """Run every test in the left namespace."""
    with wire[0].entered():
        yield


def test_devices_are_known_at_once(wire: tuple[Namespace, Namespace]) -> None:
    """The first look needs no notification; a device that does not exist has nothing."""
    wire[0]("ip addr add 10.1.0.1/30 dev shift0")
    with closing(DeviceMonitor(["eth0", "shift0", "gone0"], [])) as monitor:
        assert monitor.current() == [
            DeviceChanged("eth0", carrier=True, primary=OWN),
            DeviceChanged("shift0", carrier=False, primary=IPv4Address("10.1.0.1")),
            DeviceChanged("gone0", carrier=False, primary=None),
        ]
        assert monitor.read() == []


def test_a_lost_carrier_is_told_and_its_return(wire: tuple[Namespace, Namespace]) -> None:
    """The far end goes down and comes back: two changes, no more."""
    _left, right = wire
    with closing(DeviceMonitor(["eth0"], [])) as monitor:
        right("ip link set eth0 down")
        assert await_items(monitor, monitor.read) == [DeviceChanged("eth0", carrier=False, primary=OWN)]
        right("ip link set eth0 up")
        assert await_items(monitor, monitor.read) == [DeviceChanged("eth0", carrier=True, primary=OWN)]
        assert monitor.current() == [DeviceChanged("eth0", carrier=True, primary=OWN)]


def test_polling_needs_no_notification(wire: tuple[Namespace, Namespace]) -> None:
    """Asked again, the kernel tells what it has sent no word of yet."""
    with closing(DeviceMonitor(["eth0"], [])) as monitor:
        wire[0]("ip link set eth0 down")
        assert monitor.poll() == [DeviceChanged("eth0", carrier=False, primary=OWN)]
        assert monitor.poll() == []


def test_the_primary_is_the_first_address_that_is_not_virtual(wire: tuple[Namespace, Namespace]) -> None:
    """Virtual IPs come and go unnoticed, wherever they stand; the next own address moves up."""
    left, _right = wire
    left("ip addr del 192.0.2.1/24 dev eth0", "ip addr add 192.0.2.251/24 dev eth0")
    with closing(DeviceMonitor(["eth0"], [VIP])) as monitor:
        assert monitor.current() == [DeviceChanged("eth0", carrier=True, primary=None)]
        left("ip addr add 192.0.2.1/24 dev eth0", "ip addr add 192.0.2.9/24 dev eth0")
        assert monitor.read() == [DeviceChanged("eth0", carrier=True, primary=OWN)]
        left("sysctl -qw net.ipv4.conf.eth0.promote_secondaries=1", "ip addr del 192.0.2.251/24 dev eth0")
        assert monitor.read() == []
        left("ip addr del 192.0.2.1/24 dev eth0")
        assert monitor.read() == [DeviceChanged("eth0", carrier=True, primary=SECOND)]


def test_devices_come_go_and_change_their_names(wire: tuple[Namespace, Namespace]) -> None:
    """A watched name is what counts, whatever device bears it; other devices are no news."""
    left, _right = wire
    left("ip addr add 10.1.0.1/30 dev shift0", "ip link set shift0 up", "ip link set shift1 up")
    with closing(DeviceMonitor(["eth0", "new0"], [])) as monitor:
        left("ip link add other0 type bridge", "ip addr add 10.2.0.1/30 dev other0")
        assert monitor.read() == []
        left("ip link set shift0 name new0")
        assert monitor.read() == [DeviceChanged("new0", carrier=True, primary=IPv4Address("10.1.0.1"))]
        left("ip link set new0 name shift0")
        assert monitor.read() == [DeviceChanged("new0", carrier=False, primary=None)]
        left("ip link del eth0")
        assert monitor.read() == [DeviceChanged("eth0", carrier=False, primary=None)]


def test_what_others_take_away_of_ours_is_told(wire: tuple[Namespace, Namespace]) -> None:
    """Address, rule and route with our tag; the same things of other people are no news."""
    left, _right = wire
    left(
        "ip addr add 192.0.2.250/32 dev eth0",
        "ip rule add priority 21 table 20001 protocol 112",
        "ip rule add priority 22 table 20001",
        "ip route add default via 192.0.2.2 table 20001 protocol 112",
        "ip route add 203.0.113.0/24 via 192.0.2.2 table 20001",
    )
    with closing(NetlinkSocket(ROUTE)) as driver, closing(DeviceMonitor(["eth0"], [VIP])) as monitor:
        Addresses(driver).add("eth0", [IPv4Interface((VIP, 24))])
        left(
            "ip addr del 192.0.2.250/32 dev eth0",
            "ip rule del priority 22",
            "ip route del 203.0.113.0/24 table 20001",
            "ip addr del 192.0.2.251/32 dev eth0",
            "ip rule del priority 21",
            "ip route del default table 20001",
        )
        assert monitor.read() == [
            Removed("address", "192.0.2.251 on eth0"),
            Removed("rule", "priority 21"),
            Removed("route", "the default of table 20001"),
        ]


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
        left("ip -batch -", given="".join(f"route add 198.18.{n}.0/24 dev eth0\n" for n in range(200)))
        left("ip addr add 192.0.2.9/24 dev eth0")
        assert monitor.read() == [DeviceChanged("eth0", carrier=True, primary=SECOND)]
        left("ip link set eth0 down")
        assert monitor.read() == [DeviceChanged("eth0", carrier=False, primary=SECOND)]
