"""Tests of lists in the fields of a line."""

from ipaddress import IPv4Address, IPv6Address
from itertools import product

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from linkbalancer.config import ruleparsing
from linkbalancer.config.rules import parse_rules
from linkbalancer.routing.classifier import compile_rules
from linkbalancer.routing.packet import Packet
from linkbalancer.routing.selector import Interval, Selector
from tests.config.rulefiles import texts
from tests.config.test_rules import errors
from tests.routing.firstmatch import first_match

LISTED = "App=10.0.0.0/9,10.128.0.0/9,192.0.2.1 * ef,0x20,cs4 1000-1999,2000-2999 https,80,8080-8090 tcp,udp [1]"


def test_fields_take_lists() -> None:
    """What overlaps or touches is one range; names and numbers mix."""
    (rule,) = parse_rules(LISTED, "f").rules

    assert rule.selector == Selector(
        family=4,
        source=(Interval(10 << 24, (11 << 24) - 1), Interval(0xC0000201, 0xC0000201)),
        dscp=(Interval(8, 8), Interval(32, 32), Interval(46, 46)),
        source_port=(Interval(1000, 2999),),
        destination_port=(Interval(80, 80), Interval(443, 443), Interval(8080, 8090)),
        protocols=(6, 17),
    )


def test_a_list_of_both_families_is_a_rule_of_each() -> None:
    """Where both ends have addresses, only families that both have; they are of one line and one application."""
    parsed = parse_rules("App=10.0.0.0/8,2001:db8::/32 * * * 443 tcp [1]\n", "f")
    both = parse_rules("App=10.0.0.0/8,::/0 ::1,192.0.2.1 * * * tcp [1] name=a\n", "f")

    assert [(rule.line, rule.selector.family) for rule in parsed.rules] == [(1, 4), (1, 6)]
    assert len({rule.application for rule in parsed.rules}) == len(parsed.applications) == 1
    assert [(rule.selector.family, rule.selector.destination) for rule in both.rules] == [
        (4, (Interval(0xC0000201, 0xC0000201),)),
        (6, (Interval(1, 1),)),
    ]
    assert both.warnings == parsed.warnings == []


def test_addresses_of_a_family_that_the_other_end_lacks_are_a_warning() -> None:
    """Not where a set brings them: it is used elsewhere too."""
    parsed = parse_rules("App=10.0.0.1,::1 10.0.0.2 * * * * [1] name=a\nApp=::1 ::2,10.0.0.2 * * * * [1] name=b\n", "f")
    by_set = parse_rules("Set=@x 10.0.0.1,::1\nApp=@x 10.0.0.2 * * * * [1] name=a\n", "f")

    assert [str(one) for one in parsed.warnings] == [
        (
            "f:1:5: the IPv6 addresses of the source match nothing: the destination has none; "
            "remove them, or give both ends both families"
        ),
        (
            "f:2:9: the IPv4 addresses of the destination match nothing: the source has none; "
            "remove them, or give both ends both families"
        ),
    ]
    assert [rule.selector.family for rule in parsed.rules] == [4, 6]
    assert (by_set.errors, by_set.warnings, len(by_set.rules)) == ([], [], 1)


@pytest.mark.parametrize(
    ("line", "error"),
    [
        ("App=10.0.0.1,10.0.0.300 * * * * * [1]", "1:14: '10.0.0.300' is no address"),
        ("App=* * ef,eff * * * [1]", "1:12: 'eff' is no TOS; did you mean ef?"),
        ("App=* * * * 80,99999 tcp [1]", "1:16: '99999' is no port"),
        ("App=* * * * 80,,81 tcp [1]", "1:16: the list has an empty place; write one comma between two, and no blank"),
        ("App=* * * * 80 tcp,upd [1]", "1:20: the protocol 'upd' is not known; did you mean udp?"),
        ("App=* * * * 80,* tcp [1]", "1:16: * stands in a list, and takes everything; write * alone, or the others"),
        ("App=* * * * 80, 81 tcp [1]", "1:13: '80,' ends in the middle of a list; write lists without blanks: a,b"),
        ("App=* * * * 80 tcp,icmp [1]", "1:13: the port 80 with protocol icmp, which has no ports; write *, or one of"),
        ("App=* * * * hptts tcp [1]", "1:13: 'hptts' is no port; did you mean https?"),
        ("App=10.0.0.1,10.0.0.2 ::1 * * * * [1]", "1:23: the source is IPv4, the destination IPv6; give"),
        ("app=* * * * * * [1]", "1:1: the line is no rule; did you mean App=?"),
        ("Sets=@a 10.0.0.1", "1:1: the line is no rule; did you mean Set=?"),
        ("Else=1", "1:1: the line is no rule; start it with App= or Set=, or make it a comment with #"),
    ],
)
def test_what_is_wrong_in_a_list_is_said_at_its_place(line: str, error: str) -> None:
    """One error a mistake, at the element's column."""
    (found,) = errors(line)

    assert found.startswith(error)


def _lists(*elements: str) -> st.SearchStrategy[list[str]]:
    return st.lists(st.sampled_from(elements), min_size=1, max_size=3) | st.just(["*"])


FIELDS = st.tuples(
    _lists("10.0.0.0/30", "10.0.0.6", "10.0.0.3-10.0.0.4", "::4/126", "::1"),
    _lists("10.0.0.9", "10.0.0.0/8", "::/0"),
    _lists("0", "8", "be", "0x14"),
    _lists("1-2", "4", "2-3", "0"),
    _lists("2", "3-4", "ftp", "20-21"),
    _lists("tcp", "udp", "sctp", "17"),
)


@settings(max_examples=60, deadline=None)
@given(FIELDS)
def test_a_line_of_lists_takes_what_its_single_lines_take(fields: tuple[list[str], ...]) -> None:
    """Each packet of a small world, of both families: the line means it exactly where one of the combinations does."""
    combinations = [f"App={' '.join(one)} [1] name=a" for one in product(*fields)]
    single = [rule for line in combinations for rule in parse_rules(line, "f").rules]
    whole = parse_rules(f"App={' '.join(map(','.join, fields))} [1] name=a", "f")
    assert bool(whole.errors) is not bool(single)
    classifier = compile_rules(whole.ruleset)
    for last, tos, sport, dport, protocol in product(range(0, 9, 2), (0, 8, 23), (0, 2, 4), (1, 3, 21), (6, 17, 1)):
        for source in (IPv4Address((10 << 24) + last), IPv6Address(last)):
            packet = Packet(source, type(source)(int(source) - last + 9), protocol, sport, dport, tos)
            assert (classifier.lookup(packet) is not None) is (first_match(single, packet) is not None)


@settings(max_examples=100, deadline=None)
@given(st.lists(texts(), min_size=1, max_size=4))
def test_a_line_says_the_same_wherever_it_stands(some: list[str]) -> None:
    """Files that share lines, right and wrong ones: each as if it were the first that is read."""
    wrong = "App=10.0.0.1 * * 80 * icmp [1+2 1] sticky=src name=a name=b\nApp=* * * * * [1\nApp=@no * * * * * [1]\n"
    for text in (*some, *some, wrong, f"\n{wrong}", "\n".join(some) + wrong):
        known = parse_rules(text, "f")
        ruleparsing.forget()
        assert parse_rules(text, "f") == known


def test_the_columns_of_a_set_are_not_another_sets() -> None:
    """A line with a set means what the set holds, however often it was read."""
    for address in ("10.0.0.1", "10.0.0.2", "10.0.0.1"):
        (rule,) = parse_rules(f"Set=@a {address}\nApp=@a * * * * * [1] name=a\n", "f").rules
        assert str(rule.selector.source and rule.selector.source[0]) == str(int(IPv4Address(address)))


def test_lines_that_are_known_are_so_many_at_most(monkeypatch: pytest.MonkeyPatch) -> None:
    """With more of them it is begun again; what they say stays what it was."""
    monkeypatch.setattr(ruleparsing, "KEPT", 3)
    text = "".join(f"App=* * * * {port} tcp [1] name=a # {port}\n" for port in range(1, 9))
    for _time in range(2):
        assert [str(rule.selector.destination_port) for rule in parse_rules(text, "f").rules] == [
            str((Interval(port, port),)) for port in range(1, 9)
        ]
        assert len(ruleparsing._KNOWN) <= 3
