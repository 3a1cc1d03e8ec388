"""Signals as something to read, in a process of their own."""

import os
import signal
from collections.abc import Iterator

import pytest

from linkbalancer.daemon.signals import Signals


@pytest.fixture
def signals() -> Iterator[Signals]:
    """Return what listens to one signal; it is as before afterwards."""
    before = signal.getsignal(signal.SIGUSR2)
    made = Signals([signal.SIGUSR2])
    yield made
    made.close()
    signal.pthread_sigmask(signal.SIG_UNBLOCK, [signal.SIGUSR2])
    signal.signal(signal.SIGUSR2, before)


def test_a_signal_is_read_once(signals: Signals) -> None:
    """However often it came; then there is nothing."""
    signals.take()
    os.kill(os.getpid(), signal.SIGUSR2)
    os.kill(os.getpid(), signal.SIGUSR2)
    assert signals.received() == {signal.SIGUSR2}
    assert signals.received() == set()


def test_what_is_held_is_there_afterwards(signals: Signals) -> None:
    """What was noted already and what comes meanwhile waits for whoever lets it through."""
    signals.take()
    os.kill(os.getpid(), signal.SIGUSR2)
    signals.hold()
    assert signals.received() == set()
    assert signal.SIGUSR2 in signal.sigpending()
    signals.release()
    assert signals.received() == {signal.SIGUSR2}
