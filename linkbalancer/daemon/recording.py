"""Telling the recorder what happened, without ever waiting for it: what it cannot take now waits here, up to a limit.

Whoever has something for the history has a `Recording`: the agent for its records, the supervisor for deaths, the api
for what people order. A datagram carries several records as JSON lines; the recorder numbers and stamps them. What
people can ask to be told of goes to the notifier as well, by a line of its own, so that neither waits for the other.
"""

import json
import socket
from collections import deque
from collections.abc import Callable, Iterable, Mapping
from dataclasses import dataclass
from pathlib import Path
from typing import Any

from linkbalancer.clock import MILLISECOND, SECOND, Duration, Instant, earliest
from linkbalancer.config.topics import topic_of
from linkbalancer.daemon.loop import boottime

SOCKET = "recorder.sock"
NOTIFIER = "notifier.sock"

WAITING = 2000
"""Records kept while the recorder is away or slow; one more and the oldest is dropped, and counted."""

BATCH = 64
"""Records of one datagram, and of one turn of the loop: a flood is told bit by bit."""

LONGEST = 48_000
"""Bytes of a datagram after which no further record is added."""

LONGEST_TEXT = 2000
"""Characters of a record's text."""

AGAIN: Duration = 20 * MILLISECOND
AGAIN_MAX: Duration = 500 * MILLISECOND
"""How soon a recorder that is away, or full, is tried again: first, and at most (doubling in between)."""

LAG: Duration = 100 * MILLISECOND
"""How much later than its consequence a cause may be told by another process."""

ABSENT: Duration = 10 * SECOND
"""How long something is kept for a notifier that has never listened: one that starts does so by then."""


@dataclass(frozen=True, slots=True)
class Told:
    """A record as it was told, not judged yet; `at` is CLOCK_BOOTTIME."""

    teller: str
    session: int
    number: int
    at: Instant
    kind: str
    subject: str
    text: str
    cause: int | None
    follows: Mapping[str, Any]
    fields: Mapping[str, Any]


class Recording:
    """One process's lines to the recorder and the notifier; a source of the loop (`loop.watch`), which sends.

    Without a loop, call `flush` now and then.

    Args:
        run_dir: where they listen.
        teller: who tells: `agent`, `supervisor`, `api`, `app:web`.
        session: a number that no earlier start of this teller had.
        clock: CLOCK_BOOTTIME.
    """

    def __init__(self, run_dir: Path, teller: str, session: int, clock: Callable[[], Instant] = boottime) -> None:
        self._clock = clock
        head: dict[str, str | int] = {"teller": teller, "session": session}
        self._recorder = _Line(run_dir / SOCKET, head, clock)
        self._notifier = _Line(run_dir / NOTIFIER, head, clock, absent=ABSENT)
        self._lines = (self._recorder, self._notifier)
        self._own = 0  # counts downwards, so that it meets none of the teller's own numbers

    @property
    def lost(self) -> int:
        """How many records the recorder has never got."""
        return self._recorder.lost

    @property
    def untold(self) -> int:
        """How many records the notifier has never got."""
        return self._notifier.lost

    def tell(
        self,
        kind: str,
        text: str,
        *,
        subject: str = "",
        at: Instant | None = None,
        number: int | None = None,
        cause: int | None = None,
        follows: Mapping[str, str | int | list[str]] | None = None,
        fields: Mapping[str, str | int] | None = None,
    ) -> int:
        """Have something remembered; return its number, which a later one can name as its cause.

        Args:
            kind: a word for programs, such as `drained`.
            text: what happened, as a person would say it.
            subject: what it happened to: `l1`, `VID 3`, a node.
            at: when; now, when None.
            number: the record's number where the teller counts itself, upwards from 1.
            cause: the number of the record of this teller that it follows from.
            follows: where the cause is another teller's: the latest record of at most some seconds ago whose kind,
                subject, teller or fields are these (of a list: one of them).
            fields: facts for programs; `vid`, `link` and `app` are what the history can be filtered by.
        """
        if number is None:
            self._own -= 1
            number = self._own
        record: dict[str, Any] = {
            "number": number,
            "at": self._clock() if at is None else at,
            "kind": kind,
            "subject": subject,
            "text": text[:LONGEST_TEXT],
        }
        record |= {"cause": cause} if cause is not None else {}
        record |= {key: dict(one) for key, one in (("follows", follows), ("fields", fields)) if one}
        self._queue(record)
        return number

    def _queue(self, record: dict[str, Any]) -> None:
        self._recorder.queue(record)
        if topic_of(record["kind"], record["text"]) is not None:
            self._notifier.queue(record)

    def deadline(self) -> Instant | None:
        """Return when something is to be sent (the loop asks)."""
        return earliest(*(line.due for line in self._lines))

    def expire(self, now: Instant) -> None:
        """Send one datagram of each line that is due, and come back at once if more waits."""
        for line in self._lines:
            if line.due is not None and line.due <= now:
                line.expire(now)

    def flush(self) -> None:
        """Send what can be sent now (at the end of a process, or without a loop)."""
        for line in self._lines:
            line.flush()

    def close(self) -> None:
        """Send what can still be sent, and close."""
        for line in self._lines:
            line.close()


class _Line:
    """What waits for one listener.

    Args:
        path: where it listens.
        head: what every datagram says first.
        clock: CLOCK_BOOTTIME.
        absent: how long records wait for one who may never come; None: for as long as it takes.
    """

    def __init__(
        self, path: Path, head: Mapping[str, str | int], clock: Callable[[], Instant], absent: Duration | None = None
    ) -> None:
        self._path, self._head, self._clock, self._absent = str(path), head, clock, absent
        self._waiting: deque[dict[str, Any]] = deque()
        self._dropped = 0
        self._missed_since: Instant | None = None
        self.lost = 0
        self.due: Instant | None = None
        self._delay = AGAIN
        self._socket = socket.socket(socket.AF_UNIX, socket.SOCK_DGRAM)
        self._socket.settimeout(0)

    def queue(self, record: dict[str, Any]) -> None:
        """Have a record sent."""
        if len(self._waiting) >= WAITING:
            self._waiting.popleft()
            self._dropped += 1
            self.lost += 1
        self._waiting.append(record)
        if self.due is None:
            self.due = self._clock()

    def expire(self, now: Instant) -> None:
        """Send one datagram, and come back at once if more waits."""
        self.due = None
        if not self._waiting or not self._send(now):
            return
        if self._waiting:
            self.due = now

    def flush(self) -> None:
        """Send what can be sent now."""
        self.due = None
        while self._waiting and self._send(self._clock()):
            pass

    def close(self) -> None:
        """Send what can still be sent, and close."""
        self.flush()
        self._socket.close()

    def _send(self, now: Instant) -> bool:
        """Send the oldest records in one datagram; return False when they must wait."""
        lines: list[bytes] = []
        size = 0
        for record, _ in zip(self._waiting, range(BATCH), strict=False):
            line = json.dumps(record).encode()
            if lines and size + len(line) > LONGEST:
                break
            lines.append(line)
            size += len(line) + 1
        head = {**self._head, "dropped": self._dropped}
        try:
            self._socket.sendto(b"\n".join([json.dumps(head).encode(), *lines]), self._path)
        except FileNotFoundError:
            self._miss(now)
            return False
        except OSError:  # it is away, or its queue is full
            self._wait(now)
            return False
        for _ in lines:
            self._waiting.popleft()
        self._dropped, self._delay, self._missed_since = 0, AGAIN, None
        return True

    def _wait(self, now: Instant) -> None:
        self.due = now + self._delay
        self._delay = min(2 * self._delay, AGAIN_MAX)

    def _miss(self, now: Instant) -> None:
        """Wait for one who is not there at all, if he may come; else nobody is to be told."""
        if self._missed_since is None:
            self._missed_since = now
        if self._absent is None or now - self._missed_since < self._absent:
            self._wait(now)
            return
        self._waiting.clear()
        self._dropped, self._delay, self._missed_since = 0, AGAIN, None


def in_turn(batch: Iterable[Told]) -> list[Told]:
    """Order by time; each teller's records stay in their order.

    What follows from another teller's record lets that come first, should it be told of a little later.
    """
    reached: dict[tuple[str, int], Instant] = {}
    keyed = []
    for told in batch:
        origin = told.teller, told.session
        reached[origin] = max(reached.get(origin, 0), told.at + (LAG if told.follows else 0))
        keyed.append((reached[origin], told))
    return [told for _, told in sorted(keyed, key=lambda pair: pair[0])]


def understood(data: bytes) -> list[Told]:
    """Return the records of a datagram; what is no record is left out, and what was lost before is one itself."""
    lines = data.splitlines()
    try:
        head = json.loads(lines[0])
        teller, session, dropped = str(head["teller"]), int(head["session"]), int(head["dropped"])
    except (ArithmeticError, LookupError, TypeError, ValueError, RecursionError):
        return []
    records = [told for line in lines[1:] if (told := _read_record(teller, session, line)) is not None]
    if dropped and records:
        at = records[0].at
        text = f"{dropped} records of {teller} were lost: the recorder was away or too slow"
        # Its number is as its time: no record's, and another one's each time.
        records.insert(0, Told("recorder", session, -at, at, "lost", teller, text, None, {}, {"records": dropped}))
    return records


def _read_record(teller: str, session: int, line: bytes) -> Told | None:
    try:
        one = json.loads(line)
        cause = one.get("cause")
        return Told(
            teller,
            session,
            int(one["number"]),
            int(one["at"]),
            str(one["kind"]),
            str(one["subject"]),
            str(one["text"]),
            None if cause is None else int(cause),
            dict(one.get("follows", {})),
            {str(key): value for key, value in one.get("fields", {}).items() if isinstance(value, str | int)},
        )
    except (ArithmeticError, AttributeError, KeyError, TypeError, ValueError, RecursionError):
        return None
