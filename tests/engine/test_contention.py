"""How soon what others took away is put back, and when that is called a fight."""

from linkbalancer.clock import MILLISECOND, SECOND
from linkbalancer.engine import contention
from linkbalancer.engine.contention import BREATH, CALM, FREE, PACE, THINGS_MAX, WINDOW, Contention

RULE, ROUTE, WHO = "the rule priority 21", "the route to 10.1.0.2", "networkd (pid 312)"


def fighting(some: Contention, every: int = 100 * MILLISECOND) -> int:
    """Have the rule taken away until it is a fight; return when that was."""
    now = 0
    for _ in range(FREE):
        due, fight = some.touched(now, RULE, WHO)
        assert (due, fight) == (now, None)
        some.looked(now)
        now += every
    due, fight = some.touched(now, RULE, WHO)
    assert fight is not None
    assert due == now + PACE
    return now


def test_what_is_taken_away_once_is_looked_for_at_once() -> None:
    """The first time, and a second time a while later."""
    some = Contention()
    assert some.touched(7, RULE, WHO) == (7, None)
    some.looked(8)
    assert some.touched(3 * SECOND, RULE, WHO) == (3 * SECOND, None)
    assert some.fights() == []


def test_a_storm_is_mended_in_waves() -> None:
    """A thousand different things within a breath are one look, or two."""
    some = Contention()
    some.looked(0)
    dues = {some.touched(number, f"route {number}", WHO)[0] for number in range(1000)}
    assert dues == {BREATH}


def test_the_same_thing_again_and_again_is_a_fight() -> None:
    """It is said once, with who and what; put back at a pace; another thing is put back at once all the while."""
    some = Contention()
    now = fighting(some)
    (fight,) = some.fights()
    assert (fight.what, fight.by, fight.since, fight.count) == (RULE, WHO, 0, FREE + 1)
    assert fight.sentence(now).startswith(f"{WHO} takes away {RULE} again and again (6 times in 500 ms)")
    some.looked(now + PACE)
    later = now + PACE + MILLISECOND
    assert some.touched(later, RULE, "ip (pid 7)") == (now + 2 * PACE, None)
    assert some.touched(later + BREATH, ROUTE, WHO) == (later + BREATH, None)
    assert [one.by for one in some.fights()] == ["ip (pid 7)"]


def test_a_fight_before_anything_was_looked_at_has_its_pace_too() -> None:
    """Nobody has looked yet: the pace counts from now."""
    some = Contention()
    for _ in range(FREE + 1):
        due, _fight = some.touched(0, RULE, WHO)
    assert due == PACE
    assert some.touched(1, RULE, WHO) == (1 + PACE, None)


def test_what_comes_seldom_is_no_fight() -> None:
    """Once in three seconds for ever: five of them never fall into one window."""
    some = Contention()
    for number in range(50):
        now = number * (WINDOW // FREE + SECOND)
        assert some.touched(now, RULE, WHO) == (now, None)
        some.looked(now)


def test_a_fight_ends_when_nobody_touches_the_thing_any_more() -> None:
    """After a minute of calm it is over, said once, and everything is as at first."""
    some = Contention()
    now = fighting(some)
    some.touched(now, ROUTE, WHO)
    assert some.over(now + CALM - 1) == []
    assert some.over(now + CALM) == [RULE]
    assert some.over(now + CALM) == []
    assert some.fights() == []
    some.looked(now + CALM)
    later = now + 2 * CALM
    assert some.touched(later, RULE, WHO) == (later, None)


def test_two_fights_are_in_the_order_in_which_they_began() -> None:
    """Whatever was touched last."""
    some = Contention()
    for number in range(FREE + 1):
        some.touched(number, ROUTE, WHO)
        some.touched(number + 1, RULE, WHO)
    some.touched(20, ROUTE, WHO)
    assert [one.what for one in some.fights()] == [ROUTE, RULE]


def test_what_is_remembered_is_bounded() -> None:
    """The thing that was untouched for longest is forgotten first."""
    some = Contention()
    for number in range(THINGS_MAX + 10):
        some.touched(number, f"route {number}", WHO)
    assert len(some._things) == THINGS_MAX
    assert "route 9" not in some._things
    assert "route 10" in some._things


def test_the_pace_is_slower_than_the_free_looks() -> None:
    """Else a fight would change nothing."""
    assert contention.PACE > contention.WINDOW // contention.FREE // 10 > contention.BREATH
