"""A recording on disk: JSON lines, of which the first says what the rest begins with.

    {"linkbalancer": VERSION, "format": 1, ...}    the head: configuration, and the agent as it was (`seed`)
    [2000113,7,8,[0,3141592653]]                   inputs of an instant (`inputs`)
    {"lost": 12}                                   so many inputs are missing here: nothing after it can be replayed
    {"sum": "0123456789abcdef"}                    over every byte of the file before this line

A process that dies leaves a line that is not whole, at most, and that one is left out. The sums find what was damaged
or edited; whoever edits them too is found by what is decided, or has edited nothing that matters.
"""

import hashlib
import json
from collections.abc import Iterable, Iterator, Mapping
from dataclasses import asdict, dataclass, field, replace
from typing import Any, Final, TypeAlias

from linkbalancer import __version__
from linkbalancer.clock import Duration, Instant
from linkbalancer.config.findings import ConfigErrors
from linkbalancer.config.load import Loaded, load
from linkbalancer.engine.agent import Agent
from linkbalancer.engine.flight.chance import DrawsError, RepeatedChance
from linkbalancer.engine.flight.graph import GraphError, Json
from linkbalancer.engine.flight.inputs import Decoder, Input, RecordingError
from linkbalancer.engine.flight.seed import Start, restore
from linkbalancer.engine.flight.veil import keyrings, stand_in_keys, tagged
from linkbalancer.links import GroupId, LinkName

FORMAT: Final = 1
"""Of the lines; another number is another program's."""

_HEX: Final = 16


@dataclass(frozen=True, slots=True)
class Head:
    """What a recording begins with.

    Attributes:
        node: the gateway.
        at: the instant (CLOCK_BOOTTIME) that the first line counts from.
        wall: what the wall clock showed beyond that clock, in ns.
        begins: `start` (the agent's first moment) or `state` (the midst of its life).
        seed: how it was made, or what it was (`engine.flight.seed`).
        path: the configuration's file, and `texts` its files by name.
        keys: the numbers of every link's keys, never the keys.
        passwords: what stands for each group's password.
        version: of the program.
        format: of the lines.
    """

    node: str
    at: Instant
    wall: Duration
    begins: str
    seed: str = field(repr=False)
    path: str
    texts: Mapping[str, str]
    keys: Mapping[LinkName, list[int]]
    passwords: Mapping[str, str]
    version: str = __version__
    format: int = FORMAT

    def line(self) -> str:
        """Return the first line."""
        fields = asdict(self)
        return _line({"linkbalancer": fields.pop("version"), "format": fields.pop("format"), **fields})

    def loaded(self) -> Loaded:
        """Return the configuration; raises RecordingError."""
        try:
            loaded = load(self.path, _reader(self.texts))
            passwords = {GroupId.read(group): one.encode() for group, one in self.passwords.items()}
        except (ConfigErrors, OSError, ValueError) as error:
            raise RecordingError(f"its configuration cannot be read: {error}") from error
        return replace(loaded, passwords=passwords)


def _reader(texts: Mapping[str, str]) -> Json:
    def read(path: str) -> str:
        if path not in texts:
            raise FileNotFoundError(2, "not part of the recording", path)
        return texts[path]

    return read


@dataclass(frozen=True, slots=True)
class Lost:
    """Inputs are missing."""

    inputs: int


Item: TypeAlias = Input | Lost


class Sealer:
    """Makes the sums."""

    def __init__(self) -> None:
        self._hash = hashlib.sha256()

    def add(self, data: bytes) -> None:
        """Take in bytes of the file."""
        self._hash.update(data)

    def seal(self) -> bytes:
        """Return the line with the sum of everything before it; it is taken in itself."""
        line = _line({"sum": self._hash.hexdigest()[:_HEX]}).encode() + b"\n"
        self.add(line)
        return line


class Tape:
    """A recording that was read.

    Args:
        lines: the file's lines as bytes, each with its end, which the last may lack.

    Attributes:
        head: what it begins with.
        cut: bytes of a last line that is not whole.
        unsealed: lines after the last sum.

    Raises:
        RecordingError: it is no recording, or it was damaged or edited.
    """

    def __init__(self, lines: Iterable[bytes]) -> None:
        self.cut = self.unsealed = 0
        self._lines: list[Any] = []
        sealer = Sealer()
        for number, line in enumerate(lines, start=1):
            if not line.endswith(b"\n"):
                self.cut = len(line)
                break
            self._take(number, line, sealer)
        if not self._lines:
            raise RecordingError("it is no recording of linkbalancer: it has no line")
        self.head = _head(self._lines.pop(0))

    def _take(self, number: int, line: bytes, sealer: Sealer) -> None:
        try:
            found = json.loads(line)
        except (ValueError, RecursionError):
            what = "it is no recording of linkbalancer" if number == 1 else f"line {number} is damaged"
            raise RecordingError(f"{what}: it is no JSON") from None
        if isinstance(found, dict) and "sum" in found:
            if line != sealer.seal():
                raise RecordingError(f"it was damaged or edited: line {number} has not the sum of what is before it")
            self.unsealed = 0
            return
        sealer.add(line)
        self.unsealed += 1
        self._lines.append(found)

    def agent(self, chance: RepeatedChance) -> Agent:
        """Return the agent as it was at the beginning; raises RecordingError."""
        loaded, keys = self.head.loaded(), stand_in_keys(self.head.keys)
        try:
            found = restore(self.head.seed, loaded, keys, chance)
            if isinstance(found, Start):
                chance.give(found.draws)
                found = found.agent(loaded, keys, chance)
        except (GraphError, DrawsError, LookupError, TypeError, ValueError) as error:
            raise RecordingError(f"the agent that it begins with cannot be made: {error}") from error
        return found

    def items(self) -> Iterator[Item]:
        """Yield the inputs, and where some are missing; raises RecordingError where a line makes no sense."""
        loaded = self.head.loaded()
        keys = stand_in_keys(self.head.keys)
        role = loaded.config.role
        own, peer = keyrings(loaded, keys, role), keyrings(loaded, keys, role.opposite)

        def untag(link: LinkName, signed: bytes, tag: int) -> bytes:
            return tagged(own[link], peer[link], signed, tag)

        decoder = Decoder(self.head.at, untag)
        for line in self._lines:
            if isinstance(line, list):
                yield from decoder.read(line)
            elif isinstance(line, dict) and type(line.get("lost")) is int:
                yield Lost(line["lost"])
            else:
                raise RecordingError(f"there is no line such as {_line(line)[:60]}")


def lost(inputs: int) -> str:
    """Return the line that says that inputs are missing."""
    return _line({"lost": inputs})


def _head(found: Json) -> Head:
    if not isinstance(found, dict) or "linkbalancer" not in found:
        raise RecordingError("it is no recording of linkbalancer: its first line is no head")
    if found.get("format") != FORMAT:
        theirs, its = found["linkbalancer"], found.get("format")
        what = f"it is of linkbalancer {theirs}, whose recordings are of format {its}; this program reads {FORMAT}"
        raise RecordingError(f"{what}: replay it with that version")
    try:
        fields = {**found, "version": str(found["linkbalancer"])}
        del fields["linkbalancer"]
        head = Head(**fields)
        sound = all(isinstance(one, int) for one in (head.at, head.wall)) and isinstance(head.seed, str)
        sound &= all(isinstance(one, dict) for one in (head.texts, head.keys, head.passwords))
    except TypeError:
        sound = False
    if not sound:
        raise RecordingError("its head makes no sense")
    return head


def _line(value: Json) -> str:
    return json.dumps(value, separators=(",", ":"))
