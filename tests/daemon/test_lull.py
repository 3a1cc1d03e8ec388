"""The lull: what can wait is done later, in its order, and once."""

from linkbalancer.clock import MILLISECOND
from linkbalancer.daemon.loop import boottime
from linkbalancer.daemon.lull import LEAST, MOST, Lull


def test_it_is_as_long_as_there_are_processes() -> None:
    """Within bounds: one process has nobody to wait for, and a thousand are not waited for."""
    assert [Lull(many).length for many in (1, 20, 1000)] == [LEAST, 20 * MILLISECOND, MOST]


def test_all_is_done_in_its_order_and_once() -> None:
    """What is added meanwhile waits for the next lull."""
    lull, done = Lull(1), list[int]()
    assert lull.deadline() is None
    lull.add(lambda: done.append(1))
    due = lull.deadline()
    assert due is not None
    assert 0 < due - boottime() <= LEAST
    lull.add(lambda: lull.add(lambda: done.append(3)))
    lull.add(lambda: done.append(2))
    assert lull.deadline() == due
    lull.expire(due)
    assert done == [1, 2]
    assert lull.deadline() is not None
    lull.over()
    assert done == [1, 2, 3]
    assert lull.deadline() is None
