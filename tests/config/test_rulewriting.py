"""Writing rules: what is read of the text is what was written."""

from typing import Literal

from hypothesis import given, settings
from hypothesis import strategies as st

from linkbalancer.clock import MILLISECOND, SECOND, Duration
from linkbalancer.config.rules import parse_rules
from linkbalancer.config.rulewriting import in_words, line_of
from linkbalancer.routing.application import Application, Member
from linkbalancer.routing.handover import Handover, Mode
from linkbalancer.routing.selector import PROTOCOLS_WITH_PORTS, Interval, Ranges, Selector, merged

WIDTH: dict[Literal[4, 6], int] = {4: 32, 6: 128}


def ranges(bits: int) -> st.SearchStrategy[Ranges]:
    """Draw ranges of a field: prefixes, single values, and any."""
    last = 2**bits - 1
    value = st.integers(0, last)
    anything = st.tuples(value, value).map(lambda ends: Interval(min(ends), max(ends)))
    prefix = st.tuples(value, st.integers(0, bits)).map(
        lambda drawn: Interval(drawn[0] >> drawn[1] << drawn[1], drawn[0] | (1 << drawn[1]) - 1)
    )
    single = value.map(lambda one: Interval(one, one))
    return st.lists(anything | prefix | single, min_size=1, max_size=4).map(merged)


@st.composite
def lines(draw: st.DrawFn) -> list[Selector]:
    """Draw what a line can select: any fields, addresses of no family, of one, or of both."""
    dscp, sport, dport = (draw(st.none() | ranges(bits)) for bits in (6, 16, 16))
    numbers = st.sampled_from(PROTOCOLS_WITH_PORTS if sport or dport else range(256))
    protocols = draw(st.none() | st.sets(numbers, min_size=1, max_size=4).map(lambda some: tuple(sorted(some))))
    if protocols is None and (sport or dport):
        protocols = PROTOCOLS_WITH_PORTS
    rest = {"dscp": dscp, "source_port": sport, "destination_port": dport, "protocols": protocols}
    some: list[tuple[Literal[4, 6], ...]] = [(), (4,), (6,), (4, 6)]
    families = draw(st.sampled_from(some))
    if not families:
        return [Selector(**rest)]  # type: ignore[arg-type]
    with_source, with_destination = draw(st.sampled_from([(True, False), (False, True), (True, True)]))
    return [
        Selector(
            family=family,
            source=draw(ranges(WIDTH[family])) if with_source else None,
            destination=draw(ranges(WIDTH[family])) if with_destination else None,
            **rest,  # type: ignore[arg-type]
        )
        for family in families
    ]


steps = st.lists(
    st.lists(st.builds(Member, st.integers(1, 255), st.integers(1, 255)), min_size=1, max_size=3).map(tuple),
    min_size=1,
    max_size=3,
).filter(lambda some: len({one.vid for step in some for one in step}) == sum(map(len, some)))


handovers = st.sampled_from([Mode.MOVE, Mode.KEEP, Mode.RESET]).map(Handover) | st.integers(1000, 10**6).map(
    lambda stay: Handover(Mode.DRAIN, stay * MILLISECOND)
)


@settings(max_examples=150)
@given(lines(), steps, handovers, st.none() | handovers, st.integers(0, 86400).map(lambda some: some * SECOND))
def test_what_is_written_is_read_again(
    selectors: list[Selector],
    some: list[tuple[Member, ...]],
    handover: Handover,
    failback: Handover | None,
    good_for: Duration,
) -> None:
    """Every field, both families, balanced steps, the name, and options."""
    application = Application("some.name-1", tuple(some), handover, failback, good_for)
    parsed = parse_rules(line_of(selectors, application), "f")

    assert parsed.errors == []
    assert [rule.selector for rule in parsed.rules] == selectors
    assert parsed.applications == {"some.name-1": application}


@settings(max_examples=100)
@given(lines(), st.randoms(use_true_random=False))
def test_the_order_of_a_list_does_not_matter(selectors: list[Selector], chance: object) -> None:
    """Nor do repeats: the digest that gateways compare is the same."""
    line = line_of(selectors, Application("a", ((Member(1),),)))
    head, vids, tail = line.removeprefix("App=").partition(" [")
    words = []
    for word in head.split():
        parts = word.split(",") * 2
        chance.shuffle(parts)  # type: ignore[attr-defined]
        words.append("*" if word == "*" else ",".join(parts))
    shuffled = f"App={' '.join(words)}{vids}{tail}"

    assert parse_rules(shuffled, "f").ruleset.digest == parse_rules(line, "f").ruleset.digest


def test_a_range_is_written_as_people_do() -> None:
    """An address, a prefix, or both ends."""
    assert in_words(Interval(0, 2**32 - 1), 4) == "0.0.0.0/0"
    assert in_words(Interval(10 << 24, (10 << 24) + 9), 4) == "10.0.0.0-10.0.0.9"
    assert in_words(Interval(1, 1), 6) == "::1"
