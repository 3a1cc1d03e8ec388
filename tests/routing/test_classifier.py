"""Tests of the classifier against a plain first-match loop."""

from ipaddress import IPv4Address, IPv6Address
from pathlib import Path

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from linkbalancer.config.rules import parse_rules
from linkbalancer.routing.classifier import Box, Classifier, compile_rules
from linkbalancer.routing.packet import Packet
from linkbalancer.routing.rule import Rule, RuleSet
from linkbalancer.routing.selector import PROTOCOLS_WITH_PORTS, Interval, Ranges, Selector, merged
from tests.routing.filtersets import KINDS, filter_set, packets
from tests.routing.firstmatch import answer_to, first_match

BENCH = Path(__file__).parents[3] / "shared" / "data" / "classbench"

# A few values far apart and their neighbours make rules overlap, nest and touch more often than random ones would.
POINTS = [0, 1, 7, 8, 9, 63, 64, 65, 255]
LIMITS = {4: 2**32 - 1, 6: 2**128 - 1}


def ranges(limit: int, most: int = 3) -> st.SearchStrategy[Ranges | None]:
    """Draw ranges with their borders among a few points from both ends of a field, or everything."""
    points = st.sampled_from(sorted({point for one in POINTS if one <= limit for point in (one, limit - one)}))
    one = st.tuples(points, points).map(lambda ends: Interval(min(ends), max(ends)))
    return st.none() | st.lists(one, min_size=1, max_size=most).map(merged)


@st.composite
def selectors(draw: st.DrawFn) -> Selector:
    """Draw a selector."""
    family = draw(st.sampled_from([4, 6, None]))
    addresses = st.none() if family is None else ranges(LIMITS[family])
    source_port, destination_port = draw(ranges(65535)), draw(ranges(65535))
    protocols: tuple[int, ...] | None = draw(st.sampled_from([None, (6,), (17, 6)]))
    if (source_port or destination_port) and protocols is None:
        protocols = PROTOCOLS_WITH_PORTS
    return Selector(
        family=family,  # type: ignore[arg-type]
        source=draw(addresses),
        destination=draw(addresses),
        dscp=draw(ranges(63)),
        source_port=source_port,
        destination_port=destination_port,
        protocols=protocols,
    )


@st.composite
def traffic(draw: st.DrawFn) -> Packet:
    """Draw a packet from the points where rules have their corners."""
    family = draw(st.sampled_from([4, 6]))
    limit = LIMITS[family]
    make = IPv4Address if family == 4 else IPv6Address
    near = st.sampled_from([point for one in POINTS for point in (one, limit - one)])
    ports = st.sampled_from([point for one in POINTS for point in (one, 65535 - one)])
    tos = st.sampled_from([0, 3, 16, 19, 184, 255])
    protocol = draw(st.sampled_from([1, 6, 17, 132]))
    return Packet(make(draw(near)), make(draw(near)), protocol, draw(ports), draw(ports), draw(tos))


def ruleset(*some: Selector) -> RuleSet:
    """Number selectors as a file would."""
    return RuleSet(tuple(Rule(line, f"app{line}", selector) for line, selector in enumerate(some, 1)), {})


@pytest.mark.thorough
@settings(max_examples=100)
@given(st.lists(selectors(), max_size=12), st.lists(traffic(), min_size=1, max_size=12))
def test_the_first_match_is_found_exactly(some: list[Selector], flow: list[Packet]) -> None:
    """Any overlapping rules, either family: the classifier says what a plain loop says."""
    classifier = compile_rules(ruleset(*some))
    for packet in flow:
        assert classifier.lookup(packet) == first_match(classifier.rules, packet)


@pytest.mark.thorough
@settings(max_examples=50)
@given(st.lists(selectors(), max_size=12), st.lists(traffic(), min_size=1, max_size=12))
def test_answers_are_classified_like_what_they_answer(some: list[Selector], flow: list[Packet]) -> None:
    """The mirrored classifier finds for the swapped packet the line that the plain one finds for the packet."""
    classifier = compile_rules(ruleset(*some))
    mirrored = classifier.mirrored()
    for packet in flow:
        there, back = classifier.lookup(packet), mirrored.lookup(answer_to(packet))

        assert (there and there.line) == (back and back.line)


@pytest.mark.parametrize("kind", KINDS)
def test_filter_sets_of_real_kinds(kind: str) -> None:
    """Four hundred overlapping rules of each kind, packets at their borders."""
    parsed = parse_rules(filter_set(kind, 400, seed=7), "rules.conf")
    assert parsed.errors == []
    judge(parsed.ruleset, 200)


@pytest.mark.parametrize("path", sorted(BENCH.glob("*_1k.conf")), ids=lambda path: path.stem)
def test_benchmark_filter_sets(path: Path) -> None:
    """ClassBench's rule sets, where they are at hand, packets at their borders."""
    parsed = parse_rules(path.read_text(), path.name)
    assert parsed.errors == []
    judge(parsed.ruleset, 100)


def judge(rules: RuleSet, count: int) -> None:
    """Compare both directions with the plain loop; the packets must meet many rules, or nothing is shown."""
    classifier = compile_rules(rules)
    mirrored = classifier.mirrored()
    met = set()
    for packet in packets(list(rules.rules), count, seed=11):
        expected = first_match(rules.rules, packet)
        back = mirrored.lookup(answer_to(packet))

        assert classifier.lookup(packet) == expected
        assert (back and back.line) == (expected and expected.line)
        met.add(expected)
    assert len(met) > 20


def test_boxes_are_what_the_rules_say_in_their_order() -> None:
    """The kernel gets application and selector of each rule, first to last."""
    first, second = Selector(protocols=(6,)), Selector()

    assert compile_rules(ruleset(first, second)).boxes == (Box("app1", first), Box("app2", second))


def test_the_digest_tells_rules_apart_and_forgets_layout() -> None:
    """Lines may move down and be explained; selector, name and order may not change unseen."""
    text = "App=* * * * 80 tcp [1 2] name=web\nApp=* * ef * * udp [1] name=voip\n"
    digest = digest_of(text)

    assert digest == digest_of("# a comment\n\n" + text.replace("[1] name", "[1]   name").replace("tcp", "6"))
    assert digest == digest_of(text.replace("[1 2]", "[2 1]"))
    assert len(digest) == 64
    for old, new in (("80", "81"), ("name=web", "name=www"), ("ef", "*"), (text, "\n".join(text.split("\n")[1::-1]))):
        assert digest != digest_of(text.replace(old, new))


def digest_of(text: str) -> str:
    """Compile a rule file's text to its digest."""
    parsed = parse_rules(text, "rules.conf")
    assert parsed.errors == []
    return Classifier(parsed.rules).digest
