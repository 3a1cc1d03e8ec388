"""Where applications belong in the kernel's map."""

from linkbalancer.daemon.homes import Homes
from linkbalancer.routing.application import Member
from linkbalancer.routing.balance import Aim, Pool
from linkbalancer.routing.handover import Form
from linkbalancer.routing.sticky import Sticky
from tests.config.texts import loaded

RULES = "App=* * * * 443 tcp [2 1] name=web\nApp=* * * * * * [1 2] name=rest\n"
IDS = {"web": 2, "rest": 3}


def homes(places: dict[str, int]) -> Homes:
    """Return them, for applications that were last at these places."""
    return Homes(loaded(rules=RULES).rules.applications, IDS, places)


def test_who_has_no_element_gets_one() -> None:
    """Where its process sent it last, else to its first VID; who has one keeps it."""
    assert homes({}).missing({}) == {2: Aim(2), 3: Aim(1)}
    assert homes({"web": 1}).missing({}) == {2: Aim(1), 3: Aim(1)}
    assert homes({}).missing({2: Aim(1)}) == {3: Aim(1)}


def test_who_was_sent_elsewhere_is_astray() -> None:
    """By what its process said; of whom nothing was said yet, nothing is known. The default one is main's."""
    assert homes({}).astray({1: None, 2: Aim(1), 3: Aim(2)}) == {}
    assert homes({"web": 2, "gone": 1}).astray({1: None, 2: Aim(1), 3: Aim(2)}) == {2: Aim(2)}
    assert homes({"web": 2, "rest": 1}).astray({1: Aim(2), 2: Aim(2)}) == {1: None, 3: Aim(1)}


def test_an_emptied_map_is_filled_and_a_whole_one_left() -> None:
    """What is there has the last word: its process put it there."""
    assert homes({"web": 1}).everywhere({}) == {1: None, 2: Aim(1), 3: Aim(1)}
    assert homes({"web": 1}).everywhere({1: None, 2: Aim(2), 9: Aim(7)}) == {1: None, 2: Aim(2), 3: Aim(1), 9: Aim(7)}


def test_the_best_is_the_first_that_works() -> None:
    """Where none does, the first one; an application that is not configured has none."""
    assert homes({}).best({1}) == {2: Aim(1), 3: Aim(1)}
    assert homes({}).best({1, 2}) == {2: Aim(2), 3: Aim(1)}
    assert homes({}).best(()) == {2: Aim(2), 3: Aim(1)}
    assert Homes({}, {"gone": 7}, {}).best({1}) == {7: None}


def test_a_balanced_step_is_the_home_whichever_of_its_vids_was_told() -> None:
    """A process tells one VID of it: the first that worked."""
    pool = Aim(Pool((Member(1, 3), Member(2)), Sticky.PAIR))
    rules = "App=* * * * * * [1*3+2] name=web sticky=src-dst\n"
    for places in ({}, {"web": 1}, {"web": 2}):
        home = Homes(loaded(rules=rules).rules.applications, {"web": 2}, places)
        assert home.missing({}) == {2: pool}
        assert home.best({2}) == home.best(()) == {2: pool}
    assert home.astray({1: None, 2: pool}) == {}
    assert home.astray({1: None, 2: Aim(2)}) == {2: pool}


def test_in_which_form_an_application_is_pointed_is_its_manner() -> None:
    """Of one that keeps its flows, whoever sends it somewhere lets them stay; the form itself is its process's."""
    keeps = loaded(rules=RULES.replace("name=web", "name=web handover=keep")).rules.applications
    some = Homes(keeps, IDS, {"web": 1})

    assert some.missing({}) == {2: Aim(1, Form.KEEP), 3: Aim(1)}
    assert some.astray({1: None, 2: Aim(1)}) == {}
    assert some.best({2}) == {2: Aim(2, Form.KEEP), 3: Aim(2)}
