"""Simulated gateways whose agents are recorded as the daemon records its own, from any moment of their lives."""

from collections.abc import Iterator, Mapping, Sequence
from contextlib import contextmanager
from dataclasses import replace
from random import Random
from typing import Self
from unittest.mock import patch

from linkbalancer.clock import Instant
from linkbalancer.config.load import Loaded
from linkbalancer.engine.agent import Agent
from linkbalancer.engine.effects import Effect
from linkbalancer.engine.events import Event
from linkbalancer.engine.flight.chance import RecordedChance
from linkbalancer.engine.flight.inputs import Encoder
from linkbalancer.engine.flight.seed import Start, dump_agent, dump_start
from linkbalancer.engine.flight.tape import Head, Sealer, Tape
from linkbalancer.engine.flight.veil import Passwords, key_ids, keyrings
from linkbalancer.links import GroupId, LinkName, NodeName
from linkbalancer.lvrrp.keys import Key
from linkbalancer.sim.node import Node
from linkbalancer.sim.shape import Shape, loaded
from linkbalancer.sim.world import World

WALL = 10**18


class Draws(RecordedChance, Random):
    """A simulated gateway's chance, of which what its agent draws is kept."""

    def __init__(self, seed: int) -> None:
        self._source = Random(seed)
        RecordedChance.__init__(self, self._source)

    def __new__(cls, _seed: int) -> Self:
        """Make it as any random.Random."""
        return super().__new__(cls)

    def random(self) -> float:
        """Draw for the world, which nobody remembers."""
        return self._source.random()

    def randrange(self, start: int, stop: int | None = None, step: int = 1) -> int:
        """Draw, and remember."""
        assert step == 1
        return super().randrange(0, start) if stop is None else super().randrange(start, stop)


class Recorder:
    """Records one agent of a configuration from now on."""

    def __init__(
        self,
        agent: Agent,
        config: Loaded,
        now: Instant,
        *,
        keys: Mapping[LinkName, tuple[Key, ...]],
        start: Start | None = None,
    ) -> None:
        self.passwords = Passwords(config.passwords)
        seed = dump_agent(agent, config, self.passwords) if start is None else dump_start(start)
        self.head = Head(
            node=config.config.node,
            at=now,
            wall=WALL,
            begins="state" if start is None else "start",
            seed=seed,
            path=config.path,
            texts=config.texts,
            keys=key_ids(keys),
            passwords={str(group): one.decode() for group, one in self.passwords.stand_ins.items()},
        )
        self._encoder = Encoder(now, keyrings(config, keys, config.config.role), self.passwords)
        self._lines: list[str] = []
        self.inputs: list[tuple[Instant, Event, Sequence[Effect]]] = []

    def add(self, now: Instant, event: Event, effects: Sequence[Effect], draws: Sequence[int]) -> None:
        """Record one input."""
        self.inputs.append((now, event, effects))
        self._encoder.add(now, event, effects, draws)

    def lines(self) -> list[bytes]:
        """Return the recording so far as a file's lines."""
        self._lines += self._encoder.take()
        return sealed([self.head.line(), *self._lines])

    def tape(self) -> Tape:
        """Return the recording so far."""
        return Tape(self.lines())


def sealed(lines: Sequence[str]) -> list[bytes]:
    """Return lines as those of a file with one sum at its end."""
    sealer = Sealer()
    encoded = [f"{line}\n".encode() for line in lines]
    for line in encoded:
        sealer.add(line)
    return [*encoded, sealer.seal()]


def keys_of(node: Node) -> dict[LinkName, tuple[Key, ...]]:
    """Return the keys that a simulated gateway has."""
    secret = f"the secret of {node.link}, as both know".encode()
    return {node.link: (Key(1, secret),)} if node.shape.secret else {}


def config_of(shape: Shape, name: NodeName, passwords: Mapping[GroupId, bytes] | None = None) -> Loaded:
    """Return a gateway's configuration with its texts; its parts are the very ones that its agent has."""
    texts = {"linkbalancer.yaml": shape.text(name), "apps.conf": shape.rules()}
    return replace(loaded(shape, name), texts=texts, passwords=passwords or {})


@contextmanager
def flown(shape: Shape, seed: int) -> Iterator["Flights"]:
    """Run a world whose agents can be recorded."""
    flights = Flights(World(shape, seed))
    handle = Agent.handle

    def recorded(agent: Agent, now: Instant, event: Event) -> list[Effect]:
        node = flights.node_of(agent)
        if node is None:
            return handle(agent, now, event)
        assert isinstance(node.chance, RecordedChance)
        node.chance.take()
        effects = handle(agent, now, event)
        draws = node.chance.take()
        for recorder in flights.recorders.get(id(agent), ()):
            recorder.add(now, event, effects, draws)
        return effects

    with patch.object(Agent, "handle", recorded):
        yield flights


class Flights:
    """A world, and who records which agent."""

    def __init__(self, world: World) -> None:
        self.world = world
        self.recorders: dict[int, list[Recorder]] = {}
        for number, node in enumerate(world.nodes.values()):
            node.chance = Draws(number)

    def node_of(self, agent: Agent) -> Node | None:
        """Return whose agent that is."""
        return next((node for node in self.world.nodes.values() if node.agent is agent), None)

    def record(self, name: NodeName) -> Recorder:
        """Record a gateway's agent from now on."""
        node = self.world.nodes[name]
        assert node.agent is not None
        recorder = Recorder(node.agent, config_of(node.shape, name), node.clock, keys=keys_of(node))
        self.recorders.setdefault(id(node.agent), []).append(recorder)
        return recorder
