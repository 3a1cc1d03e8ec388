"""Tests of rules."""

from linkbalancer.routing.application import Application, Member
from linkbalancer.routing.rule import DIGEST_LENGTH, Rule, RuleSet
from linkbalancer.routing.selector import Interval, Selector


def test_a_mirrored_rule_keeps_its_line_and_application() -> None:
    """Only the selector is turned round, so that both directions name one rule."""
    rule = Rule(3, "web", Selector(destination_port=(Interval(80, 80),), protocols=(6,)))

    assert rule.mirrored() == Rule(3, "web", Selector(source_port=(Interval(80, 80),), protocols=(6,)))


def test_rules_that_say_the_same_have_one_digest() -> None:
    """Where they stand does not matter; their order, what they select, and where they lead does."""
    web, rest = Selector(destination_port=(Interval(80, 80),), protocols=(6,)), Selector()
    steps = {"web": Application("web", ((Member(1),),)), "rest": Application("rest", ((Member(2),),))}
    rules = Rule(1, "web", web), Rule(2, "rest", rest)
    said = RuleSet(rules, steps)

    assert len(said.digest) == DIGEST_LENGTH
    assert RuleSet((Rule(3, "web", web), Rule(7, "rest", rest)), dict(reversed(steps.items()))).digest == said.digest
    others = [
        RuleSet(rules[::-1], steps),
        RuleSet(rules[:1], steps),
        RuleSet((Rule(1, "rest", web), rules[1]), steps),
        RuleSet(rules, steps | {"web": Application("web", ((Member(2),),))}),
    ]
    assert len({said.digest, *(one.digest for one in others)}) == 5
