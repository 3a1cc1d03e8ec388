"""Rules as a person names them: which lines are rules, what each is called, and which one a name means."""

import pytest
from hypothesis import given

from linkbalancer.config.findings import FieldError
from linkbalancer.config.rulelines import (
    NameRefusedError,
    find,
    rule_line,
    rule_lines,
    shadowing,
    split_lines,
    written,
)
from linkbalancer.config.rules import parse_rules
from tests.config.rulefiles import FILE, texts


def test_rules_in_use_and_disabled_ones_are_found() -> None:
    """A commented-out rule is known by what it says; prose that begins like a rule is none."""
    lines = [line for line in rule_lines(FILE) if line.is_rule]

    assert [(line.number, line.application, line.enabled) for line in lines] == [
        (4, "web", True),
        (5, "voip", True),
        (7, "mail", False),
        (8, "web", True),
        (9, "rest", True),
    ]
    assert lines[0].fields == ("*", "*", "*", "*", "443", "tcp")
    assert (lines[0].vids, lines[0].comment) == ("[2 1]", "browsers")


@given(texts())
def test_splitting_loses_nothing(text: str) -> None:
    """The parts joined are the text; the rules in use are those that the daemon reads."""
    body = text.removeprefix("\ufeff")

    assert "".join(line.text + line.ending for line in split_lines(body)) == body
    known = {line.number: line.rules for line in rule_lines(text) if line.enabled}
    for rule in parse_rules(body.replace("\r\n", "\n").replace("\r", "\n"), "apps.conf").rules:
        assert rule in known[rule.line]


def test_the_identity_is_of_the_words() -> None:
    """Blanks, the comment, and whether it is in use do not change it; another word does."""
    one, same, other = (
        rule_line(1, "App=* * * * 80 tcp [1 2] name=a"),
        rule_line(9, "#  App = *\t* * * 80 tcp  [ 1 2 ]name=a  # why"),
        rule_line(1, "App=* * * * 81 tcp [1 2] name=a"),
    )
    assert one is not None
    assert same is not None
    assert other is not None
    assert one.identity == same.identity != other.identity
    assert str(same) == f"line 9 {one.identity} (disabled): App = * * * * 80 tcp [ 1 2 ]name=a"


def test_a_rule_is_found_by_number_application_and_identity() -> None:
    """Each way of naming leads to the one rule; a disabled one goes by its number, name and identity too."""
    lines = rule_lines(FILE)
    voip = find(lines, "5")

    assert voip.application == "voip"
    assert find(lines, "voip") == voip == find(lines, voip.identity) == find(lines, voip.identity[:5])
    assert find(lines, "mail").number == 7
    assert find(lines, "mail", enabled=False).number == 7
    assert find(lines, "2", enabled=False).rules == ()


@pytest.mark.parametrize(
    ("name", "enabled", "what", "remedy", "candidates"),
    [
        ("web", None, "web means 2 rules", "name one by its line's number", [4, 8]),
        ("3", None, "line 3 is no rule", "see `linkbalancer rules list`", []),
        ("wep", None, "no rule is called wep", "did you mean web?", []),
        ("@", None, "no rule is called @", "use one of: web, voip, mail, rest", []),
        ("mail", True, "mail is disabled already", "there is nothing to do", []),
        ("rest", False, "rest is in use already", "there is nothing to do", []),
    ],
)
def test_a_name_that_does_not_mean_one_rule_is_refused(
    name: str, *, enabled: bool | None, what: str, remedy: str, candidates: list[int]
) -> None:
    """The refusal says what there is instead."""
    with pytest.raises(NameRefusedError) as caught:
        find(rule_lines(FILE), name, enabled=enabled)

    assert (caught.value.what, caught.value.remedy) == (what, remedy)
    assert [line.number for line in caught.value.candidates] == candidates


def test_a_number_may_be_an_application_too() -> None:
    """An application named as a line's number makes the name ambiguous, and a line without a rule does not."""
    lines = rule_lines("App=* * * * 1 tcp [1] name=2\nApp=* * * * 2 tcp [1] name=7\n")

    with pytest.raises(NameRefusedError, match="2 means 2 rules"):
        find(lines, "2")
    assert find(lines, "7").number == 2


@pytest.mark.parametrize(
    ("given_text", "line"),
    [("* * * * 22 tcp [1]", "App=* * * * 22 tcp [1]"), (" App = * * * * 22 tcp [1] ", "App = * * * * 22 tcp [1]")],
)
def test_a_rule_may_be_given_without_its_start(given_text: str, line: str) -> None:
    """`App=` need not be typed."""
    assert written(given_text) == line


@pytest.mark.parametrize(
    ("text", "message"),
    [
        ("* * * * 22 tcp", r"names no VIDs.*; quote it"),
        ("* * * 9-8 x tcp [1]", r"column 11: the range 9-8 runs backwards.*column 15: 'x' is no port"),
        ("* * * * * * [1]\n* * * * * * [1]", "a rule is one line"),
        ("# nothing", "is no rule"),
    ],
)
def test_what_is_no_rule_is_not_added(text: str, message: str) -> None:
    """Every error is said, and the shell's part in it."""
    with pytest.raises(FieldError, match=message):
        written(text)


def test_a_rule_without_packets_is_noticed() -> None:
    """A rule behind one that takes all its packets, and those that a rule takes all packets from, are found."""
    text = (
        "App=10.0.0.0/8 * * * * tcp [1] name=ten\n"
        "#App=* * * * * * [1]\n"
        "App=* * * * bad tcp [1]\n"
        "App=10.1.0.0/16 * * * 80 tcp [1] name=in-ten\n"
        "App=* * * * * * [1] name=all\n"
        "App=* * * * bad tcp [1]\n"
        "App=* * * * 80 tcp [1] name=late\n"
    )
    lines = rule_lines(text)

    def covered(number: int) -> int | None:
        by = shadowing(lines, number)
        return None if by is None else by.number

    assert [covered(number) for number in range(1, 8)] == [None, None, None, 1, None, None, 5]
