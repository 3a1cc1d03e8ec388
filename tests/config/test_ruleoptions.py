"""Tests of the options of a line."""

from dataclasses import fields

import pytest

from linkbalancer.clock import SECOND
from linkbalancer.config.ruleoptions import NAME, NOT_DONE_YET, READERS, field_of
from linkbalancer.config.rules import parse_rules
from linkbalancer.routing.application import Application
from linkbalancer.routing.handover import Handover, Mode
from tests.config.test_rules import errors


def test_options_become_fields_of_the_application() -> None:
    """In any order, with or without a name."""
    parsed = parse_rules(
        "App=* * * * 80 tcp [1 2] good-for=30s name=web handover=keep failback=drain:2min\nApp=* * * * * * [1]\n", "f"
    )
    web, rest = parsed.applications.values()

    assert parsed.errors == []
    assert (web.handover, web.failback, web.good_for) == (
        Handover(Mode.KEEP),
        Handover(Mode.DRAIN, 120 * SECOND),
        30 * SECOND,
    )
    assert (rest.handover, rest.failback, rest.good_for) == (Handover(Mode.MOVE), None, 0)
    assert [(use.field, use.words, use.line, use.column) for use in parsed.option_uses] == [
        ("good_for", "good-for=30s", 1, 26),
        ("handover", "handover=keep", 1, 48),
        ("failback", "failback=drain:2min", 1, 62),
    ]


@pytest.mark.parametrize(
    ("option", "error"),
    [
        ("handover=kep", "30: 'kep' is no handover; did you mean keep?"),
        ("handover=x", "30: 'x' is no handover; write one of: move, keep, drain, reset (drain with a time)"),
        ("handover=", "30: '' is no handover; write one of: move, keep, drain, reset (drain with a time)"),
        ("handover=keep:60s", "30: keep takes no time; write keep, or drain:60s"),
        ("handover=move:", "30: move takes no time; write move, or drain:60s"),
        ("failback=drain", "30: drain says not how long flows may stay; write such as drain:60s"),
        ("failback=drain:60", "30: '60' is no duration; write a number and us, ms, s or min, such as 200ms or 1s"),
        ("failback=drain:1ms", "30: drain:1ms is shorter than a second; write move, or a second or more"),
        ("good-for=soon", "30: 'soon' is no duration; write a number and us, ms, s or min"),
        ("sticky=srcc", "28: 'srcc' is nothing that a step keeps together; did you mean src?"),
        ("sticky=x", "28: 'x' is nothing that a step keeps together; write one of: flow, src, src-dst"),
        ("handover=keep handover=keep", "35: the option handover is given twice; give it once"),
        ("name=a name=b", "28: the option name is given twice; give it once"),
        ("hand-over=keep", "21: the option 'hand-over' is not known; did you mean handover?"),
        ("goodfor=1s", "21: the option 'goodfor' is not known; did you mean good-for?"),
        ("keep", "21: 'keep' is no option; write option=value, or # before a comment"),
        ("x=1", "21: the option 'x' is not known; use one of: name, handover, failback, good-for, sla, sticky"),
    ],
)
def test_what_is_wrong_with_an_option_is_said_at_its_place(option: str, error: str) -> None:
    """One error a mistake; at the value where it is the value."""
    (found,) = errors(f"App=* * * * * * [1] {option}")

    assert found.startswith(f"1:{error}")


def test_every_option_but_the_name_is_a_field_of_an_application() -> None:
    """A reader without a field would read what nothing remembers; a field without a reader could never be set."""
    options = {one.name for one in fields(Application)} - {"name", "steps"}

    assert {field_of(key) for key in READERS} == options
    assert options >= NOT_DONE_YET
    assert NAME not in READERS
