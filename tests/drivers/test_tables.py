"""The IPv6 half of the VIDs' rules and tables in a real kernel."""

import errno
from collections.abc import Iterator
from contextlib import closing
from dataclasses import replace
from ipaddress import IPv4Address, IPv4Interface, IPv6Address

import pytest

from linkbalancer.drivers.errors import DriverError
from linkbalancer.drivers.kernel import Kernel
from linkbalancer.drivers.neighbours import pinned
from linkbalancer.drivers.tables import PointIpv6, Tables, wrong
from linkbalancer.engine.effects import SetNextHop
from linkbalancer.links import Family, NextHop, Unreachable, ViaLink, ViaMain, ViaMaster
from linkbalancer.routing.marks import OWN
from linkbalancer.routing.translation import Way
from linkbalancer.routing.twins import Twin, link_local
from tests.drivers.conftest import Gateway
from tests.drivers.nftables.rules import LAYOUT

pytestmark = pytest.mark.lab

MASTER, OTHER = b"\x02\x00\x00\x00\x00\x01", b"\x02\x00\x00\x00\x00\x02"
FAR = IPv6Address("fe80::2")
VIA_LINK, GLOBAL = ViaLink("link0", FAR), ViaLink("link0", IPv6Address("2001:db8:1::2"))
VIA_MASTER = ViaMaster("lan0", link_local(MASTER), MASTER)
VIPS = {"lan0": (IPv4Interface("192.0.2.251/24"),)}
STEERED = replace(LAYOUT, twins=(Twin("link0", None, FAR),))
HOST = "2001:db8:99::1"


@pytest.fixture
def kernel(gateway: Gateway) -> Iterator[Kernel]:
    """Yield a prepared kernel of a gateway that steers both families."""
    gateway.here("ip addr add 2001:db8:1::1/64 dev link0 nodad", "ip addr add 2001:db8:2::1/64 dev lan0 nodad")
    gateway.here("ip -6 route add default via 2001:db8:2::9 dev lan0")
    with closing(Kernel(STEERED, VIPS)) as opened:
        opened.prepare()
        yield opened


def way(gateway: Gateway, vid: int) -> str:
    """Return where the kernel sends a packet of a VID, or why it refuses."""
    try:
        return gateway.here(f"ip -6 route get {HOST} mark {vid << 16:#x}")
    except AssertionError as refused:
        return str(refused)


def ours(gateway: Gateway, family: int) -> list[str]:
    """Return the rules that are ours."""
    return [line for line in gateway.here(f"ip -{family} rule").splitlines() if "proto 112" in line]


def test_the_rules_and_what_lies_below_are_those_of_ipv4(gateway: Gateway, kernel: Kernel) -> None:
    """Of each VID, plain and guarded, and of this gateway's own traffic; a second time there is nothing to do."""
    four, six = (ours(gateway, family) for family in (4, 6))
    assert four == six
    assert len(six) == 6
    assert gateway.here("cat /proc/sys/net/ipv6/conf/all/forwarding") == "1\n"
    assert kernel.prepare().laid == ()
    assert "No route to host" in way(gateway, 1), "the default of main is not taken"
    assert "dev lan0" in gateway.here("ip -6 route get 2001:db8:2::77 mark 0x10000"), "what is near stays near"


def test_a_table_is_pointed_from_way_to_way(gateway: Gateway, kernel: Kernel) -> None:
    """Whatever was before, there is one default above `unreachable`; doing it again changes nothing."""
    hops: list[NextHop] = [VIA_LINK, VIA_MASTER, GLOBAL, ViaMain(), VIA_MASTER, ViaMain(), VIA_LINK, Unreachable()]
    shown = ["via fe80::2 dev link0", f"via {link_local(MASTER)} dev lan0", "via 2001:db8:1::2 dev link0"]
    shown += ["via 2001:db8:2::9 dev lan0", shown[1], "via 2001:db8:2::9 dev lan0", shown[0], "No route to host"]
    for hop, told in zip(hops, shown, strict=True):
        for _again in range(2):
            kernel.apply(PointIpv6(1, hop))
            assert told in way(gateway, 1)
            table = gateway.here("ip -6 route show table 20001").splitlines()
            assert len(table) == (1 if hop == Unreachable() else 2)
            assert table[-1].startswith("unreachable default")
        successor = Tables(gateway.route, STEERED, Family.IPV6)
        assert successor.found() == {1: hop, 2: Unreachable()}
    assert pinned(gateway.route, "lan0", Family.IPV6) == {}


def test_a_pin_lasts_as_long_as_a_vid_needs_it(gateway: Gateway, kernel: Kernel) -> None:
    """The address is the MAC's, so two VIDs of one Master share it, and another Master has another one."""
    kernel.apply(PointIpv6(1, VIA_MASTER))
    kernel.apply(PointIpv6(2, VIA_MASTER))
    kernel.apply(PointIpv6(1, ViaMaster("lan0", link_local(OTHER), OTHER)))
    assert pinned(gateway.route, "lan0", Family.IPV6) == {link_local(MASTER): MASTER, link_local(OTHER): OTHER}
    kernel.apply(PointIpv6(2, VIA_LINK))
    assert pinned(gateway.route, "lan0", Family.IPV6) == {link_local(OTHER): OTHER}
    kernel.apply(PointIpv6(1, VIA_LINK))
    gateway.here(f"ip -6 neigh replace {link_local(MASTER)} lladdr {MASTER.hex(':')} dev lan0 nud permanent proto 112")
    kernel.clear(["lan0"])
    assert pinned(gateway.route, "lan0", Family.IPV6) == {}


def test_the_families_do_not_touch_each_other(gateway: Gateway, kernel: Kernel) -> None:
    """A next hop of one is none of the other's."""
    kernel.apply(SetNextHop(1, ViaLink("link0", IPv4Address("10.1.0.2"))))
    assert "No route to host" in way(gateway, 1)
    kernel.apply(PointIpv6(1, VIA_LINK))
    kernel.apply(SetNextHop(1, Unreachable()))
    assert "fe80::2" in way(gateway, 1)


def test_the_guarded_table_and_own_traffic(gateway: Gateway, kernel: Kernel) -> None:
    """Packets of other members have a table of their own, and what the gateway sends unmarked has one too."""
    kernel.apply(PointIpv6(1, VIA_LINK, guard=True))
    kernel.apply(PointIpv6(OWN, VIA_LINK))
    assert "fe80::2" in gateway.here(f"ip -6 route get {HOST} mark 0x1010000")
    assert "No route to host" in way(gateway, 1)
    gateway.here("ip -6 route del default via 2001:db8:2::9 dev lan0")
    assert "fe80::2" in gateway.here(f"ip -6 route get {HOST}")


def test_what_is_missing_is_found(gateway: Gateway, kernel: Kernel) -> None:
    """A next hop, a pin, a rule, and what lies below; an MTU that is not as configured is told apart."""
    wanted: dict[tuple[int, bool], NextHop] = {
        (1, False): VIA_MASTER,
        (1, True): VIA_LINK,
        (2, False): Unreachable(),
        (2, True): ViaMain(),
    }
    for (vid, guard), hop in wanted.items():
        kernel.apply(PointIpv6(vid, hop, guard))

    def missing(layout: object = STEERED) -> list[tuple[tuple[int, bool], bool]]:
        return list(wrong(gateway.route, layout, Family.IPV6, wanted))  # type: ignore[arg-type]

    assert missing() == []
    sized = replace(STEERED, ways=(Way(device="link0", vids=(1,), mtu=1400),))
    assert missing(sized) == [((1, True), True)]
    gateway.here(f"ip -6 neigh del {link_local(MASTER)} dev lan0", "ip -6 route flush table 20257")
    gateway.here(
        "ip -6 route flush table 20258",
        "ip -6 rule del priority 21",
        "ip -6 route add default via fe80::9 dev link0 table 20002 proto 112",
    )
    assert missing() == [((1, False), False), ((1, True), False), ((2, False), False), ((2, True), False)]
    assert kernel.prepare().laid == (
        ("route", "the IPv6 unreachable default of table 20257"),
        ("route", "the IPv6 unreachable default of table 20258"),
        ("rule", "the IPv6 routing rule of priority 21"),
    )
    for (vid, guard), hop in wanted.items():
        kernel.apply(PointIpv6(vid, hop, guard))
    assert missing() == []


@pytest.mark.usefixtures("kernel")
def test_a_route_says_how_much_fits(gateway: Gateway) -> None:
    """As IPv4's; below what IPv6 must carry the route says nothing."""
    for mtu, told in ((1400, "mtu 1400"), (1000, "dev link0")):
        layout = replace(STEERED, ways=(Way(device="link0", vids=(1,), mtu=mtu),))
        Tables(gateway.route, layout, Family.IPV6).point(1, VIA_LINK, guard=False)
        shown = gateway.here("ip -6 route show default table 20001")
        assert told in shown
        assert ("mtu" in shown) == (mtu == 1400)


def test_what_the_kernel_refuses_is_a_drivers_error(gateway: Gateway, kernel: Kernel) -> None:
    """IPv6 switched off on a link's device, above all: the text says which family's table."""
    gateway.here("sysctl -qw net.ipv6.conf.link0.disable_ipv6=1")
    with pytest.raises(DriverError, match="point IPv6 table 20001 of VID 1 to fe80::2 on link0") as refusal:
        kernel.apply(PointIpv6(1, VIA_LINK))
    assert refusal.value.errno in {errno.EACCES, errno.ENODEV, errno.EINVAL}
    with pytest.raises(DriverError):
        kernel.apply(PointIpv6(1, replace(VIA_LINK, device="gone0")))


def test_what_a_predecessor_steered_goes(gateway: Gateway, kernel: Kernel) -> None:
    """A configuration without far ends over IPv6 leaves nothing of it behind; beside him, it is left alone."""
    kernel.apply(PointIpv6(1, VIA_LINK))
    with closing(Kernel(LAYOUT, VIPS)) as plain:
        plain.mend(trim=False)
        assert "fe80::2" in way(gateway, 1)
        plain.mend()
        assert ours(gateway, 6) == []
        assert "via 2001:db8:2::9 dev lan0" in way(gateway, 1)
    assert gateway.here("ip -6 route show table all proto 112") == ""
