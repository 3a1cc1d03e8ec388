"""The agent's flight recording: what came in and what was decided, handed to the recorder, who writes it to disk.

Nothing here waits and nothing is written: an input and its effects are kept as they are, looked at again a moment later
when the loop has nothing better to do, and sent as datagrams to the recorder's process. What it cannot take is lost,
which the recording says, and a new one begins as soon as may be.

A recording is replayed from its beginning, so it must not be long: after `size` bytes a new one begins, with the whole
agent as it is by then. A forked child writes that down, because it takes longer than an agent may be silent.
"""

import random
import socket
from collections import deque
from collections.abc import Mapping, Sequence
from contextlib import suppress
from functools import partial
from pathlib import Path

from linkbalancer.clock import MILLISECOND, SECOND, Duration, Instant
from linkbalancer.config.load import Loaded
from linkbalancer.daemon.errand import Errand
from linkbalancer.daemon.flightline import SOCKET, Complain, head_of, lines_of, send_head
from linkbalancer.daemon.lifeline import live_on
from linkbalancer.daemon.loop import Loop
from linkbalancer.engine.agent import Agent
from linkbalancer.engine.effects import Ask, Effect, SendAdvert, SendDatagram
from linkbalancer.engine.events import Event
from linkbalancer.engine.flight.chance import RecordedChance
from linkbalancer.engine.flight.digest import FAILURES, failure
from linkbalancer.engine.flight.inputs import Encoder
from linkbalancer.engine.flight.seed import Start, dump_agent, dump_start
from linkbalancer.engine.flight.tape import Head, lost
from linkbalancer.engine.flight.veil import Passwords, key_ids, keyrings
from linkbalancer.links import LinkName
from linkbalancer.lvrrp.keys import Key

SOON: Duration = 250 * MILLISECOND
LATER: Duration = 1 * SECOND
"""How long an input waits at most: one that led to news, and any other.

What an agent that is killed had heard since is not recorded; but waking up costs more than writing down.
"""

QUIET = frozenset({SendAdvert, SendDatagram, Ask})
"""Effects that are no news."""

WAITING = 8192
"""Inputs that wait; one more and the recording ends here, for it would have a gap."""

SLICE = 128
"""Inputs written at once: a millisecond's work, after which sockets and timers have their turn."""

UNSENT = 1 << 20
"""Bytes that wait for the recorder; beyond it inputs wait as they are."""

PART = 32_000
"""Bytes of a datagram after which it is full."""

CALM: Duration = 60 * SECOND
"""How old a recording becomes at least, whatever comes: a flood must not have the agent written down all the time."""

AGAIN: Duration = 1 * SECOND
"""How soon a recorder that is away is looked for again."""


class FlightRecorder:
    """One agent's hand on its recording; a source of the loop.

    Args:
        loop: what turns.
        run_dir: where the recorder listens.
        loaded: the configuration, with the texts that it was read from, and how much is to be recorded.
        keys: the links' keys, which tell true datagrams from others.
        complain: where it is said that nothing can be recorded.
    """

    def __init__(
        self,
        loop: Loop,
        run_dir: Path,
        loaded: Loaded,
        keys: Mapping[LinkName, tuple[Key, ...]],
        complain: Complain,
    ) -> None:
        """Record nothing yet."""
        self._loop, self._path, self._loaded, self._keys = loop, run_dir / SOCKET, loaded, keys
        self._complain = complain
        self._plan = loaded.config.flight_recording.at(linked=bool(loaded.config.links))
        self._passwords = Passwords(loaded.passwords)
        self._chance = RecordedChance(random.SystemRandom())
        self._errand: Errand
        self._agent: Agent
        self._socket: socket.socket | None = None
        self._waiting: deque[tuple[Instant, Event, Sequence[Effect], Sequence[int]]] = deque()
        self._unsent: deque[bytes] = deque()
        self._unsent_size = self._size = self._number = self._lost = 0
        self._encoder: Encoder | None = None
        self._segment: Instant = 0
        self._first: Start | None = None
        self._due: Instant | None = None

    def begin(self, start: Start) -> Agent:
        """Make the agent, and record its life from there, if that is wanted."""
        if not self._plan.keep:
            self._agent = start.agent(self._loaded, self._keys, random.SystemRandom())
            return self._agent
        self._agent = start.agent(self._loaded, self._keys, self._chance)
        self._begin(start.boot)
        self._first = Start(dict(start.app_ids), start.session, start.boot, start.found, tuple(self._chance.take()))
        self._due = start.boot + SOON
        self._errand = Errand(self._loop, self._head_sent)
        self._loop.watch(self)
        return self._agent

    def handle(self, now: Instant, event: Event) -> Sequence[Effect]:
        """Have the agent handle an event; note both."""
        if self._encoder is None:
            return self._unrecorded(now, event)
        try:
            effects = self._agent.handle(now, event)
        except FAILURES as error:  # what an agent dies of is what its recording is for
            self._note(now, event, [failure(error)])
            self._last_words()
            raise
        self._note(now, event, effects)
        return effects

    def _unrecorded(self, now: Instant, event: Event) -> Sequence[Effect]:
        effects = self._agent.handle(now, event)
        self._chance.drawn.clear()
        return effects

    def _note(self, now: Instant, event: Event, effects: Sequence[Effect]) -> None:
        draws = self._chance.take() if self._chance.drawn else ()
        if self._lost or len(self._waiting) >= WAITING:
            self._lost += 1
            return
        self._waiting.append((now, event, effects, draws))
        due = now + (LATER if not effects or type(effects[-1]) in QUIET else SOON)
        if self._due is None or due < self._due:
            self._due = due

    def _last_words(self) -> None:
        """Send all that there is: nothing else waits for this agent any more."""
        if self._first is not None:
            with suppress(OSError, ValueError):
                self._tell_head(self._first)
        self.close()

    def close(self) -> None:
        """Send what can be sent at once, and end."""
        while self._waiting and self._encoder is not None and self._unsent_size < UNSENT:
            self._write()
        if self._encoder is not None:
            self._send()
        self._encoder = None
        self._hang_up()

    # -- the loop asks -------------------------------------------------------------------------------------------------

    def deadline(self) -> Instant | None:
        """Return when there is something to do."""
        return self._due

    def expire(self, now: Instant) -> None:
        """Write and send a part of what waits; begin a new recording where it is time."""
        self._due = None
        if self._encoder is None:
            self._begin_anew(now)
            return
        if self._first is not None and self._connect():
            first, self._first = self._first, None
            self._have_head_sent(first)
        if self._waiting and self._unsent_size < UNSENT:
            self._write()
        if self._encoder is not None and not self._send():
            self._due = now + SOON
        elif self._waiting:
            self._due = now
        elif self._lost or self._size >= self._plan.size:
            self._end(now)

    def _write(self) -> None:
        """Make a datagram of the oldest inputs that wait."""
        assert self._encoder is not None
        waiting, size = self._waiting, 0
        lines: list[str] = []
        for _ in range(min(SLICE, len(waiting))):
            self._encoder.add(*waiting.popleft())
        for line in self._encoder.take():
            if size > PART:
                self._queue(lines)
                lines, size = [], 0
            lines.append(line)
            size += len(line)
        self._queue(lines)

    def _queue(self, lines: Sequence[str]) -> None:
        data = lines_of(self._segment, self._number, lines)
        self._number += 1
        self._unsent.append(data)
        self._unsent_size += len(data)
        self._size += len(data)

    def _send(self) -> bool:
        """Send what waits; return False where the recorder cannot take it yet."""
        while self._unsent:
            if not self._connect() or self._socket is None:
                return False
            try:
                self._socket.send(self._unsent[0])
            except BlockingIOError:
                return False
            except OSError:  # it has died: what it had not read is gone, and so is its place in the file
                self._hang_up()
                self._stop()
                return False
            self._unsent_size -= len(self._unsent.popleft())
        return True

    def _connect(self) -> bool:
        if self._socket is not None:
            return True
        fresh = socket.socket(socket.AF_UNIX, socket.SOCK_DGRAM)
        fresh.settimeout(0)
        try:
            fresh.connect(str(self._path))
        except OSError:
            fresh.close()
            return False
        self._socket = fresh
        return True

    def _hang_up(self) -> None:
        if self._socket is not None:
            self._socket.close()
            self._socket = None

    # -- beginnings and ends -------------------------------------------------------------------------------------------

    def _begin(self, now: Instant) -> None:
        rings = keyrings(self._loaded, self._keys, self._loaded.config.role)
        self._encoder = Encoder(now, rings, self._passwords)
        self._segment = now
        self._number = self._size = self._lost = 0

    def _begin_anew(self, now: Instant) -> None:
        """Begin with the agent as it is, if there is somebody to tell; else look again later."""
        if self._errand.under_way or not self._connect():
            self._due = now + AGAIN
            return
        self._chance.drawn.clear()
        self._begin(now)
        self._have_head_sent(None)

    def _end(self, now: Instant) -> None:
        """End a recording that is as long as it may be, or has a gap; the next one begins, but not too soon."""
        if self._lost:
            self._queue([lost(self._lost)])
            self._send()
        self._stop()
        self._due = max(now, self._segment + CALM)

    def _stop(self) -> None:
        """Record nothing for now."""
        self._encoder = self._first = None
        self._waiting.clear()
        self._unsent.clear()
        self._unsent_size = 0
        self._due = self._loop.clock() + AGAIN

    def _have_head_sent(self, first: Start | None) -> None:
        """Have a child write down how the agent was made, or what it is."""
        try:
            self._errand.start(partial(self._tell_head, first))
        except OSError as error:
            self._head_sent(self._segment, str(error))

    def _tell_head(self, first: Start | None) -> None:
        """Send the head (in the child's process). Raises OSError, GraphError, RecordingError."""
        seed = dump_agent(self._agent, self._loaded, self._passwords) if first is None else dump_start(first)
        live_on()
        head = Head(
            node=self._loaded.config.node,
            at=self._segment,
            wall=0,
            begins="state" if first is None else "start",
            seed=seed,
            path=self._loaded.path,
            texts=self._loaded.texts,
            keys=key_ids(self._keys),
            passwords={str(group): one.decode() for group, one in self._passwords.stand_ins.items()},
        )
        send_head(self._path, self._segment, head_of(head, self._loaded), self._plan.keep or 0)

    def _head_sent(self, now: Instant, why: str | None) -> None:
        if why is not None:
            self._complain("begin a flight recording", why)
            self._stop()
            self._due = now + CALM
