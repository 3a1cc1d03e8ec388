"""Tests of what a rule line says about balancing."""

import pytest

from linkbalancer.config.balancing import too_light
from linkbalancer.config.rules import parse_rules
from linkbalancer.routing.application import Member
from linkbalancer.routing.sticky import Sticky


@pytest.mark.parametrize("sticky", list(Sticky))
def test_a_line_says_what_its_balanced_steps_keep_together(sticky: Sticky) -> None:
    """Flows, where nothing is said; that is not written."""
    parsed = parse_rules(f"App=* * * * * * [1+2] name=web sticky={sticky}\nApp=* * * * 80 tcp [1+2]\n", "f")
    web, other = parsed.applications.values()
    assert (parsed.errors, web.sticky, other.sticky) == ([], sticky, Sticky.FLOW)
    assert web.words == ("[1+2]" if sticky is Sticky.FLOW else f"[1+2] sticky={sticky}")


def test_nothing_to_keep_together_is_hardly_meant() -> None:
    """Where every step is one VID, the option is idle; the warning stands at it."""
    parsed = parse_rules(
        "App=* * * * * * [1 2] name=web sticky=src\nApp=* * * * 80 tcp [3 1+2] sticky=src name=a\n", "f"
    )
    assert [str(one) for one in parsed.warnings] == [
        "f:1:32: the option sticky says nothing: no step has several VIDs; balance a step, such as 1+2, or remove it"
    ]


def test_a_share_of_less_than_half_a_slot_is_hardly_meant() -> None:
    """Rounding may leave nothing of it."""
    heavy = "+".join(f"{vid}*255" for vid in range(2, 11))
    (warning,) = parse_rules(f"App=* * * * * * [1+{heavy}] name=web\n", "f").warnings
    assert str(warning) == (
        "f:1:18: the weight 1 of VID 1 is less than half of a 1024th of the step's 2296; "
        "no flow may ever take it: give it more, or leave it out"
    )
    assert list(too_light((Member(1), Member(2, 255), Member(3, 255)))) == []


def test_a_step_balances_so_many_vids_at_most() -> None:
    """The kernel's name for it would be too long."""
    (error,) = parse_rules(f"App=* * * * * * [{'+'.join(map(str, range(1, 26)))}]\n", "f").errors
    assert str(error) == "f:1:18: the step balances 25 VIDs; balance 24 at most, the others in a next step"
