"""Where applications belong in the kernel's map."""

from linkbalancer.daemon.homes import Homes
from tests.config.texts import loaded

RULES = "App=* * * * 443 tcp [2 1] name=web\nApp=* * * * * * [1 2] name=rest\n"
IDS = {"web": 2, "rest": 3}


def homes(places: dict[str, int]) -> Homes:
    """Return them, for applications that were last at these places."""
    return Homes(loaded(rules=RULES).rules.applications, IDS, places)


def test_who_has_no_element_gets_one() -> None:
    """Where its process sent it last, else to its first VID; who has one keeps it."""
    assert homes({}).missing({}) == {2: 2, 3: 1}
    assert homes({"web": 1}).missing({}) == {2: 1, 3: 1}
    assert homes({}).missing({2: 1}) == {3: 1}


def test_who_was_sent_elsewhere_is_astray() -> None:
    """By what its process said; of whom nothing was said yet, nothing is known. The default one is main's."""
    assert homes({}).astray({1: None, 2: 1, 3: 2}) == {}
    assert homes({"web": 2, "gone": 1}).astray({1: None, 2: 1, 3: 2}) == {2: 2}
    assert homes({"web": 2, "rest": 1}).astray({1: 2, 2: 2}) == {1: None, 3: 1}


def test_an_emptied_map_is_filled_and_a_whole_one_left() -> None:
    """What is there has the last word: its process put it there."""
    assert homes({"web": 1}).everywhere({}) == {1: None, 2: 1, 3: 1}
    assert homes({"web": 1}).everywhere({1: None, 2: 2, 9: 7}) == {1: None, 2: 2, 3: 1, 9: 7}


def test_the_best_is_the_first_that_works() -> None:
    """Where none does, the first one; an application that is not configured has none."""
    assert homes({}).best({1}) == {2: 1, 3: 1}
    assert homes({}).best({1, 2}) == {2: 2, 3: 1}
    assert homes({}).best(()) == {2: 2, 3: 1}
    assert Homes({}, {"gone": 7}, {}).best({1}) == {7: None}
