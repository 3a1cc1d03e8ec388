"""Somebody on a link who has no key: he records what passes, and hands both ends whatever he likes of it.

He was there before the history began, so he has former sessions under the same key too. He takes nothing away: for that
there are other faults. So he is no cause for anything to move, and the judges are as strict as without him.
"""

from collections import deque
from dataclasses import dataclass
from functools import lru_cache
from random import Random
from typing import Final

from linkbalancer.clock import MILLISECOND, SECOND, Duration, Instant
from linkbalancer.engine.events import DatagramReceived
from linkbalancer.links import GroupState, GroupWord, LinkName
from linkbalancer.lvrrp.events import Bye, Carrier, Effect, Event, Received, Start, Tick, Transmit, Words
from linkbalancer.lvrrp.link import Link
from linkbalancer.sim.node import QUEUE_MAX
from linkbalancer.sim.shape import Shape, loaded, number_of
from linkbalancer.sim.wire import FAR, NEAR, SIDES, opposite
from linkbalancer.sim.world import World

Recorded = tuple[str, bytes]
"""A datagram, and the side that it ran towards."""

TAPPED_MAX: Final = 4096
"""How much of the present history is remembered: the last so many datagrams of a link."""

FORMER: Duration = 300 * MILLISECOND
"""How long a former session was listened to: it is open by then."""

ATTACKS_MAX: Final = 2
"""On how many links of a history he strikes, or how often on one."""

STATES: Final = (GroupState.MASTER, GroupState.BACKUP, GroupState.FAULT)
FLIGHT: Duration = MILLISECOND
_FORGED: Final = 8
_LATEST: Final = 64


@dataclass(frozen=True, slots=True)
class Attack:
    """What he does at which link: from when on, for how long (None: to the end), how much, and what he has."""

    link: LinkName
    at_ms: int
    lasts_ms: int | None
    rate: int
    sessions: int

    def __str__(self) -> str:
        """Write it for the report of a failure."""
        end = "to the end" if self.lasts_ms is None else f"for {self.lasts_ms} ms"
        return (
            f"at {self.at_ms} ms {end}: somebody on {self.link}, {self.rate} datagrams a second, "
            f"{self.sessions} former sessions"
        )


def draw_attacks(seed: int, links: tuple[LinkName, ...], calm_ms: int, faulty_ms: int) -> tuple[Attack, ...]:
    """Draw who strikes in a history, with chance of his own: its faults are the same with and without him."""
    chance = Random(f"attacks {seed}")
    attacks = []
    for _ in range(chance.randint(1, ATTACKS_MAX)):
        rate, lasts_ms = chance.choice(((100, None), (500, None), (1000, 3000), (3000, 1000), (10_000, 300)))
        at_ms = chance.randrange(calm_ms + faulty_ms)
        attacks.append(Attack(chance.choice(links), at_ms, lasts_ms, rate, chance.choice((0, 1, 2, 5, 20))))
    return tuple(attacks)


class Attacker:
    """One who is at work: made before the history begins, he listens from the first datagram on."""

    def __init__(self, world: World, attack: Attack, chance: Random) -> None:
        self._world = world
        self._attack = attack
        self._chance = chance
        self._former = former_sessions(world.shape, attack.link, attack.sessions)
        self._until: Instant | None = None
        self._wire = world.wires[attack.link]
        if self._wire.tap is None:
            self._wire.tap = deque(maxlen=TAPPED_MAX)
        self._tap = self._wire.tap
        self._wire.flood += attack.rate
        self._wire.former += attack.sessions
        self._ends = {node.side: node for node in world.nodes.values() if node.link == attack.link}
        world.agenda.after(attack.at_ms * MILLISECOND, self._begin)

    def _begin(self) -> None:
        self._world.trace.note(self._world.now, "world", "ATTACK", self._attack)
        if self._attack.lasts_ms is not None:
            self._until = self._world.now + self._attack.lasts_ms * MILLISECOND
        self._strike()

    def _strike(self) -> None:
        """Hand over one datagram, and see to the next."""
        if self._until is not None and self._world.now >= self._until:
            return
        towards, data = self._drawn()
        node = self._ends[towards]
        # A process that stands still has a buffer for its sockets: what it does not hold of this is lost.
        if not self._wire.cuts and (node.waiting is None or len(node.waiting) < QUEUE_MAX // 2):
            node.handle(DatagramReceived(node.link, data))
        self._world.agenda.after(self._chance.randrange(2 * SECOND // self._attack.rate), self._strike)

    def _drawn(self) -> Recorded:
        """Draw what to hand to whom."""
        if not self._tap or (self._former and self._chance.randrange(3)):
            towards, data = self._chance.choice(self._former or [(side, b"") for side in SIDES])
        else:
            latest = min(len(self._tap), _LATEST if self._chance.randrange(2) else TAPPED_MAX)
            towards, data = self._tap[-1 - self._chance.randrange(latest)]
        return forged(towards, data, self._chance)


def forged(towards: str, data: bytes, chance: Random) -> Recorded:
    """Return a datagram as it was, mostly; or sent back, cut, lengthened, changed, or made up."""
    match chance.randrange(_FORGED):
        case 0:
            return opposite(towards), data
        case 1:
            return towards, data[: chance.randrange(len(data) + 1)]
        case 2:
            place = chance.randrange(len(data) + 1)
            return towards, data[:place] + chance.randbytes(1) + data[place + 1 :]
        case 3:
            return towards, chance.randbytes(chance.randrange(120))
        case _:
            return towards, data


@lru_cache(maxsize=8)
def former_sessions(shape: Shape, link: LinkName, count: int) -> list[Recorded]:
    """Return what the two ends of a link said in as many conversations before, under the keys that they have now."""
    return [said for number in range(count) for said in _conversation(shape, link, Random(f"{link} {number}"))]


def _conversation(shape: Shape, link: LinkName, chance: Random) -> list[Recorded]:
    """Have two ends talk for a while, of other states than those of now, and take leave; write it down."""
    begin: Instant = chance.randrange(10**15)
    ends = {}
    for side, letter in ((NEAR, "b"), (FAR, "f")):
        config = loaded(shape, f"{letter}{number_of(link)}").config
        ends[side] = Link(config.links[link].settings(link, config), shape.keys(link), chance, begin)
    said: list[Recorded] = []
    under_way: deque[tuple[Instant, Recorded]] = deque()

    def do(now: Instant, side: str, event: Event) -> None:
        for data in _sent(ends[side].handle(now, event)):
            said.append((opposite(side), data))
            under_way.append((now + FLIGHT, said[-1]))

    for side in (FAR, NEAR):
        do(begin, side, Carrier(up=True))
        do(begin, side, Start())
        do(begin, side, Words(tuple(GroupWord(vid, chance.choice(STATES), 254, 1) for vid in range(1, shape.vids + 1))))
    for now in range(begin, begin + FORMER, FLIGHT):
        while under_way and under_way[0][0] <= now:
            _, (side, data) = under_way.popleft()
            do(now, side, Received(data))
        for side, end in ends.items():
            if (due := end.deadline()) is not None and due <= now:
                do(now, side, Tick())
    for side in SIDES:
        do(begin + FORMER, side, Bye(chance.choice((None, SECOND))))
    return said


def _sent(effects: list[Effect]) -> list[bytes]:
    return [effect.data for effect in effects if isinstance(effect, Transmit)]
