"""The first of many deadlines, beside a plain minimum."""

from hypothesis import given
from hypothesis import strategies as st

from linkbalancer.engine.deadlines import Deadlines
from linkbalancer.links import Family, GroupId

GROUPS = [GroupId(vid, family) for vid in (1, 2, 3) for family in Family]
LATEST = 12

orders = st.lists(
    st.tuples(
        st.sampled_from(GROUPS), st.one_of(st.none(), st.integers(0, LATEST)), st.sampled_from(("set", "later", "look"))
    ),
    max_size=40,
)


@given(orders)
def test_it_is_a_plain_minimum(steps: list[tuple[GroupId, int | None, str]]) -> None:
    """However they are set, postponed (for ever, too) and looked at, first and due are what a dictionary says."""
    deadlines, plain = Deadlines(), dict[GroupId, int]()
    for group, at, how in steps:
        if how == "look":
            now = at or 0
            assert deadlines.due(now) == sorted(one for one, due in plain.items() if due <= now)
        elif how == "later" and group in plain and (at is None or at >= plain[group]):
            deadlines.postpone(group, lambda at=at: at)  # type: ignore[misc]
            plain[group] = LATEST + 1 if at is None else at
            if at is None:
                del plain[group]
        else:
            deadlines.set(group, at)
            plain.pop(group, None)
            plain |= {} if at is None else {group: at}
        if how != "later":  # else several may be postponed before anybody looks
            assert deadlines.first() == min(plain.values(), default=None)
    assert deadlines.due(LATEST) == sorted(plain)


def test_what_is_postponed_is_asked_for_when_its_old_place_has_come() -> None:
    """A hundred adverts cost one look."""
    deadlines, asked = Deadlines(), list[int]()

    def ask() -> int:
        asked.append(1)
        return 30

    deadlines.set(GroupId(1), 10)
    deadlines.set(GroupId(2), 5)
    for _advert in range(100):
        deadlines.postpone(GroupId(1), ask)
        assert deadlines.first() == 5
    deadlines.set(GroupId(2), 20)
    assert (deadlines.first(), asked) == (20, [1])


def test_what_is_set_is_no_longer_asked_for() -> None:
    """The last word counts."""
    deadlines = Deadlines()
    deadlines.set(GroupId(1), 10)
    deadlines.postpone(GroupId(1), lambda: 99)
    deadlines.set(GroupId(1), 7)
    assert (deadlines.first(), deadlines.due(6), deadlines.due(7)) == (7, [], [GroupId(1)])
