"""Tests of the IPv6 half of a next hop."""

from ipaddress import IPv4Address, IPv6Address

import pytest

from linkbalancer.links import Family, NextHop, Unreachable, ViaLink, ViaMain, ViaMaster
from linkbalancer.routing.twins import NOTHING_LOST, Lost, Twin, carries, half, link_local, own_twin, room, twin

MAC = bytes.fromhex("02000000000a")
FIRST, SECOND = IPv4Address("203.0.113.1"), IPv4Address("203.0.113.2")
LINK = Twin("eth1", None, IPv6Address("fe80::2"))
TWINS = (LINK, Twin("eth2", FIRST, IPv6Address("2001:db8::1")), Twin("eth2", SECOND, IPv6Address("2001:db8::2")))


@pytest.mark.parametrize(
    ("hop", "half"),
    [
        (ViaLink("eth1", IPv4Address("10.1.0.2"), FIRST), ViaLink("eth1", IPv6Address("fe80::2"))),
        (ViaLink("eth2", SECOND), ViaLink("eth2", IPv6Address("2001:db8::2"))),
        (ViaLink("eth2", IPv4Address("203.0.113.9")), Unreachable()),
        (ViaLink("eth3", FIRST), Unreachable()),
        (ViaMaster("eth0", FIRST, MAC, SECOND), ViaMaster("eth0", IPv6Address("fe80::ff:fe00:a"), MAC)),
        (ViaMain(), ViaMain()),
        (Unreachable(), Unreachable()),
    ],
)
def test_where_a_table_leads_over_ipv6(hop: NextHop, half: NextHop) -> None:
    """To the same neighbour by another address, or nowhere: never anywhere else."""
    assert twin(hop, TWINS) == half


def test_each_mac_has_an_address_of_its_own() -> None:
    """Of two Masters neither is pinned to the other's; a virtual MAC makes one too."""
    macs = [MAC, bytes.fromhex("00005e000101"), bytes.fromhex("00005e000102")]
    assert [str(link_local(one)) for one in macs] == [
        "fe80::ff:fe00:a",
        "fe80::200:5eff:fe00:101",
        "fe80::200:5eff:fe00:102",
    ]


def test_own_packets_follow_the_first_vid_that_leads_anywhere_over_ipv6() -> None:
    """VID 1 may have a way for IPv4 alone."""
    ways: dict[int, NextHop] = {1: ViaLink("eth3", FIRST), 2: Unreachable(), 3: ViaLink("eth1", SECOND)}
    assert own_twin(ways, TWINS) == ViaLink("eth1", IPv6Address("fe80::2"))
    assert own_twin(ways, ()) == Unreachable()


@pytest.mark.parametrize(
    ("mtu", "family", "told"),
    [(1400, Family.IPV6, 1400), (1279, Family.IPV6, None), (1279, Family.IPV4, 1279), (None, Family.IPV6, None)],
)
def test_the_least_that_ipv6_asks_for(mtu: int | None, family: Family, told: int | None) -> None:
    """A route with less would be refused by the kernel."""
    assert room(mtu, family) == told


def test_whether_ipv6_gets_on() -> None:
    """Over a far end and to the Master; not where there is none; where it is not steered the main table says."""
    assert carries(ViaLink("eth1", FIRST), TWINS) is True
    assert carries(ViaMaster("eth0", FIRST, MAC), TWINS) is True
    assert carries(ViaLink("eth3", FIRST), TWINS) is False
    assert carries(Unreachable(), TWINS) is False
    assert carries(ViaMain(), TWINS) is None
    assert carries(ViaLink("eth1", FIRST), None) is None


def test_a_half_that_is_lost_refuses_and_nothing_else_does() -> None:
    """The far end that does not answer, for whichever VID; of a VID that its Master does not carry, the way to him."""
    over, other, master = ViaLink("eth1", FIRST), ViaLink("eth2", FIRST), ViaMaster("eth0", FIRST, MAC)
    assert half(1, over, TWINS, Lost(ends=frozenset({LINK}))) == Unreachable()
    assert half(1, other, TWINS, Lost(ends=frozenset({LINK}), vids=frozenset({1}))) == twin(other, TWINS)
    assert half(1, master, TWINS, Lost(vids=frozenset({1}))) == Unreachable()
    assert half(2, master, TWINS, Lost(vids=frozenset({1}), ends=frozenset(TWINS))) == twin(master, TWINS)
    assert half(1, over, TWINS, NOTHING_LOST) == twin(over, TWINS)
    assert half(1, ViaMain(), TWINS, Lost(vids=frozenset({1}))) == ViaMain()
    assert half(1, ViaLink("eth3", FIRST), TWINS, Lost(ends=frozenset(TWINS))) == Unreachable()


def test_own_packets_do_not_follow_what_is_lost() -> None:
    """They have another VID's way, which needs no list."""
    ways: dict[int, NextHop] = {1: ViaLink("eth1", FIRST), 2: ViaLink("eth2", SECOND)}
    assert own_twin(ways, TWINS, Lost(ends=frozenset({LINK}))) == ViaLink("eth2", IPv6Address("2001:db8::2"))
