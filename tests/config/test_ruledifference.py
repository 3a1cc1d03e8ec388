"""Tests of the difference between two rule files."""

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from linkbalancer.config import ruledifference, ruleparsing
from linkbalancer.config.changes import Kind
from linkbalancer.config.ruledifference import changes
from tests.config.texts import loaded

WEB = "App=* * * * 443 tcp [2 1] name=web"
DNS = "App=* * * * 53 udp [1] name=dns"
REST = "App=* * * * * * [1 2] name=rest"


def lines(old: list[str], new: list[str]) -> list[str]:
    """Return what changes between the lines of two files."""
    was, will = "\n".join(old), "\n".join(new)
    return [str(change) for change in changes(loaded(rules=was), was, loaded(rules=will), will)]


def test_a_new_line_and_a_gone_one() -> None:
    """With its place and what it says, without comment and layout."""
    assert lines([WEB, REST], ["# a comment", WEB, f"  {DNS}   # names", REST]) == [f"rule apps.conf:3 new: {DNS}"]
    assert lines([WEB, DNS, REST], [WEB, REST]) == [f"rule apps.conf:2 gone: {DNS}"]


def test_a_moved_line() -> None:
    """It is no new one."""
    assert lines([WEB, DNS, REST], [DNS, WEB, REST]) == [f"rule apps.conf:1 moved: from line 2: {DNS}"]


def test_another_application() -> None:
    """The same packets, another name."""
    other = WEB.replace("name=web", "name=www")
    assert lines([WEB, REST], [other, REST]) == [f"rule apps.conf:1: application web -> www: {other}"]


def test_a_selector_twice() -> None:
    """Only one of two new lines replaces the one that is gone."""
    one, other = (WEB.replace("name=web", f"name={name}") for name in ("a", "b"))
    assert lines([WEB, REST], [one, other, REST]) == [
        f"rule apps.conf:1: application web -> a: {one}",
        f"rule apps.conf:2 new: {other}",
    ]


def test_comments_alone() -> None:
    """Say nothing."""
    assert lines([WEB, REST], ["# one", WEB, "", REST, "# two"]) == []


def test_a_long_line_is_cut() -> None:
    """And one whose text is not at hand is written by what it means."""
    long = f"App=* * * * 53 udp [1] {' ' * 300} name=dns-of-the-whole-company-and-of-everybody-else-who-is-there-too"
    text = lines([REST], [long, REST])[0]
    assert text.startswith("rule apps.conf:1 new: App=* * * * 53 udp [1] name=dns-of")
    very = REST.replace("name=rest", "name=" + "r" * 30)
    wide = very.replace("* * *", "2001:db8:1111:2222:3333:4444:5555:6666-2001:db8:1111:2222:3333:4444:5555:7777 * *", 1)
    assert lines([REST], [wide, REST])[0].endswith("...")
    was, will = loaded(rules=REST), loaded(rules=f"{DNS}\n{REST}")
    assert [str(change) for change in changes(was, REST, will, REST)] == [f"rule apps.conf:1 new: {REST}"]
    late = loaded(rules=f"# names\n{DNS}\n{REST}")
    assert next(changes(was, REST, late, "")).what == DNS


def test_the_fewest_rules_are_said_to_have_moved() -> None:
    """One that goes from top to bottom of many, and all of them in another order: each is named once, at once."""
    many = [f"App=10.{number // 250}.{number % 250}.0/24 * * * * * [1] name=one" for number in range(3000)]
    assert lines(many, [*many[1:], many[0]]) == [f"rule apps.conf:3000 moved: from line 1: {many[0]}"]
    assert len(lines(many, many[::-1])) == len(many) - 1


def test_a_rule_that_is_there_twice() -> None:
    """Is a first and a second one."""
    assert lines([DNS, DNS, REST], [DNS, REST]) == [f"rule apps.conf:2 gone: {DNS}"]
    assert len(lines([DNS, DNS, REST], [REST])) == 2
    assert lines([REST], []) == [f"rule apps.conf:1 gone: {REST}"]


BRANCH = "App=@branch * * * * * [1] name=branch"


def test_a_set_that_changes_is_one_change() -> None:
    """However many lines use it; what comes and what goes is said, and a line that moves meanwhile has just moved."""
    one, two = "Set=@branch 10.1.0.0/16,10.2.0.0-10.2.0.9", "Set=@branch 10.1.0.0/16,2001:db8::/32"
    assert lines([one, BRANCH, WEB], [two, BRANCH, WEB]) == [
        "set @branch: with 2001:db8::/32, without 10.2.0.0-10.2.0.9",
    ]
    assert lines([one, BRANCH, WEB], [two, WEB, BRANCH])[1:] == [f"rule apps.conf:2 moved: from line 3: {WEB}"]


def test_sets_that_come_and_go() -> None:
    """With what they hold, the first few ranges of it."""
    many = "Set=@branch " + ",".join(f"10.{number}.0.1" for number in range(10))
    shown = ", ".join(f"10.{number}.0.1" for number in range(8))

    assert lines([REST], [many, BRANCH, REST]) == [
        f"set @branch new: {shown} and 2 more",
        f"rule apps.conf:2 new: {BRANCH}",
    ]
    assert lines([many, BRANCH, REST], [many, REST, BRANCH]) == [f"rule apps.conf:2 moved: from line 3: {REST}"]
    assert lines([many, BRANCH, REST], [REST])[0] == f"set @branch gone: {shown} and 2 more"


def test_a_line_of_both_families_is_one_line() -> None:
    """New, and with an address more, which makes it another rule; written by what it means where its text is not."""
    both, more = (f"App=10.0.0.0/8,{six} * * * 443 tcp [1] name=web" for six in ("::1", "::1,::5"))

    assert lines([REST], [both, REST]) == [f"rule apps.conf:1 new: {both}"]
    assert sorted(lines([both, REST], [more, REST])) == [
        f"rule apps.conf:1 gone: {both}",
        f"rule apps.conf:1 new: {more}",
    ]
    assert next(changes(loaded(rules=REST), REST, loaded(rules=f"# x\n{both}\n{REST}"), "")).what == both
    assert lines([both], ["App=10.0.0.0/8 * * * 443 tcp [1] name=web", "App=::1 * * * 443 tcp [1] name=web"]) != []


BOTH = "App=10.0.0.1,2001:db8::1 * * * * * [1] name=both"
SIX = "App=2001:db8::1 * * * * * [1] name=both"


ANY = st.lists(st.sampled_from([WEB, DNS, REST, BOTH, SIX, f"{WEB}2", f"{DNS}2"]), max_size=7)


@pytest.mark.parametrize("known", [True, False])
@settings(max_examples=60, deadline=None)
@given(files=st.lists(ANY, min_size=2, max_size=2))
def test_what_is_the_same_at_both_ends_is_left_out(files: list[list[str]], *, known: bool) -> None:
    """What is said is what a comparison of all says; where a line is there twice, never more of it."""
    was, will = map("\n".join, files)
    old = loaded(rules=was)
    if not known:
        ruleparsing.forget()
    new = loaded(rules=will)
    found = list(changes(old, was, new, will))
    with pytest.MonkeyPatch.context() as patch:
        patch.setattr(ruledifference, "_common", lambda _was, _will: (0, 0))
        whole = list(changes(old, was, new, will))
    kinds = [one.kind for one in found]
    assert kinds.count(Kind.NEW) - kinds.count(Kind.GONE) == len(files[1]) - len(files[0])
    assert len(found) <= len(whole)
    if all(len(set(one)) == len(one) for one in files):
        assert found == whole
