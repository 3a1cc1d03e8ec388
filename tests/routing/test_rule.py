"""Tests of rules."""

from linkbalancer.routing.rule import Rule
from linkbalancer.routing.selector import Interval, Selector


def test_a_mirrored_rule_keeps_its_line_and_application() -> None:
    """Only the selector is turned round, so that both directions name one rule."""
    rule = Rule(3, "web", Selector(destination_port=Interval(80, 80), protocols=(6,)))

    assert rule.mirrored() == Rule(3, "web", Selector(source_port=Interval(80, 80), protocols=(6,)))
