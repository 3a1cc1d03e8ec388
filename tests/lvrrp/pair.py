"""Two ends of one link, joined by a wire of virtual time, and everything they do written down."""

import heapq
import random
from collections.abc import Callable
from ipaddress import IPv4Address
from itertools import count
from typing import Any, Self

from linkbalancer.clock import MILLISECOND, Duration, Instant
from linkbalancer.links import Role
from linkbalancer.lvrrp.events import (
    Adjusted,
    Alarm,
    Carrier,
    Closed,
    Effect,
    Event,
    Opened,
    PeerSpoke,
    Received,
    Start,
    Tick,
    Transmit,
)
from linkbalancer.lvrrp.keys import Key
from linkbalancer.lvrrp.link import Link
from linkbalancer.lvrrp.packet import Datagram, Rejection, decode
from linkbalancer.lvrrp.settings import LinkSettings

KEY = Key(1, bytes(range(16)))
NEAR, FAR = "near", "far"
BOOT: Instant = 1_000_000_123_456
"""Neither zero nor whole microseconds."""

Fate = Callable[[str, Instant], list[Duration]]
"""What becomes of a datagram that an end sends at an instant: the delays of its copies, none when it is lost."""


def settings(role: Role, **changes: Any) -> LinkSettings:
    """Return the settings of one end, queries fixed at 200 ms."""
    near, far = IPv4Address("10.1.0.1"), IPv4Address("10.1.0.2")
    controls = role is Role.CONTROLLER
    values: dict[str, Any] = {
        "name": "l1",
        "node": "b1" if controls else "f1",
        "role": role,
        "device": "eth1",
        "local": near if controls else far,
        "peer": far if controls else near,
        "interval_min": 200 * MILLISECOND,
    }
    return LinkSettings(**(values | changes))


def read(link: Link, data: bytes) -> Datagram:
    """Read a datagram that this end has sent."""
    keyring = link._speaker.keyring

    def verify(key_id: int, signed: bytes, tag: bytes) -> Rejection | None:
        return None if keyring.tag(key_id, signed) == tag else Rejection.TAG

    datagram = decode(data, verify)
    assert isinstance(datagram, Datagram)
    return datagram


class Pair:
    """The near (controller) and far (controlled) end; `after` runs in milliseconds since the start."""

    def __init__(self, *, seed: int = 1, latency: Duration = MILLISECOND, **changes: Any) -> None:
        self.now = BOOT
        self.chance = random.Random(seed)
        self.changes = changes
        self.fate: Fate = lambda _sender, _now: [latency]
        self.ends = {name: self._new(name) for name in (NEAR, FAR)}
        self.log: list[tuple[Instant, str, Effect]] = []
        self.records: list[dict[str, Any]] = []
        self.sent: list[tuple[str, bytes]] = []
        self._order = count()
        self._wire: list[tuple[Instant, int, str, bytes]] = []
        self._labels: dict[int, str] = {0: "-"}

    def _new(self, name: str) -> Link:
        role = Role.CONTROLLER if name == NEAR else Role.CONTROLLED
        return Link(settings(role, **self.changes), (KEY,), self.chance, self.now)

    @property
    def near(self) -> Link:
        """The controller."""
        return self.ends[NEAR]

    @property
    def far(self) -> Link:
        """The controlled end."""
        return self.ends[FAR]

    @property
    def both_open(self) -> bool:
        """Whether the link is open at both ends."""
        return self.near.is_open and self.far.is_open

    @property
    def agree(self) -> bool:
        """Whether both ends have confirmed the same pair of sessions."""
        near, far = self.near._sessions.pair, self.far._sessions.pair
        return near is not None and far is not None and (near.own, near.peer) == (far.peer, far.own)

    def start(self, *names: str) -> Self:
        """Give the named ends (both by default) carrier and start them."""
        for name in names or (FAR, NEAR):
            self.do(name, Carrier(up=True))
            self.do(name, Start())
        return self

    def restart(self, name: str, *, adopt: bool = False) -> None:
        """Replace one end by a new one, as after a kill, with or without its snapshot; start it."""
        snapshot = self.ends[name].snapshot()
        self.ends[name] = self._new(name)
        if adopt:
            self.ends[name].restore(self.now, snapshot)
        self.start(name)

    def do(self, name: str, event: Event) -> list[Effect]:
        """Hand an event to one end now, and put what it sends on the wire."""
        effects = self.ends[name].handle(self.now, event)
        for effect in effects:
            self.log.append((self.now, name, effect))
            if isinstance(effect, Transmit):
                self.sent.append((name, effect.data))
                for delay in self.fate(name, self.now):
                    self.deliver(FAR if name == NEAR else NEAR, effect.data, delay)
        self._record(name, event, effects)
        return effects

    def deliver(self, name: str, data: bytes, delay: Duration = 0) -> None:
        """Put bytes on the wire to one end."""
        heapq.heappush(self._wire, (self.now + delay, next(self._order), name, data))

    def run(self, duration: Duration) -> Self:
        """Let virtual time pass: arrivals first, then deadlines, at each instant."""
        until = self.now + duration
        while (due := self._next()) is not None and due <= until:
            self.now = max(self.now, due)
            if self._wire and self._wire[0][0] <= self.now:
                _, _, name, data = heapq.heappop(self._wire)
                self.do(name, Received(data))
                continue
            for name, end in self.ends.items():
                deadline = end.deadline()
                if deadline is not None and deadline <= self.now:
                    self.do(name, Tick())
                    again = end.deadline()
                    assert again is None or again > self.now, "a Tick settles every timer that is due"
        self.now = until
        return self

    def seen(self, name: str, *kinds: type) -> list[tuple[int, Effect]]:
        """Return the effects of some kinds at one end, with whole milliseconds since the start."""
        return [
            ((at - BOOT) // MILLISECOND, effect)
            for at, end, effect in self.log
            if end == name and isinstance(effect, kinds)
        ]

    def changes_of(self, name: str) -> list[tuple[int, str]]:
        """Return when one end opened and closed."""
        return [(at, type(effect).__name__.lower()) for at, effect in self.seen(name, Opened, Closed)]

    def _next(self) -> Instant | None:
        deadlines = [end.deadline() for end in self.ends.values()]
        arrivals = [self._wire[0][0]] if self._wire else []
        return min([at for at in deadlines if at is not None] + arrivals, default=None)

    # The recording.

    def _record(self, name: str, event: Event, effects: list[Effect]) -> None:
        deadline = self.ends[name].deadline()
        self.records.append(
            {
                "at_us": (self.now - BOOT) // 1000,
                "end": name,
                "event": self._event(name, event),
                "effects": [self._effect(name, effect) for effect in effects],
                "deadline_us": None if deadline is None else (deadline - BOOT) // 1000,
                "open": self.ends[name].is_open,
            }
        )

    def _event(self, name: str, event: Event) -> str:
        if isinstance(event, Received):
            sender = self.ends[FAR if name == NEAR else NEAR]
            return f"received {self._datagram(sender, event.data)}"
        return str(event)

    def _effect(self, name: str, effect: Effect) -> str:
        match effect:
            case Transmit(data):
                return f"transmit {self._datagram(self.ends[name], data)}"
            case Opened(reason) | Closed(reason):
                return f"{type(effect).__name__.lower()}: {reason}"
            case PeerSpoke(words):
                said = ", ".join(f"{word.vid} {word.state.name} {word.priority}" for word in words)
                return f"peer spoke: {said or 'nothing'}"
            case Alarm(text):
                return f"alarm: {text}"
            case Adjusted(changes):
                moves = (f"{change.group} {change.before} to {change.after}" for change in changes)
                return f"adjusted: {', '.join(moves)}"

    def _datagram(self, sender: Link, data: bytes) -> str:
        try:
            datagram = read(sender, data)
        except AssertionError:
            return f"{len(data)} bytes"
        labels = [
            self._labels.setdefault(session, f"s{len(self._labels)}") for session in (datagram.session, datagram.echoed)
        ]
        words = " ".join(f"{word.vid}={word.state.name}" for word in datagram.body.words)
        return f"{datagram.kind.name} {labels[0]}>{labels[1]} #{datagram.sequence} {words}".rstrip()
