"""The first of many deadlines, beside a plain minimum."""

from hypothesis import given
from hypothesis import strategies as st

from linkbalancer.clock import MILLISECOND
from linkbalancer.engine.deadlines import AHEAD, Deadlines
from linkbalancer.links import Family, GroupId

GROUPS = [GroupId(vid, family) for vid in (1, 2, 3) for family in Family]
LATEST = 60

orders = st.lists(
    st.tuples(
        st.sampled_from(GROUPS), st.one_of(st.none(), st.integers(0, LATEST)), st.sampled_from(("set", "later", "look"))
    ),
    max_size=40,
)


@given(orders)
def test_it_is_a_plain_minimum(steps: list[tuple[GroupId, int | None, str]]) -> None:
    """However they are set, postponed (for ever, too) and looked at, what is due is what a dictionary says.

    The first is never later than the first there, and not sooner than that unless it is far ahead.
    """
    deadlines, plain, now = Deadlines(), dict[GroupId, int](), 0
    for group, at, how in steps:
        if how == "look":
            now = max(now, (at or 0) * MILLISECOND)
            assert deadlines.due(now) == sorted(one for one, due in plain.items() if due <= now)
        else:
            late = None if at is None else at * MILLISECOND
            if how == "later" and group in plain and (late is None or late >= plain[group]):
                deadlines.postpone(now, group, lambda late=late: late)  # type: ignore[misc]
            else:
                deadlines.set(group, late)
            plain.pop(group, None)
            plain |= {} if late is None else {group: late}
        if how != "later":  # else several may be postponed before anybody looks
            first, right = deadlines.first(), min(plain.values(), default=None)
            assert first == right or (first is not None and first > now + AHEAD and (right is None or first < right))
    assert deadlines.due(LATEST * MILLISECOND) == sorted(plain)


def test_what_is_postponed_is_asked_for_when_its_old_place_is_near() -> None:
    """A hundred adverts cost one look, and nothing is handed in sooner than it is due."""
    deadlines, asked, old = Deadlines(), list[int](), 100 * MILLISECOND

    def ask() -> int:
        asked.append(1)
        return 3 * old

    deadlines.set(GroupId(1), old)
    for now in range(100):
        deadlines.postpone(now, GroupId(1), ask)
        assert deadlines.first() == old
    assert not asked
    deadlines.postpone(old - AHEAD, GroupId(1), ask)
    assert (deadlines.first(), len(asked)) == (3 * old, 1)
    deadlines.postpone(old, GroupId(1), ask)
    assert (deadlines.due(2 * old), deadlines.due(3 * old), len(asked)) == ([], [GroupId(1)], 2)


def test_what_is_set_is_no_longer_asked_for() -> None:
    """The last word counts."""
    deadlines = Deadlines()
    deadlines.set(GroupId(1), 10)
    deadlines.postpone(0, GroupId(1), lambda: 99)
    deadlines.set(GroupId(1), 7)
    assert (deadlines.first(), deadlines.due(6), deadlines.due(7)) == (7, [], [GroupId(1)])
