"""An agent's inputs as lines of a recording, and back.

A line is a JSON array of the inputs of one instant: how many nanoseconds after the line before it (the first: after the
head's instant), then the inputs in their order. An input is the number of one that came before, where it is that again
and nothing was decided of it and nothing drawn: `[2000113,7,8,9]` are three adverts that said what they always say.
Else it is an array `[what, digest, draws, words]`, what is empty at its end left out:

    what     the number of an input that came before (0: a tick), or the input itself
             ["advert", device, source MAC, packet]          bytes in Base64
             ["datagram", link, bytes, tag]                  without its tag, but with whether that was true
             ["other", node graph]                           all else, as `graph` writes it
    digest   what was decided, as `digest` has it; 0: nothing
    draws    the random numbers that were drawn
    words    what was decided, as people read it

Inputs are numbered from 1 in the order of their first appearance, datagrams excepted, which never come twice. When
`KNOWN_MAX` are known all are forgotten. An advert is another one again when they differ in nothing but IPv4's
identification, and the header's checksum in accordance: no decision depends on these (`engine.hearing`).
"""

import json
from binascii import a2b_base64, b2a_base64
from collections.abc import Callable, Hashable, Iterator, Sequence
from dataclasses import dataclass
from typing import Any, Final, TypeAlias

from linkbalancer.clock import Instant
from linkbalancer.engine.effects import Effect
from linkbalancer.engine.events import AdvertReceived, DatagramReceived, Event, Tick
from linkbalancer.engine.flight import graph
from linkbalancer.engine.flight.digest import Digester, in_words
from linkbalancer.engine.flight.graph import Json
from linkbalancer.engine.flight.veil import Passwords, tag_of
from linkbalancer.engine.hearing import likeness
from linkbalancer.links import LinkName
from linkbalancer.lvrrp.keys import Keyring
from linkbalancer.lvrrp.packet import TAG_LENGTH

KNOWN_MAX: Final = 4096
"""Inputs that are known by a number."""

_NOTHING: Final[tuple[Any, ...]] = (0, (), ())

Untag: TypeAlias = Callable[[LinkName, bytes, int], bytes]
"""Gives a datagram of a link a tag that is true, reflected or false again."""


class RecordingError(ValueError):
    """A recording makes no sense; the argument says where."""


@dataclass(frozen=True, slots=True)
class Input:
    """One input as it was recorded: what came when, and what was decided of it then."""

    now: Instant
    event: Event
    digest: int = 0
    draws: tuple[int, ...] = ()
    words: tuple[str, ...] = ()


class Encoder:
    """Writes the inputs of one segment of a recording.

    Args:
        at: the head's instant.
        keyrings: the links' keys, to tell true tags from false ones; they go nowhere.
        passwords: what must not be written.
    """

    def __init__(self, at: Instant, keyrings: dict[LinkName, Keyring], passwords: Passwords) -> None:
        self._before = self._now = at
        self._keyrings, self._passwords = keyrings, passwords
        self._digester = Digester()
        self._known: dict[Hashable, str] = {Tick(): "0"}
        self._items: list[str] = []
        self._lines: list[str] = []
        self._fresh: list[str] = []

    def add(self, now: Instant, event: Event, effects: Sequence[Effect], draws: Sequence[int] = ()) -> None:
        """Take in one input, what was decided of it, and what was drawn."""
        if now != self._now:
            self._end_line()
            self._now = now
        key: Hashable
        if isinstance(event, AdvertReceived):
            key = likeness(event), event.source_mac
        else:
            key = None if isinstance(event, DatagramReceived) else _hashable(event)
        known = self._known.get(key)
        same = known is not None and not effects and not draws
        item = known if same and known is not None else self._item(event, key, known, effects, draws)
        self._fresh.append(f",{item}" if self._items else f"[{now - self._before},{item}")
        self._items.append(item)

    def fresh(self) -> str:
        """Return what `take` will return more than at the last time that one of both was asked.

        As one text, without the end of the last line.
        """
        text, self._fresh = "".join(self._fresh), []
        return text

    def take(self) -> list[str]:
        """Return the lines since the last time; the present instant's is ended."""
        self._end_line()
        self._fresh = []
        lines, self._lines = self._lines, []
        return lines

    def _item(
        self, event: Event, key: Hashable, known: str | None, effects: Sequence[Effect], draws: Sequence[int]
    ) -> str:
        what = known or _dumps(self._what(event))
        if key is not None and known is None:
            if len(self._known) > KNOWN_MAX:
                self._known = {Tick(): "0"}
            self._known[key] = str(len(self._known))
        if not effects and not draws:
            return f"[{what}]"
        digest = self._digester.digest(effects)
        words = in_words(effects)
        if words:
            return f"[{what},{digest},{_dumps(list(draws))},{_dumps(words)}]"
        return f"[{what},{digest},{_dumps(list(draws))}]" if draws else f"[{what},{digest}]"

    def _what(self, event: Event) -> list[Any]:
        match event:
            case AdvertReceived(device, packet, source_mac):
                return ["advert", device, source_mac.hex(), _base64(self._passwords.veiled(packet))]
            case DatagramReceived(link, data):
                tag = tag_of(self._keyrings.get(link), data)
                return ["datagram", link, _base64(data if tag is None else data[:-TAG_LENGTH]), tag]
            case _:
                return ["other", graph.dump(event)]

    def _end_line(self) -> None:
        if self._items:
            self._lines.append(f"[{self._now - self._before},{','.join(self._items)}]")
            self._items = []
            self._fresh.append("]\n")
            self._before = self._now


class Decoder:
    """Reads the lines of one segment of a recording.

    Args:
        at: the head's instant.
        untag: has datagrams tagged again.
    """

    def __init__(self, at: Instant, untag: Untag) -> None:
        self._now, self._untag = at, untag
        self._known: list[Event] = [Tick()]

    def read(self, line: Json) -> Iterator[Input]:
        """Yield the inputs of a line; raises RecordingError."""
        try:
            after, *items = line
            self._now += _number(after)
            for item in items:
                yield self._input(item)
        except RecordingError:
            raise
        except (ArithmeticError, AttributeError, LookupError, RecursionError, TypeError, ValueError) as error:
            raise RecordingError(f"an input makes no sense: {error}") from error

    def _input(self, item: Json) -> Input:
        if isinstance(item, int):
            return Input(self._now, self._again(item))
        given: list[Any] = [*item, *_NOTHING[len(item) - 1 :]]
        what, digest, draws, words = given
        event = self._event(*what) if isinstance(what, list) else self._again(what)
        return Input(self._now, event, _number(digest), tuple(map(_number, draws)), tuple(map(str, words)))

    def _again(self, number: int) -> Event:
        if number < 0:
            raise RecordingError(f"there is no input {number}")
        return self._known[number]

    def _event(self, kind: str, *rest: Json) -> Event:
        event: Event
        match kind, rest:
            case "advert", (str(device), mac, packet):
                event = AdvertReceived(device, a2b_base64(packet, strict_mode=True), bytes.fromhex(mac))
            case "datagram", (str(link), data, None):
                return DatagramReceived(link, a2b_base64(data, strict_mode=True))
            case "datagram", (str(link), data, int(tag)):
                return DatagramReceived(link, self._untag(link, a2b_base64(data, strict_mode=True), tag))
            case "other", (found,):
                event = _event(graph.restore(found))
            case _:
                raise RecordingError(f"there is no input of kind {kind!r}")
        if len(self._known) > KNOWN_MAX:
            del self._known[1:]
        self._known.append(event)
        return event


def _hashable(event: Event) -> Hashable:
    """Return what an event is known by: itself, or, where that cannot be, nothing that ever comes again."""
    try:
        hash(event)
    except TypeError:
        return object()
    return event


def _event(value: object) -> Event:
    """Return a value that is an event; raises RecordingError for any other."""
    if not isinstance(value, Event):
        raise RecordingError(f"a {type(value).__qualname__} is no input")
    return value


def _number(value: object) -> int:
    if type(value) is not int:
        raise RecordingError(f"{value!r} is no whole number")
    return value


def _base64(data: bytes) -> str:
    return b2a_base64(data, newline=False).decode()


_dumps = json.JSONEncoder(separators=(",", ":"), check_circular=False).encode
