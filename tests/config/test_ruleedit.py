"""Edits of rule files: what they do, and that they do nothing else."""

from collections import Counter

import pytest
from hypothesis import assume, given
from hypothesis import strategies as st

from linkbalancer.config.ruleedit import After, Before, End, Place, Top, add, aligned, disable, enable, move, remove
from linkbalancer.config.rulelines import RuleLine, rule_lines, split_lines
from tests.config.rulefiles import FILE, rules, texts

NEW = "App=* * * * 22 tcp [1 2] name=ssh"


def told(text: str) -> list[tuple[object, ...]]:
    """Return what a file says, without where and how it says it."""
    return [facts(line) for line in rule_lines(text)]


def facts(line: RuleLine) -> tuple[object, ...]:
    """Return what one line says."""
    selector = [rule.selector for rule in line.rules]
    return (line.enabled, line.application, selector, line.vids, line.comment)


def untouched(before: str, after: str, gone: int | None, new: int | None) -> None:
    """Fail unless all other lines are the same, byte for byte and in order."""
    assert before.startswith("\ufeff") == after.startswith("\ufeff")
    old, changed = split_lines(before.removeprefix("\ufeff")), split_lines(after.removeprefix("\ufeff"))
    if gone is not None:
        del old[gone - 1]
    if new is not None:
        del changed[new - 1]
    assert [line.text for line in old] == [line.text for line in changed]
    # How the last line ends belongs to the file, not to the line.
    assert [line.ending for line in old[:-1]] == [line.ending for line in changed[:-1]]
    assert before.endswith(("\n", "\r")) == after.endswith(("\n", "\r")) or not (old and changed and old[-1].text)


@pytest.mark.parametrize(
    ("place", "number"), [(Top(), 4), (End(), 10), (Before(5), 5), (After(5), 6), (After(10), 11), (Before(1), 1)]
)
def test_a_rule_is_added_where_it_is_wanted(place: Place, number: int) -> None:
    """The columns are those of the rule beside it; the top is below the heading, the end above the closing comment."""
    edited = add(FILE, NEW, place)

    assert edited.number == number
    assert edited.text.split("\n")[number - 1].startswith("App= *       *   *  *  22   tcp  [1 2]  name=ssh")
    untouched(FILE, edited.text, None, number)


@pytest.mark.thorough
@given(texts(), rules(), st.data())
def test_adding_then_removing_changes_nothing(text: str, rule: str, data: st.DataObject) -> None:
    """What was added says what was given, nothing else changed, and without it the file is what it was."""
    count = len(split_lines(text.removeprefix("\ufeff")))
    places: list[Place] = [Top(), End(), *map(Before, range(1, count + 1)), *map(After, range(1, count + 1))]
    place = data.draw(st.sampled_from(places))

    edited = add(text, rule, place)

    (new,) = (line for line in rule_lines(edited.text) if line.number == edited.number)
    untouched(text, edited.text, None, edited.number)
    (given_line,) = rule_lines(rule)
    assert facts(new) == facts(given_line)
    if text.removeprefix("\ufeff"):
        assert remove(edited.text, edited.number).text == text


@given(texts(), st.data())
def test_removing_takes_one_line(text: str, data: st.DataObject) -> None:
    """The other rules are those that were."""
    lines = rule_lines(text)
    assume(lines)
    line = data.draw(st.sampled_from(lines))

    edited = remove(text, line.number)

    untouched(text, edited.text, line.number, None)
    expected = told(text)
    del expected[lines.index(line)]
    assert told(edited.text) == expected


@given(texts(), st.data())
def test_moving_keeps_every_line(text: str, data: st.DataObject) -> None:
    """The line stands where it is wanted, and all others in their order."""
    lines = rule_lines(text)
    assume(lines)
    line = data.draw(st.sampled_from(lines))
    target = data.draw(st.integers(1, len(split_lines(text.removeprefix("\ufeff")))))
    places: list[Place] = [Top(), End(), Before(target), After(target)]
    place = data.draw(st.sampled_from(places))

    edited = move(text, line.number, place)

    assert Counter(map(str, told(text))) == Counter(map(str, told(edited.text)))
    untouched(text, edited.text, line.number, edited.number)
    (moved,) = (one for one in rule_lines(edited.text) if one.number == edited.number)
    assert facts(moved) == facts(line)
    if isinstance(place, Before) and target != line.number:
        assert edited.number == target - (line.number < target)


def test_moving_changes_the_order() -> None:
    """A rule goes up, down, to the top and to the end; one that is there already stays."""
    for number, place, order in (
        (9, Before(4), ["rest", "web", "voip", "mail", "web"]),
        (4, After(5), ["voip", "web", "mail", "web", "rest"]),
        (8, Top(), ["web", "web", "voip", "mail", "rest"]),
        (4, End(), ["voip", "mail", "web", "rest", "web"]),
        (4, After(4), ["web", "voip", "mail", "web", "rest"]),
        (5, After(4), ["web", "voip", "mail", "web", "rest"]),
    ):
        edited = move(FILE, number, place)
        assert [line.application for line in rule_lines(edited.text) if line.is_rule] == order


@given(texts(), st.data())
def test_disabling_then_enabling_changes_nothing(text: str, data: st.DataObject) -> None:
    """A disabled rule is known as that, says the same, and comes back byte for byte."""
    lines = [line for line in rule_lines(text) if line.enabled]
    assume(lines)
    line = data.draw(st.sampled_from(lines))

    off = disable(text, line.number)

    untouched(text, off.text, line.number, line.number)
    (found,) = (one for one in rule_lines(off.text) if one.number == line.number)
    assert not found.enabled
    assert (found.rules, found.identity, found.text) == (line.rules, line.identity, line.text)
    assert enable(off.text, line.number).text == text


def test_a_rule_disabled_by_hand_is_enabled_too() -> None:
    """The first `#` goes, whatever blanks are around it."""
    assert enable("  # App=* * * * 1 tcp [1]\n", 1).text == "   App=* * * * 1 tcp [1]\n"


def test_line_endings_are_those_of_the_file() -> None:
    """A new line ends as most others do, and a file that does not end its last line goes on not to."""
    assert add("App=* * * * 1 tcp [1]\r\n", NEW, End()).text.endswith("name=ssh\r\n")
    assert add("# a\r\n# b", NEW, End()).text == f"# a\r\n# b\r\n{NEW}"
    assert add("", NEW, Top()).text == f"{NEW}\n"
    assert remove(NEW, 1).text == ""
    assert add("\ufeff# a\n", NEW, Before(1)).text == f"\ufeff{NEW}\n# a\n"


@pytest.mark.parametrize(
    ("rule", "like", "line"),
    [
        ("App=* * 1 * 22 tcp [1] # why", "App=*    *  *", "App=*    *  1 * 22 tcp [1] # why"),
        ("App=* * * * 22 tcp [1]", "App= *  *  *  *  *  *  [1]", "App= *  *  *  *  22 tcp [1]"),
        ("App= * * * * 22 tcp [1]", "  App=*  *  *  *  80  *  [1]", "  App=*  *  *  *  22  tcp [1]"),
        ("App=10.0.0.0/8 * * * 1 * [1]", "App=* * * * *    *  [1 2]", "App=10.0.0.0/8 * * * 1 * [1]"),
    ],
)
def test_columns_are_kept_where_they_fit(rule: str, like: str, line: str) -> None:
    """A word that is too long moves what follows, and one blank at least stays between words."""
    assert aligned(rule, like) == line
