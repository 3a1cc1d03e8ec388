"""Tests of the plan of rules."""

from linkbalancer.routing.marks import Marks
from linkbalancer.routing.plan import RoutingRule, routing_rules


def test_a_vid_has_one_rule_and_one_guarded_rule() -> None:
    """The main table's own routes first, then VIDs in order, plain before guarded, and own traffic last."""
    assert routing_rules({2, 1}, Marks()) == (
        RoutingRule(10, 0, 0, 254, suppress_prefixlength=0),
        RoutingRule(21, 0x00010000, 0x01FF0000, 20001),
        RoutingRule(22, 0x00020000, 0x01FF0000, 20002),
        RoutingRule(301, 0x01010000, 0x01FF0000, 20257),
        RoutingRule(302, 0x01020000, 0x01FF0000, 20258),
        RoutingRule(32768, 0, 0, 20001, iif="lo"),
    )


def test_no_vid_needs_no_rule() -> None:
    """A gateway without VIDs leaves routing alone."""
    assert routing_rules((), Marks()) == ()
