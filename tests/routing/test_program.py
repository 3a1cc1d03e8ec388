"""Tests of the compiler: what it makes, walked by a pure model, finds what a plain first-match loop finds."""

from collections.abc import Iterator
from functools import partial
from ipaddress import IPv4Address

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from linkbalancer.config.rules import parse_rules
from linkbalancer.routing import ranking, tree
from linkbalancer.routing.classifier import Classifier
from linkbalancer.routing.dispatch import Family, Group
from linkbalancer.routing.packet import Packet
from linkbalancer.routing.program import compiled
from linkbalancer.routing.rule import Rule
from linkbalancer.routing.selector import Interval, Selector
from tests.routing.filtersets import KINDS, filter_set, packets
from tests.routing.firstmatch import first_match
from tests.routing.named import Answers, answers, named
from tests.routing.test_classifier import ruleset, selectors, traffic
from tests.routing.walk import found


@pytest.fixture(scope="module", autouse=True)
def _small_trees() -> Iterator[None]:
    """Cut as soon as there is anything to cut: a dozen rules then make what thousands do otherwise."""
    with pytest.MonkeyPatch.context() as patch:
        for module in (tree, ranking):
            patch.setattr(module, "LEAF_MAX", 1)
        yield


@pytest.mark.thorough
@settings(max_examples=300, deadline=None)
@given(
    st.lists(selectors(), max_size=14),
    st.lists(traffic(), min_size=1, max_size=12),
    st.sampled_from([1, 2, 127]),
    st.sampled_from([0, 4]),
)
def test_trees_find_the_first_match(some: list[Selector], flow: list[Packet], ranks: int, spans: int) -> None:
    """Any overlapping rules of either family, with many ranks and hardly any, narrow trees and none."""
    rules = ruleset(*some).rules
    with pytest.MonkeyPatch.context() as patch:
        patch.setattr(ranking, "SPAN_MAX", spans)
        patch.setattr(ranking, "_SHARE_MIN", 0.0)
        families = compiled(rules, ranks)
    for packet in flow:
        expected = first_match(rules, packet)
        assert found(families, packet) == (expected.application if expected else None)


@pytest.mark.thorough
@settings(max_examples=200, deadline=None)
@given(
    st.lists(selectors(), max_size=14),
    st.lists(traffic(), min_size=1, max_size=12),
    st.sampled_from([1, 2, 127]),
    st.integers(0, 99),
)
def test_trees_with_names_find_the_first_match(some: list[Selector], flow: list[Packet], ranks: int, seed: int) -> None:
    """Trees are made without knowing what names have; whatever that is, they find what a plain loop finds."""
    rules = named(ruleset(*some).rules, 2)
    families, known = compiled(rules, ranks), answers(rules, seed)
    resolved = [one.resolved(known) for one in rules]
    for packet in flow:
        expected = first_match(resolved, packet)
        at = found(families, packet, partial(_values, known, 4 if packet.source.version == 4 else 6))
        assert at == (expected.application if expected else None)


def _values(known: Answers, family: Family, names: tuple[str, ...]) -> frozenset[int]:
    return frozenset(value for name in names for value in known(name, family))


@pytest.mark.parametrize("leaf", [1, 8])
@pytest.mark.parametrize("kind", KINDS)
def test_filter_sets_of_real_kinds(kind: str, leaf: int, monkeypatch: pytest.MonkeyPatch) -> None:
    """Four hundred overlapping rules of each kind, packets at their borders."""
    for module in (tree, ranking):
        monkeypatch.setattr(module, "LEAF_MAX", leaf)
    parsed = parse_rules(filter_set(kind, 400, seed=7), "rules.conf")
    assert parsed.errors == []
    rules = parsed.ruleset.rules
    families = Classifier(rules).program(127)
    met = set()
    for packet in packets(list(rules), 400, seed=5):
        expected = first_match(rules, packet)
        assert found(families, packet) == (expected.application if expected else None)
        met.add(expected)
    assert len(met) > 40
    assert any(len(group.trees) > 1 for group in families[4].groups)


def test_rules_that_cross_each_other_turn_by_turn_use_up_few_ranks() -> None:
    """One source, one destination, and so on: each overlaps all before it, and each must count as later."""
    families = compiled(_crossing(40), 127)

    for one, other, packet in _crossings(40):
        assert found(families, packet) == f"r{min(one, other)}"


def test_rules_beyond_the_last_rank_get_trees_of_their_own() -> None:
    """With three ranks for forty turns, rounds follow each other, and no rule of a later one overtakes a candidate."""
    few, many = (compiled(_crossing(40), ranks) for ranks in (3, 127))

    assert len(few[4].other.rounds) > len(many[4].other.rounds)
    for one, other, packet in _crossings(40):
        assert found(few, packet) == f"r{min(one, other)}"


def _crossing(count: int) -> list[Rule]:
    """Return rules of which each even one means a source, each odd one a destination."""
    return [
        Rule(number, f"r{number}", Selector(family=4, **{side: (Interval(number * 10, number * 10),)}))  # type: ignore[arg-type]
        for number in range(count)
        for side in [("source", "destination")[number % 2]]
    ]


def _crossings(count: int) -> Iterator[tuple[int, int, Packet]]:
    """Yield every two rules of `_crossing` that overlap, and a packet that both mean."""
    for even in range(0, count, 2):
        for odd in range(1, count, 2):
            yield even, odd, Packet(IPv4Address(even * 10), IPv4Address(odd * 10), 1)


def test_a_protocol_without_ports_has_no_group_of_its_own() -> None:
    """Ports are asked for only where a packet has them; ICMP and GRE are told apart as addresses are."""
    rules = [
        Rule(1, "web", Selector(protocols=(6,), destination_port=(Interval(443, 443),))),
        Rule(2, "ping", Selector(protocols=(1, 17))),
        Rule(3, "tunnel", Selector(protocols=(47,))),
    ]
    protocols = compiled(rules, 127)[4]

    assert sorted(protocols.named) == [6, 17]
    assert [group.name for group in protocols.groups] == ["tcp", "udp", "other"]


def test_protocols_with_the_same_rules_share_a_group() -> None:
    """Rules with ports for every protocol mean five protocols alike."""
    rules = [Rule(1, "web", Selector(protocols=(6, 17, 33, 132, 136), destination_port=(Interval(443, 443),)))]
    protocols = compiled(rules, 127)[6]

    assert len(protocols.groups) == 2
    assert isinstance(protocols.other, Group)
    assert protocols.other.rounds == ()
