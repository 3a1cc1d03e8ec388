"""Tests of what the lines of a rule file make together."""

from linkbalancer.config.addresssets import Sets
from linkbalancer.config.reading import Word
from linkbalancer.config.rulefile import OTHER_LINE, Options, Reading, RuleFile, told
from linkbalancer.routing.application import Member, Step
from linkbalancer.routing.handover import Handover, Mode
from linkbalancer.routing.selector import Selector

ONE, TWO = ((Member(1),),), ((Member(2),),)
ALL = Options(Word("all", 30))


def line(column: int, selectors: list[Selector], steps: tuple[Step, ...], options: Options) -> Reading:
    """Return what a line says that is a rule."""
    return Reading(told(column, selectors, steps, options))


def test_a_line_of_both_families_is_two_rules_of_one_application() -> None:
    """Both have its number, and it counts as one line."""
    file = RuleFile("f", Sets("f", str))
    file.take(7, line(1, [Selector(family=4), Selector(family=6)], ONE, ALL))

    assert [(rule.line, rule.application) for rule in file.ruleset.rules] == [(7, "all"), (7, "all")]
    assert (list(file.ruleset.applications), file.columns, file.first_line("all")) == (["all"], {7: 1}, 7)


def test_lines_of_one_name_with_other_vids_contradict() -> None:
    """The error is at the name where there is one, else at the line, and names the first line."""
    file = RuleFile("f", Sets("f", str))
    file.take(1, line(1, [Selector()], ONE, ALL))
    file.take(2, line(1, [Selector(family=4)], TWO, Options(Word("all", 31))))
    file.take(3, line(3, [Selector(family=6)], ONE, Options()))
    file.take(4, line(3, [Selector(family=6)], TWO, Options()))

    assert [(one.line, one.column, OTHER_LINE in one.what) for one in file.errors] == [(2, 31, True), (4, 3, True)]
    assert [rule.line for rule in file.rules] == [1, 3]


def test_lines_of_one_name_with_other_options_contradict() -> None:
    """An option on one of them alone is one of the application that its other lines do not have."""
    file = RuleFile("f", Sets("f", str))
    file.take(1, line(1, [Selector()], ONE, Options(Word("all", 30), {"handover": Handover(Mode.KEEP)})))
    file.take(2, line(1, [Selector(family=4)], ONE, ALL))
    file.take(3, line(1, [Selector(family=6)], ONE, Options(Word("all", 9), {"handover": Handover(Mode.KEEP)})))

    assert [str(one) for one in file.errors] == [
        (
            "f:2:30: the application all has other options than on line 1: [1] handover=keep; "
            "give all its lines one set of options, or another name"
        )
    ]
    assert file.applications["all"].handover == Handover(Mode.KEEP)
    assert [rule.line for rule in file.rules] == [1, 3]
