"""Tests of what the lines of a rule file make together."""

from linkbalancer.config.addresssets import Sets
from linkbalancer.config.reading import Word
from linkbalancer.config.rulefile import OTHER_VIDS, RuleFile
from linkbalancer.routing.application import Member
from linkbalancer.routing.selector import Selector

ONE, TWO = ((Member(1),),), ((Member(2),),)


def test_a_line_of_both_families_is_two_rules_of_one_application() -> None:
    """Both have its number, and it counts as one line."""
    file = RuleFile("f", Sets("f", str))
    file.add(Word("App=", 1), 7, [Selector(family=4), Selector(family=6)], ONE, Word("all", 30))

    assert [(rule.line, rule.application) for rule in file.ruleset.rules] == [(7, "all"), (7, "all")]
    assert (list(file.ruleset.applications), file.columns, file.first_line("all")) == (["all"], {7: 1}, 7)


def test_lines_of_one_name_with_other_vids_contradict() -> None:
    """The error is at the name where there is one, else at the line, and names the first line."""
    file = RuleFile("f", Sets("f", str))
    file.add(Word("", 1), 1, [Selector()], ONE, Word("all", 30))
    file.add(Word("", 1), 2, [Selector(family=4)], TWO, Word("all", 31))
    file.add(Word("", 3), 3, [Selector(family=6)], ONE, None)
    file.add(Word("", 3), 4, [Selector(family=6)], TWO, None)

    assert [(one.line, one.column, OTHER_VIDS in one.what) for one in file.errors] == [(2, 31, True), (4, 3, True)]
    assert [rule.line for rule in file.rules] == [1, 3]
