"""Whether a LAN device that has carrier hears anything at all: a cable cut behind the first switch leaves the carrier.

Silence is judged over probes, and only where a neighbour has answered before. It is told when every neighbour has left
so many probes unanswered and, meanwhile, the device has received no frame of anybody: that neighbours are dead is no
fault of this gateway's LAN leg.
"""

from typing import Final

from linkbalancer.engine.events import LegHeard
from linkbalancer.host.rtnetlink import Questions
from linkbalancer.links import DeviceName

_MISSES: Final = 3
"""Probes that nobody answers, as many as make a neighbour silent."""

_PATIENCE: Final = _MISSES - 1
_PATIENCE_MAX: Final = 64
"""Turns without a frame that count as silence at most: about 13 s at five turns a second."""


class LegWatch:
    """The LAN leg of one device; it outlives the device, which may go and come back as another one of the same name.

    Where a frame ends a silence, but no answer, somebody merely talks seldom: from then on it takes twice as long
    without a frame, so that the leg does not flap, until a neighbour answers again.

    `alive` is what was known of it before: a predecessor may have found it silent. Raises OSError when the kernel gives
    no socket.
    """

    def __init__(self, device: DeviceName, *, alive: bool = True) -> None:
        self._device = device
        self._questions = Questions()
        self._answered = not alive
        self._unanswered = 0 if alive else _MISSES
        self._frames: int | None = None
        self._quiet = 0
        self._patience = _PATIENCE
        self._alive = alive

    def close(self) -> None:
        """Close the socket."""
        self._questions.close()

    def answered(self) -> list[LegHeard]:
        """Note that a neighbour gave a sign of life; return what that changes."""
        self._answered = True
        self._unanswered = self._quiet = 0
        self._patience = _PATIENCE
        return self._judge(alive=True)

    def turn(self) -> list[LegHeard]:
        """Judge the probes sent so far, and count another one, to be sent now; return what has changed.

        The device's counter is only read while nobody has answered the latest probe. The first reading is what later
        ones are compared with; each without a new frame is a quiet turn. Raises OSError.
        """
        if not self._answered:
            return []
        said = self._look() if self._unanswered else []
        self._unanswered += 1
        return said

    def _look(self) -> list[LegHeard]:
        """Look for frames; return what has changed. Without a carrier there is nothing to judge."""
        link = self._questions.link(self._device, statistics=True)
        if link is None or not link.carrier or link.received is None:
            self._unanswered = self._quiet = 0
            return []
        before, self._frames = self._frames, link.received
        if before is None and not self._alive:
            return []
        if before is None or link.received > before:
            self._quiet = 0
            if not self._alive:
                self._patience = min(2 * self._patience, _PATIENCE_MAX)
            return self._judge(alive=True)
        self._quiet += 1
        if self._unanswered >= _MISSES and self._quiet >= self._patience:
            return self._judge(alive=False)
        return []

    def _judge(self, *, alive: bool) -> list[LegHeard]:
        """Say it if it is news."""
        if alive == self._alive:
            return []
        self._alive = alive
        return [LegHeard(self._device, alive)]
