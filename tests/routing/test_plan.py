"""Tests of the plan of rules."""

from ipaddress import IPv4Address

from linkbalancer.links import Unreachable, ViaLink, ViaMaster
from linkbalancer.routing.marks import Marks
from linkbalancer.routing.plan import RoutingRule, own_next_hop, routing_rules, routing_tables


def test_a_vid_has_one_rule_and_one_guarded_rule() -> None:
    """The main table's own routes first, then VIDs in order, plain before guarded, and own traffic last."""
    assert routing_rules({2, 1}, Marks()) == (
        RoutingRule(10, 0, 0, 254, suppress_prefixlength=0),
        RoutingRule(21, 0x00010000, 0x01FF0000, 20001),
        RoutingRule(22, 0x00020000, 0x01FF0000, 20002),
        RoutingRule(301, 0x01010000, 0x01FF0000, 20257),
        RoutingRule(302, 0x01020000, 0x01FF0000, 20258),
        RoutingRule(32768, 0, 0, 20000, iif="lo"),
    )


def test_no_vid_needs_no_rule() -> None:
    """A gateway without VIDs leaves routing alone."""
    assert routing_rules((), Marks()) == ()
    assert routing_tables((), Marks()) == frozenset()


def test_the_tables_are_those_of_the_rules() -> None:
    """Own traffic's, and two a VID; main is not ours."""
    assert routing_tables({3}, Marks()) == {20000, 20003, 20259}


def test_own_traffic_takes_the_lowest_vid_that_has_a_way() -> None:
    """A VID without a way is passed over, whichever it is; without any way there is none."""
    link, master = ViaLink("eth1", IPv4Address("10.1.0.2")), ViaMaster("eth0", IPv4Address("192.0.2.251"), bytes(6))
    assert own_next_hop({7: master, 3: link}) == link
    assert own_next_hop({3: Unreachable(), 7: master}) == master
    assert own_next_hop({3: Unreachable()}) == Unreachable()
    assert own_next_hop({}) == Unreachable()
