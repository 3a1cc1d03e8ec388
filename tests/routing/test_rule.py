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
        RuleSet(rules, steps | {"web": Application("web", ((Member(1),),), good_for=1)}),
    ]
    assert len({said.digest, *(one.digest for one in others)}) == 6


def test_rules_with_the_addresses_that_names_have() -> None:
    """Those of the rule's family, as they are known; the same rules all the same."""
    plain = Rule(1, "a", Selector(family=6, source=(Interval(7, 7),)))
    named = Rule(2, "a", Selector(family=6, source=(Interval(7, 7),), destination=(), destination_names=("a", "b")))
    four = Rule(3, "a", Selector(family=4, source=(), source_names=("b",)))
    rules = RuleSet((plain, named, four), {"a": Application("a", ((Member(1),),))})

    found = rules.resolved(
        lambda name, family: {("a", 6): [3, 1], ("b", 6): [2], ("b", 4): [9]}.get((name, family), [])
    )

    assert [rule.selector.destination for rule in found.rules] == [None, (Interval(1, 3),), None]
    assert [rule.selector.source for rule in found.rules] == [(Interval(7, 7),), (Interval(7, 7),), (Interval(9, 9),)]
    assert (rules.names, found.names) == (("a", "b"), ("a", "b"))
    assert found.digest == rules.digest
    bare = RuleSet((plain,), rules.applications)
    assert bare.resolved(lambda _name, _family: [1]) is bare
