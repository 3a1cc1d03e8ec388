"""Tests of a trial: when it is over, and what it has cost."""

from typing import Any

from linkbalancer.clock import SECOND
from linkbalancer.daemon.trial import SILENCE, WATCH, Trial, graces


def trial() -> Trial:
    """Return one that began at 100 s, for 5 minutes, with a link that may be closed for 4 s."""
    return Trial(100 * SECOND, 400 * SECOND, graces(("l1", "l9"), {"l1": 4000, "l2": 4000}))


def status(**links: bool) -> dict[str, Any]:
    """Return an agent's status with links open or closed."""
    return {"links": {name: {"open": up, "reason": "silent", "drained": None} for name, up in links.items()}}


def test_time() -> None:
    """It is over when its time is, and says how long that was."""
    assert trial().over(399 * SECOND) is None
    assert trial().over(400 * SECOND) == "it was not confirmed within 5 min 00 s"


def test_a_link_that_stays_closed() -> None:
    """Longer than its grace, without a pause, and only one that was open before and is still there."""
    one = trial()
    assert one.lost(101 * SECOND, status(l1=False)) is None
    assert one.lost(103 * SECOND, status(l1=True, l2=False)) is None
    assert one.lost(106 * SECOND, status(l1=False)) is None
    assert one.lost(107 * SECOND, status(l2=False)) is None
    assert one.lost(108 * SECOND, status(l1=False)) is None
    assert one.lost(112 * SECOND, status(l1=False)) == "the link l1 was open before and is closed: silent"


def test_a_drained_link_may_close() -> None:
    """Who has drained it replaces it: its two ends are changed one after the other."""
    one = trial()
    drained = {"links": {"l1": {"open": False, "reason": "silent", "drained": "by root: new provider"}}}
    assert one.lost(101 * SECOND, drained) is None
    assert one.lost(120 * SECOND, drained) is None


def test_a_silent_agent() -> None:
    """It may be away for a while, not for long."""
    one = trial()
    assert one.lost(101 * SECOND, None) is None
    assert one.lost(102 * SECOND, status(l1=True)) is None
    assert one.lost(103 * SECOND, None) is None
    assert one.lost(103 * SECOND + SILENCE, None) == "the agent does not answer any more"


def test_watching() -> None:
    """For a minute."""
    assert trial().watching(100 * SECOND + WATCH - 1)
    assert not trial().watching(100 * SECOND + WATCH)
