"""Signals as something to read: a loop wakes up for them, and none is lost while another program takes over."""

import os
import signal
import socket
from collections.abc import Collection
from types import FrameType


class Signals:
    """The signals that a process listens to; readable when one has come.

    Args:
        numbers: which.
    """

    def __init__(self, numbers: Collection[signal.Signals]) -> None:
        """Nothing is listened to before `take`."""
        self._numbers = numbers
        self._reader, self._writer = socket.socketpair()
        for end in (self._reader, self._writer):
            end.settimeout(0)

    def fileno(self) -> int:
        """Return what to wait for."""
        return self._reader.fileno()

    def take(self) -> None:
        """Listen to them, to those too that a predecessor in this process held."""
        for number in self._numbers:
            signal.signal(number, _noted)
        signal.set_wakeup_fd(self._writer.fileno(), warn_on_full_buffer=False)
        self.release()

    def received(self) -> set[int]:
        """Return those that have come since the last call."""
        try:
            return set(self._reader.recv(4096))
        except BlockingIOError:
            return set()

    def hold(self) -> None:
        """Have every signal wait until there are handlers again, those included that were noted already."""
        signal.pthread_sigmask(signal.SIG_BLOCK, self._numbers)
        for number in self.received():
            os.kill(os.getpid(), number)

    def release(self) -> None:
        """Let those through that were held."""
        signal.pthread_sigmask(signal.SIG_UNBLOCK, self._numbers)

    def close(self) -> None:
        """Stop listening, as a fork does whose signals are its own affair."""
        signal.set_wakeup_fd(-1)
        self._reader.close()
        self._writer.close()


def _noted(_number: int, _frame: FrameType | None) -> None:
    """Do nothing here: Python wrote the signal's number to the socket."""
