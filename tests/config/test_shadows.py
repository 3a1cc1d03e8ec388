"""Tests of shadowed rules, judged by trying packets."""

import itertools
from ipaddress import IPv4Address

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from linkbalancer.config import shadows
from linkbalancer.config.rules import parse_rules
from linkbalancer.routing.packet import Packet
from tests.routing.firstmatch import first_match

TEN = "App=10.0.0.0/8 * * * * * [1] name=ten\n"
LOW, HIGH = "App=10.0.0.0/9 * * * * tcp [1] name=low\n", "App=10.128.0.0/9 * * * * tcp [1] name=high\n"


DRAWN = [
    TEN,
    LOW,
    HIGH,
    "App=* * * * 80 tcp [1] name=web\n",
    "App=10.0.0.0/8 * * * 80 tcp [1] name=tenweb\n",
    "App=* * * * * * [1] name=rest\n",
    "App=* * ef * * tcp,udp [1] name=ef\n",
    "App=10.0.0.0/8,2001:db8::/32 * * 0-1023 * udp [1] name=both\n",
    "App=10.1.2.3 10.0.0.0/8 * * 1-100 tcp [1] name=one\n",
    "Set=@h example.org\nApp=@h * * * * tcp [1] name=h\n",
]


def found(text: str) -> list[str]:
    """Return what is found in a rule file."""
    parsed = parse_rules(text, "f")
    assert parsed.errors == []
    return [str(one) for one in shadows.shadowed(parsed, shadows.Searches())]


@pytest.mark.parametrize(
    ("text", "expected"),
    [
        (TEN + LOW, ["f:2:1: never matches: line 1 takes all its packets before; move it above line 1, or remove it"]),
        (TEN + TEN, ["f:2:1: never matches: line 1 selects the same packets; remove one of the two"]),
        (LOW + TEN, []),
        (
            TEN + "  App=10.1.0.0/16 * * * * * [1] name=ten\n",
            ["f:2:3: never matches: line 1 takes all its packets before; remove it: they are of the same application"],
        ),
        (
            LOW + HIGH + "App=10.0.0.0/8 * * * 80 tcp [1] name=web\n",
            [
                (
                    "f:3:1: never matches: lines 1, 2 take all its packets before, together; "
                    "move it above line 1, or remove it"
                )
            ],
        ),
        (LOW + HIGH + "App=10.0.0.0/8 * * * 80 tcp,udp [1] name=web\n", []),
        (
            "App=0.0.0.0/0 * * * * * [1] name=four\nApp=* ::/0 * * * * [1] name=six\nApp=* * ef * * * [1] name=ef\n",
            [
                (
                    "f:3:1: never matches: lines 1, 2 take all its packets before, together; "
                    "move it above line 1, or remove it"
                )
            ],
        ),
        ("App=0.0.0.0/0 * * * * * [1] name=four\nApp=* * * * * * [1] name=rest\n", []),
        (
            TEN + "App=10.1.0.0/16,2001:db8::/32 * * * * * [1] name=both\n",
            [
                "f:2:1: never matches IPv4: line 1 takes all its packets before; move it above line 1, or remove it",
            ],
        ),
        (
            TEN + "App=2001:db8::/32 * * * * * [1] name=six\nApp=10.1.0.0/16,2001:db8::1 * * * * * [1] name=both\n",
            [
                (
                    "f:3:1: never matches: lines 1, 2 take all its packets before, together; "
                    "move it above line 1, or remove it"
                )
            ],
        ),
    ],
)
def test_lines_that_never_match(text: str, expected: list[str]) -> None:
    """Behind one line, behind several together, in both families or in one of those that it names."""
    assert found(text) == expected


def test_a_finding_names_few_lines() -> None:
    """And says how many more there are."""
    text = "".join(f"App=* * * {8 * one}-{8 * one + 7} * udp [1] name=u{one}\n" for one in range(8))
    (finding,) = found(text + "App=* * * 0-63 * udp [1] name=all\n")

    assert ": lines 1, 2, 3, 4, 5 and 3 more take all its packets before, together; " in finding


_points = st.sampled_from([0, 1, 2, 3])
_fields = st.tuples(_points, _points).map(lambda ends: (min(ends), max(ends))) | st.just((0, 3))


@settings(max_examples=150)
@given(st.lists(st.tuples(_fields, _fields, st.sampled_from(["0", "4", "0,4", "*"])), min_size=1, max_size=8))
def test_exactly_the_lines_that_no_packet_reaches(
    boxes: list[tuple[tuple[int, int], tuple[int, int], str]],
) -> None:
    """Small rules in a small world, overlapping in any way, and every packet of it tried."""
    lines = [
        f"App=10.0.0.{one[0]}-10.0.0.{one[1]} * {tos} * {two[0]}-{two[1]} udp [1] name=n{number}\n"
        for number, (one, two, tos) in enumerate(boxes)
    ]
    parsed = parse_rules("".join(lines), "f")
    met = set()
    for source, port, tos in itertools.product(range(4), range(4), (0, 4, 8)):
        packet = Packet(IPv4Address(f"10.0.0.{source}"), IPv4Address("192.0.2.1"), 17, 9, port, tos)
        rule = first_match(parsed.rules, packet)
        met.add(rule and rule.line)

    assert {one.line for one in shadows.shadowed(parsed, shadows.Searches())} == set(range(1, len(boxes) + 1)) - met


@pytest.mark.parametrize("bound", ["CUTS_MAX", "WORK_MAX"])
def test_the_work_is_bounded(monkeypatch: pytest.MonkeyPatch, bound: str) -> None:
    """What is not decided within the bound is not said."""
    text = LOW + HIGH + "App=10.0.0.0/8 * * * 80 tcp [1] name=web\n"
    assert len(found(text)) == 1

    monkeypatch.setattr(shadows, bound, 1)
    assert found(text) == []


def test_a_large_file_is_judged() -> None:
    """A thousand lines that take a wide one's packets together, and a line that they leave some."""
    lines = [f"App=10.{one // 256}.{one % 256}.0/24 * * * * tcp [1] name=all\n" for one in range(1024)]
    last = "App=10.0.0.0/14 * * * 80 tcp [1] name=web\nApp=10.2.0.0/15 * * * * tcp,udp [1] name=all\n"

    assert [one.line for one in shadows.shadowed(parse_rules("".join(lines) + last, "f"))] == [1025]


_EDITED = st.lists(st.tuples(st.integers(0, 30), st.integers(0, 30), st.booleans()), max_size=8)


@pytest.mark.thorough
@settings(max_examples=200, deadline=None)
@given(
    st.lists(st.sampled_from(DRAWN), max_size=24), _EDITED, st.sampled_from([0, 1, 60_000]), st.sampled_from([0, 12])
)
def test_an_edit_finds_what_the_whole_file_finds(
    lines: list[str], edits: list[tuple[int, int, bool]], work: int, looked: int
) -> None:
    """Lines put in and taken out anywhere, doubles among them: the same findings as without a memory."""
    last = shadows.Searches()
    with pytest.MonkeyPatch.context() as patch:
        patch.setattr(shadows, "WORK_MAX", work)
        patch.setattr(shadows, "LOOKED_MAX", looked)
        for place, which, new in [(0, 0, True), *edits]:
            if new:
                lines.insert(place % (len(lines) + 1), DRAWN[which % len(DRAWN)])
            elif lines:
                lines.pop(place % len(lines))
            parsed = parse_rules("".join(lines), "f")
            assert list(shadows.shadowed(parsed, last)) == list(shadows.shadowed(parsed, shadows.Searches()))


def test_many_new_rules_and_others_that_moved_are_looked_at_anew() -> None:
    """A file that shares nothing with the last one, and one that is turned around."""
    last, lines = shadows.Searches(), [f"App=10.{number}.0.0/16 * * * * * [1] name=a\n" for number in range(40)]
    for some in (lines, [TEN, *lines], [*lines, TEN], lines[::-1], [TEN, *lines[::-1]]):
        parsed = parse_rules("".join(some), "f")
        found_ = list(shadows.shadowed(parsed, last))
        assert found_ == list(shadows.shadowed(parsed, shadows.Searches()))
        assert len(found_) == (40 if some[0] == TEN else 0)
