"""Tests of what is told of changed weights."""

from linkbalancer.config.difference import Side, difference
from tests.config.texts import CONFIG, changed, loaded

LINK = ("l1.key}", "l1.key, weight: {function: cost, cost: {price: 2, schedule: [{price: 1, hours: 22:00-06:00}]}}}")
GROUP = ("priority: 150,", "priority: 150, weight: {spread: even, hysteresis: 2.5, damping: {active: false}},")


def lines(was: str, will: str) -> list[str]:
    """Return what `plan` would print."""
    return difference(Side(loaded(was)), Side(loaded(will))).lines()


def test_every_key_is_told_with_what_it_does() -> None:
    """At a link and at a group."""
    assert lines(CONFIG, changed(LINK, GROUP)) == [
        "link l1: weight function not said -> cost; it is weighed anew at once, and the far end's priority follows",
        "link l1: weight cost price not said -> 2; it is weighed anew at once, and the far end's priority follows",
        (
            "link l1: weight cost schedule not said -> [{price: 1, hours: 22:00-06:00}]; it is weighed anew at once, "
            "and the far end's priority follows"
        ),
        "VID 1: weight hysteresis not said -> 2.5; nothing moves now",
        "VID 1: weight spread not said -> even; the far end's priority follows at once",
        "VID 1: weight damping active not said -> false; it is for the next flap",
    ]


def test_a_key_that_is_gone_is_told_too() -> None:
    """And what did not change is not."""
    other = (LINK[0], LINK[1].replace("price: 2", "price: 3"))

    assert lines(changed(LINK, GROUP), changed(other, GROUP)) == [
        "link l1: weight cost price 2 -> 3; it is weighed anew at once, and the far end's priority follows"
    ]
    assert (
        lines(changed(LINK, GROUP), changed(LINK))[0] == "VID 1: weight hysteresis 2.5 -> not said; nothing moves now"
    )
    assert lines(changed(LINK), changed(LINK)) == []


def test_a_mapping_is_told_in_its_own_words() -> None:
    """Its steps as pairs."""
    steps = (
        "priority: 150,",
        "priority: 150, weight: {function: loss, mapping: {kind: steps, steps: {0: 10, 50: 90}}},",
    )

    assert lines(CONFIG, changed(steps))[1:] == [
        "VID 1: weight mapping kind not said -> steps; the far end's priority follows at once",
        "VID 1: weight mapping steps not said -> [[0, 10], [50, 90]]; the far end's priority follows at once",
    ]
