"""What is wanted of the kernel: which tables follow what IPv6 has lost, and which do not."""

from ipaddress import IPv4Address, IPv6Address

from linkbalancer.daemon.wanted import Wanted
from linkbalancer.drivers.tables import PointIpv6
from linkbalancer.engine.effects import SetLost, SetNextHop
from linkbalancer.links import NextHop, Unreachable, ViaLink, ViaMaster
from linkbalancer.routing.marks import OWN
from linkbalancer.routing.twins import NOTHING_LOST, Lost, Twin

PEER, FAR = IPv4Address("10.1.0.2"), IPv6Address("fe80::2")
LINK = Twin("eth1", None, FAR)
OVER: NextHop = ViaLink("eth1", PEER)
HALF = ViaLink("eth1", FAR)
MASTER = ViaMaster("eth0", IPv4Address("192.0.2.252"), b"\x02\0\0\0\0\x07")


def settled() -> Wanted:
    """Return what is wanted by a Master of VID 1 beside the Master of VID 2."""
    wanted = Wanted((LINK,))
    for effect in (SetNextHop(1, OVER), SetNextHop(1, OVER, guard=True), SetNextHop(2, MASTER)):
        wanted.note(effect)
        list(wanted.following(effect))
    return wanted


def lose(wanted: Wanted, lost: Lost) -> set[object]:
    """Let something be lost; return what follows."""
    effect = SetLost(lost)
    assert not wanted.note(effect)
    return set(wanted.following(effect))


def test_a_lost_far_end_turns_its_ipv6_tables_and_no_other() -> None:
    """The guarded one too, and the way of own traffic; none of IPv4; what is so already is not done again."""
    wanted, none = settled(), Unreachable()
    told = lose(wanted, Lost(frozenset({LINK})))
    assert {(one.vid, one.guard) for one in told if isinstance(one, PointIpv6)} == {(1, False), (1, True), (OWN, False)}
    assert {PointIpv6(1, none), PointIpv6(1, none, guard=True)} <= told
    assert len(told) == 3
    assert lose(wanted, Lost(frozenset({LINK}))) == set()
    assert lose(wanted, Lost(frozenset({LINK}), frozenset({2}))) == {PointIpv6(2, none), PointIpv6(OWN, none)}
    back = lose(wanted, NOTHING_LOST)
    assert {PointIpv6(1, HALF), PointIpv6(1, HALF, guard=True), PointIpv6(OWN, HALF)} <= back


def test_a_next_hop_that_comes_while_its_half_is_lost_is_led_nowhere() -> None:
    """And one that goes elsewhere is led there."""
    wanted = Wanted((LINK,))
    lose(wanted, Lost(frozenset({LINK}), frozenset({2})))
    assert PointIpv6(1, Unreachable()) in set(wanted.following(SetNextHop(1, OVER)))
    assert PointIpv6(2, Unreachable()) in set(wanted.following(SetNextHop(2, MASTER)))
    assert not any(one == PointIpv6(1, Unreachable()) for one in wanted.following(SetNextHop(1, MASTER)))
    four = Wanted()
    assert all(isinstance(one, SetNextHop) for one in four.following(SetNextHop(1, OVER)))
