"""Processes as /proc shows them."""

import os

from linkbalancer.host.process import started_at


def test_when_a_process_was_started() -> None:
    """In seconds since 1970; a process that is gone has no start."""
    mine, first = started_at(os.getpid()), started_at(1)
    assert mine is not None
    assert first is not None
    assert 1.6e9 < first < mine < 5e9
    assert started_at(2**22 + 1) is None
