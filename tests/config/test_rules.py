"""Tests of rule files."""

import pytest
from hypothesis import example, given, settings
from hypothesis import strategies as st

from linkbalancer.config.findings import ConfigErrors
from linkbalancer.config.rules import load_rules, parse_rules
from linkbalancer.routing.application import Member
from linkbalancer.routing.rule import Rule
from linkbalancer.routing.selector import PROTOCOLS_WITH_PORTS, Interval, Selector


def errors(text: str) -> list[str]:
    """Return the errors of a rule file, without its name."""
    return [str(finding).removeprefix("f:") for finding in sorted(parse_rules(text, "f").errors)]


def test_the_sources_line_is_read_whole() -> None:
    """Every field of the mission's line (A2), a name and a comment."""
    parsed = parse_rules("App=10.0.0.0/8 192.0.2.1 0x10 1024-65535 80 tcp [2 1]  name=web # the shop\n", "f")
    selector = Selector(
        family=4,
        source=(Interval(10 << 24, (11 << 24) - 1),),
        destination=(Interval(0xC0000201, 0xC0000201),),
        dscp=(Interval(4, 4),),
        source_port=(Interval(1024, 65535),),
        destination_port=(Interval(80, 80),),
        protocols=(6,),
    )

    assert parsed.errors == parsed.warnings == []
    assert parsed.ruleset.rules == (Rule(1, "web", selector),)
    assert parsed.ruleset.applications["web"].steps == ((Member(2),), (Member(1),))


def test_comments_and_empty_lines_are_no_rules() -> None:
    """Lines are counted all the same, with any line ending."""
    parsed = parse_rules("# one\r\n\r\n  App = * * * * * * [ 1 ]# x\r\n \t# two", "f")

    assert parsed.errors == []
    assert [rule.line for rule in parsed.rules] == [3]


def test_ports_with_any_protocol_mean_the_protocols_that_have_ports() -> None:
    """Without ports `*` is every protocol; with one, in either place, those that have ports."""
    parsed = parse_rules("App=* * * * * * [1]\nApp=* * * 53 * * [1]\nApp=* * * * 0-65535 * [1]\n", "f")

    assert [rule.selector.protocols for rule in parsed.rules] == [None, PROTOCOLS_WITH_PORTS, PROTOCOLS_WITH_PORTS]


def test_lines_of_one_name_are_one_application() -> None:
    """Two selectors, one list, one application."""
    parsed = parse_rules("App=* * * * 80 tcp [1 2] name=web\nApp=* * * * 443 tcp [1 2] name=web\n", "f")

    assert [rule.application for rule in parsed.rules] == ["web", "web"]
    assert list(parsed.applications) == ["web"]


def test_an_unnamed_line_keeps_its_name_wherever_it_stands() -> None:
    """The name comes from the selector: not from the line, its layout, its VIDs or its comment."""
    alone = parse_rules("App=* * 16 * * 6 [1]", "f").rules[0].application
    moved = parse_rules("\nApp=* * * * * * [2]\nApp=*  *  0x10 * * tcp [2 1] # x", "f").rules

    assert moved[1].application == alone
    assert moved[0].application != alone


@pytest.mark.parametrize(
    ("line", "error"),
    [
        ("Ap=* * * * * * [1]", "1:1: the line is no rule; did you mean App=?"),
        ("  hello", "1:3: the line is no rule"),
        ("App=* * * * * * [1", "1:17: the list of VIDs has no end; close it with ]"),
        ("App=* * * * * * 1 2", "1:17: the VIDs are not in brackets; write [1 2]"),
        ("App=* * * * * *", "1:16: the line names no VIDs; add a list such as [1 2] after the protocol"),
        ("App=* * * * * * []", "1:17: the list of VIDs is empty; name at least one VID"),
        ("App=* * * * * [1]", "1:15: 5 fields before the VIDs, not 6; write source, destination, TOS"),
        ("App=* * * * * * tcp [1]", "1:17: 'tcp' is one field too many; write just source, destination"),
        ("App=10.0.0.1 ::1 * * * * [1]", "1:14: the source is IPv4, the destination IPv6; give source"),
        ("App=* * * 80 * icmp [1]", "1:11: the port 80 with protocol icmp, which has no ports; write *, or one of"),
        ("App=* * * * 80 1 [1]", "1:13: the port 80 with protocol 1, which has no ports"),
        ("App=* * * * * * [1 2 1]", "1:22: the VID 1 is in the list twice; name each VID once"),
        ("App=* * * * * * [1+2 2*3]", "1:22: the VID 2 is in the list twice"),
        ("App=* * * * * * [300]", "1:18: the VID 300 is out of range; a VID is 1 to 255"),
        ("App=* * * * * * [1] web", "1:21: 'web' is no option; write option=value, or # before a comment"),
        ("App=* * * * * * [1] nam=web", "1:21: the option 'nam' is not known; did you mean name?"),
        ("App=* * * * * * [1] name=a name=b", "1:28: the option name is given twice; give it once"),
        ("App=* * * * * * [1] name=!", "1:26: the name '!' will not do"),
    ],
)
def test_wrong_lines(line: str, error: str) -> None:
    """Each fault alone: its column, what it is, what to do."""
    (found,) = errors(line)

    assert found.startswith(error)


def test_all_errors_of_a_file_come_at_once() -> None:
    """Several in a line, several lines; what is right is still read."""
    text = "App=10.0.0.1/8 x 999 9-1 y tpc [0 1,2] nme=a\nApp=* * * * * * [1] name=good\nnonsense\n"
    places = [found.split(": ")[0] for found in errors(text)]

    assert places == ["1:5", "1:16", "1:18", "1:22", "1:26", "1:28", "1:33", "1:35", "1:40", "3:1"]
    assert [rule.application for rule in parse_rules(text, "f").rules] == ["good"]


def test_an_application_has_one_list() -> None:
    """Another list under one name is refused, with the first one's place, also where the name is the selector's."""
    named = "App=* * * * 80 tcp [1 2] name=web\nApp=* * * * 81 tcp [2 1] name=web\n"
    unnamed = "App=* * * * * * [1 2]\n App=* * * * * * [2 1]\n"

    assert errors(named) == [
        "2:31: the application web has other VIDs than on line 1: [1 2]; give all its lines one list, or another name"
    ]
    assert errors(unnamed)[0].startswith("2:2: the application app-5d41f07abddd has other VIDs than on line 1")


def test_a_rule_file_can_be_loaded_by_itself() -> None:
    """Balanced steps and any VID are fine here; errors are raised together."""
    assert load_rules("f", lambda _: "App=* * * * * * [1*3+200 3] name=a\n").applications["a"].balanced
    with pytest.raises(ConfigErrors) as caught:
        load_rules("f", lambda _: "x\ny\n")

    assert len(caught.value.findings) == 2


def test_a_file_that_is_no_text_is_refused() -> None:
    """The byte where it stops being UTF-8 is named."""
    with pytest.raises(ConfigErrors, match=r"f:1:1: is not UTF-8 text \(byte 2\); save it as UTF-8"):
        load_rules("f", lambda _: b"ab\xff".decode())


LINES = st.text(st.sampled_from("App= *0123456789./-:[]+,#namex\tü"), max_size=60)


@settings(max_examples=150)
@given(st.lists(LINES | LINES.map("App=* * * * * * ".__add__), max_size=4))
@example(["App=* * * * * * 1]"])
def test_no_text_breaks_the_reader(lines: list[str]) -> None:
    """Anything at all is read or refused at a place within the text; a line without error is a rule or a comment."""
    parsed = parse_rules("\n".join(lines), "f")

    for finding in parsed.errors:
        assert 1 <= finding.line <= len(lines)
        assert 1 <= finding.column <= len(lines[finding.line - 1]) + 1
    wrong = {finding.line for finding in parsed.errors}
    right = {rule.line for rule in parsed.rules}
    blank = {number for number, line in enumerate(lines, 1) if not line.partition("#")[0].strip()}
    assert wrong | right | blank == set(range(1, len(lines) + 1))
    assert not wrong & right
