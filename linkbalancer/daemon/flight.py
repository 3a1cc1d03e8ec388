"""The agent's flight recording: what came in and what was decided, handed to the recorder, who writes it to disk.

Nothing here waits and nothing is written to a disk: when the effects of an input are performed, both are noted in
memory that outlives this process (`flightmemory`), and sent to the recorder by datagrams a moment later, when the loop
has nothing better to do. What it cannot take is lost, which the recording says, and a new one begins soon.

A recording is replayed from its beginning, so it must not be long: after `size` bytes a new one begins, with the whole
agent as it is by then. A forked child writes that down, because it takes longer than an agent may be silent.
"""

import random
from collections import deque
from collections.abc import Mapping, Sequence
from contextlib import suppress
from functools import partial
from pathlib import Path

from linkbalancer.clock import MILLISECOND, SECOND, Duration, Instant
from linkbalancer.config.load import Loaded
from linkbalancer.daemon.errand import Errand
from linkbalancer.daemon.flightline import SOCKET, Complain, head_of, lines_of, send_head
from linkbalancer.daemon.flightsocket import PART, FlightSocket
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
"""How long an input waits at most until it is sent: one that led to news, and any other."""

QUIET = frozenset({SendAdvert, SendDatagram, Ask})
"""Effects that are no news."""

WAITING = 8192
"""Inputs that wait; one more and the recording ends here, for it would have a gap."""

SLICE = 128
"""Inputs written at once: a millisecond's work, after which sockets and timers have their turn."""

UNSENT = 1 << 20
"""Bytes that wait for the recorder; beyond it inputs wait as they are."""

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
        self._loop, self._run_dir, self._loaded, self._keys = loop, run_dir, loaded, keys
        self._complain = complain
        self._plan = loaded.config.flight_recording.at(linked=bool(loaded.config.links))
        self._passwords = Passwords(loaded.passwords)
        self._chance = RecordedChance(random.SystemRandom())
        self._errand: Errand
        self._agent: Agent
        self._line = FlightSocket(run_dir)
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
        try:
            self._line.remember()
        except OSError as error:
            self._complain("have memory for the flight recording's last moments", str(error))
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

    def keep(self) -> None:
        """Have what was noted outlive this process: its effects are performed."""
        if self._waiting and self._encoder is not None and not self._unsent:
            self._encode(self._encoder)

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
        if self._encoder is not None:
            while self._waiting and self._unsent_size < UNSENT:
                self._encode(self._encoder)
                self._write()
            self._write()
            self._send()
        self._encoder = None
        self._line.forget()

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
        if self._first is not None and self._line.connect():
            first, self._first = self._first, None
            self._have_head_sent(first)
        if self._waiting and self._unsent_size < UNSENT:
            self._encode(self._encoder)
        if self._unsent_size < UNSENT:
            self._write()
        if self._encoder is not None and not self._send():
            self._due = now + SOON
        elif self._waiting:
            self._due = now
        elif self._lost or self._size >= self._plan.size:
            self._end(now)

    def _encode(self, encoder: Encoder) -> None:
        """Write down the oldest inputs that wait."""
        for _ in range(min(SLICE, len(self._waiting))):
            encoder.add(*self._waiting.popleft())
        if not self._unsent and not self._line.note(encoder.fresh()):
            self._write()
            self._send()

    def _write(self) -> None:
        """Make datagrams of what is written down."""
        assert self._encoder is not None
        size = 0
        lines: list[str] = []
        for line in self._encoder.take():
            if size > PART:
                self._queue(lines)
                lines, size = [], 0
            lines.append(line)
            size += len(line)
        if lines:
            self._queue(lines)

    def _queue(self, lines: Sequence[str]) -> None:
        data = lines_of(self._segment, self._number, lines)
        self._number += 1
        self._unsent.append(data)
        self._unsent_size += len(data)
        self._size += len(data)

    def _send(self) -> bool:
        """Send what waits; return False where the recorder cannot take it yet."""
        try:
            while self._unsent:
                if not self._line.send(self._unsent[0]):
                    return False
                self._unsent_size -= len(self._unsent.popleft())
        except OSError:  # it has died: what it had not read is gone, and so is its place in the file
            self._line.close()
            self._stop()
            return False
        self._line.begin(self._segment, self._number)
        return True

    # -- beginnings and ends -------------------------------------------------------------------------------------------

    def _begin(self, now: Instant) -> None:
        rings = keyrings(self._loaded, self._keys, self._loaded.config.role)
        self._encoder = Encoder(now, rings, self._passwords)
        self._segment = now
        self._number = self._size = self._lost = 0
        self._line.begin(now, 0)

    def _begin_anew(self, now: Instant) -> None:
        """Begin with the agent as it is, if there is somebody to tell; else look again later."""
        if self._errand.under_way or not self._line.connect():
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
        send_head(self._run_dir / SOCKET, self._segment, head_of(head, self._loaded), self._plan.keep or 0)

    def _head_sent(self, now: Instant, why: str | None) -> None:
        if why is not None:
            self._complain("begin a flight recording", why)
            self._stop()
            self._due = now + CALM
