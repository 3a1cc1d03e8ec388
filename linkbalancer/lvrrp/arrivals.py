"""Which of the peer's datagrams arrive: the loss of the one direction that comes in.

The peer numbers every datagram of a session, so a number that never comes was lost on the way here. A number is judged
only when `WINDOW` later ones are known: one that was overtaken by fewer is late, not lost, and one that comes twice
counts once. With a session numbers begin anew, and nothing is said of what came before its first.
"""

from typing import Final

from linkbalancer.lvrrp.packet import Datagram
from linkbalancer.lvrrp.session import Confirmed, Heard, Refusal

WINDOW: Final = 32
"""By so many later numbers one may be overtaken and still count as arrived."""

GAIN: Final = 64
"""One more number changes the loss by at most a 64th: it tells of the last hundred or so."""

_JUDGED_MAX: Final = 16 * GAIN
"""Of a longer gap the rest would change nothing any more."""

_ONE: Final = 10**12
_ALL: Final = (1 << WINDOW) - 1


class Arrivals:
    """The peer's numbers of late; the newest is bit 0 of what was seen."""

    def __init__(self) -> None:
        self._session = self._first = self._newest = self._seen = 0
        self._loss = self._judged = 0

    @property
    def loss(self) -> float | None:
        """The share of the peer's datagrams that did not arrive (0 to 1); None before any could be judged."""
        return self._loss / _ONE if self._judged else None

    def note(self, datagram: Datagram, heard: Heard) -> None:
        """Take in an authentic datagram, and what the sessions say of it."""
        if isinstance(heard, Confirmed):
            self._arrive(datagram.session, datagram.sequence)
        elif heard is Refusal.SEQUENCE and datagram.session == self._session:
            self._mark(self._newest - datagram.sequence)

    def forget(self) -> None:
        """Know nothing again: the link closed, and what is lost meanwhile is an outage, not a loss."""
        self._session = self._judged = self._loss = 0

    def _arrive(self, session: int, sequence: int) -> None:
        if session != self._session:
            self._session, self._first, self._newest, self._seen = session, sequence, sequence, 1
            return
        ahead = sequence - self._newest
        if ahead == 1 and self._seen == _ALL and not self._loss:  # nearly always: nothing is missed, and nothing was
            self._newest = sequence
            if self._judged < GAIN:
                self._judged += 1
            return
        oldest = self._newest - WINDOW + 1
        for number in range(min(ahead, _JUDGED_MAX)):
            if oldest + number >= self._first:
                self._judge(arrived=number < WINDOW and bool(self._seen >> (WINDOW - 1 - number) & 1))
        self._seen = (self._seen << min(ahead, WINDOW) | 1) & _ALL
        self._newest = sequence

    def _mark(self, behind: int) -> None:
        """Note that a number came late, or again; what has been judged already stays so."""
        if behind < WINDOW:
            self._seen |= 1 << behind

    def _judge(self, *, arrived: bool) -> None:
        """Count one number: until there are many, each weighs the same."""
        self._judged = min(self._judged + 1, GAIN)
        self._loss += ((0 if arrived else _ONE) - self._loss) // self._judged
