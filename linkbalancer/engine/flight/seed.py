"""What a recording begins with: how an agent was made, or what it is in the midst of its life.

The first is what its constructor was handed. The second is the whole agent as nodes of a graph. Both leave the
configuration to the texts beside them: its parts are named by their places. Keyrings are named by their links, chance
is whoever's the reader has, how links are weighed is told by the configuration, and what the last event had sent is
left out.
"""

import json
import zlib
from base64 import b64decode, b64encode
from collections.abc import Iterator, Mapping
from dataclasses import dataclass, fields, is_dataclass
from functools import cache
from typing import Any, Final, TypeAlias

from pydantic import BaseModel

from linkbalancer.clock import Instant
from linkbalancer.config.load import Loaded
from linkbalancer.engine.agent import Agent
from linkbalancer.engine.effects import SendAdvert, SendDatagram
from linkbalancer.engine.flight import graph
from linkbalancer.engine.flight.chance import RecordedChance, RepeatedChance
from linkbalancer.engine.flight.graph import Json
from linkbalancer.engine.flight.veil import Passwords, keyrings
from linkbalancer.engine.found import Found
from linkbalancer.links import LinkName
from linkbalancer.lvrrp.keys import Key, Keyring
from linkbalancer.machine import Chance
from linkbalancer.weights.settings import WeigherSettings

Path: TypeAlias = tuple[str | int, ...]

RULES: Final = ("rules", "rules")
"""Where the lines of a rule file are, which nobody holds one by one, and of which there may be ten thousands."""

STATE_MAX: Final = 64 << 20
"""Bytes of a state, unpacked: more is no agent's, and a small file must not fill a reader's memory."""


@dataclass(frozen=True, slots=True)
class Start:
    """How an agent was made, beside configuration and keys, and what was drawn while it was."""

    app_ids: dict[str, int]
    session: int
    boot: Instant
    found: Found
    draws: tuple[int, ...] = ()

    def agent(
        self,
        loaded: Loaded,
        keys: Mapping[LinkName, tuple[Key, ...]],
        chance: Chance,
    ) -> Agent:
        """Make it again."""
        return Agent(
            loaded,
            keys,
            chance,
            self.app_ids,
            session=self.session,
            boot=self.boot,
            found=self.found,
        )


def dump_start(start: Start) -> str:
    """Return how an agent was made, as text."""
    return _packed(graph.dump(start))


def dump_agent(agent: Agent, loaded: Loaded, passwords: Passwords) -> str:
    """Return a whole agent as text; raises GraphError where it has become something that cannot be written."""
    places = {id(part): list(path) for path, part in parts(loaded)}

    def outside(value: object) -> list[Any] | None:
        if id(value) in places:
            return ["configuration", places[id(value)]]
        match value:
            case bytes():
                return ["bytes", passwords.scrubbed(value).hex()]
            case Keyring(link=link):
                return ["keyring", link]
            case RecordedChance() | RepeatedChance():
                return ["chance", None]
            case WeigherSettings(link=link):
                return ["weighed", link]
            case SendAdvert() | SendDatagram():
                return ["sent", None]
            case Key():
                raise graph.GraphError("it holds a key")
            case _:
                return None

    return _packed(graph.dump(agent, outside))


def restore(text: str, loaded: Loaded, keys: Mapping[LinkName, tuple[Key, ...]], chance: Chance) -> Agent | Start:
    """Return what was dumped; raises GraphError where it is none, or another program's."""
    places, rings = dict(parts(loaded)), keyrings(loaded, keys, loaded.config.role)
    weighed = cache(loaded.config.weights)

    def inside(name: Json) -> object:
        match name:
            case ["configuration", path]:
                return places[tuple(path)]
            case ["keyring", str(link)]:
                return rings[link]
            case ["bytes", str(text)]:
                return bytes.fromhex(text)
            case ["chance", None]:
                return chance
            case ["sent", None]:
                return None
            case ["weighed", str(link)]:
                return weighed(link)
            case _:
                raise graph.GraphError(f"it names {name!r}, which is not there")

    value = graph.restore(_unpacked(text), inside)
    if not isinstance(value, Agent | Start):
        raise graph.GraphError(f"it begins with a {type(value).__qualname__}")
    return value


def parts(loaded: Loaded) -> Iterator[tuple[Path, object]]:
    """Yield the parts of a configuration that an agent may hold, each with its place: the same for equal texts."""
    waiting: list[tuple[Path, object]] = [((), loaded)]
    while waiting:
        path, part = waiting.pop()
        inner: list[tuple[str | int, object]]
        match part:
            case BaseModel():
                inner = [(name, getattr(part, name)) for name in type(part).model_fields]
            case dict():
                inner = list(enumerate(part.values()))
            case tuple() if path != RULES:
                inner = list(enumerate(part))
            case _ if is_dataclass(part):
                inner = [(one.name, getattr(part, one.name)) for one in fields(part)]
            case _:
                continue
        if not isinstance(part, tuple):
            yield path, part
        waiting += [((*path, name), one) for name, one in inner if name not in {"passwords", "texts"}]


def _packed(value: Json) -> str:
    return b64encode(zlib.compress(json.dumps(value, separators=(",", ":")).encode(), 6)).decode()


def _unpacked(text: str) -> Json:
    try:
        unpacker = zlib.decompressobj()
        data = unpacker.decompress(b64decode(text, validate=True), STATE_MAX)
        if unpacker.unconsumed_tail:
            raise graph.GraphError(f"it is larger than {STATE_MAX >> 20} MiB")
        return json.loads(data)
    except (zlib.error, ValueError, RecursionError) as error:
        raise graph.GraphError(f"it cannot be unpacked: {error}") from error
