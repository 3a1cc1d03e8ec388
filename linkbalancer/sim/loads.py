"""What VIDs carry: how much the applications of each send, both ways, and when that changes (`burden.py` moves it)."""

from collections.abc import Iterable
from dataclasses import dataclass
from random import Random
from typing import Final

from linkbalancer.links import Vid
from linkbalancer.sim.weighing import Figures
from linkbalancer.sim.wire import FAR

SHIFTS_MAX: Final = 3
"""How often the load of some VID changes at most."""
SHIFTING_MS: Final = 8000
"""For how long loads change, from the first fault on."""
SHARES: Final = (0.1, 0.3, 0.5, 0.7, 1.1)
"""How much of what all links carry together all loads come to, on the average."""
WAIT_MAX_MS: Final = 4
"""How long a packet waits in a full queue at most; none here makes a link so long that its detect time grows."""


@dataclass(frozen=True, slots=True)
class Load:
    """What the applications of a VID send, in bits a second: from the near LAN, and from the far one."""

    out: float
    back: float

    def __str__(self) -> str:
        """Write it for the report of a failure."""
        return f"{self.out / 1e6:.1f} Mbit/s out, {self.back / 1e6:.1f} back"

    def towards(self, side: str) -> float:
        """Return what runs towards a side."""
        return self.out if side == FAR else self.back


@dataclass(frozen=True, slots=True)
class Shift:
    """A VID's load is another one from some instant on."""

    at_ms: int
    vid: Vid
    load: Load

    def __str__(self) -> str:
        """Write it for the report of a failure."""
        return f"at {self.at_ms} ms VID {self.vid}: {self.load}"


@dataclass(frozen=True, slots=True)
class Loads:
    """What each VID sends from the beginning, what becomes of it, and how long packets wait where a link is full."""

    first: tuple[Load, ...]
    shifts: tuple[Shift, ...] = ()
    waits_ms: tuple[int, ...] = ()

    def __str__(self) -> str:
        """Write it as lines."""
        vids = (f"VID {vid}: {load}" for vid, load in enumerate(self.first, start=1))
        waits = f"packets wait {', '.join(map(str, self.waits_ms))} ms where these links are full"
        return "\n".join((*vids, *map(str, self.shifts), waits))

    @property
    def until_ms(self) -> int:
        """When a load changes for the last time."""
        return max((shift.at_ms for shift in self.shifts), default=0)


def draw_loads(chance: Random, links: Iterable[Figures], vids: int, calm_ms: int) -> Loads:
    """Draw what so many VIDs carry over links like these."""
    lanes = [one.lanes for one in links]
    share = chance.choice(SHARES) / vids
    room, room_in = (share * sum(lane[way][1] for lane in lanes) for way in (0, 1))

    def load() -> Load:
        return Load(round(chance.uniform(0, 2) * room, -3), round(chance.uniform(0, 2) * room_in, -3))

    first = tuple(load() for _ in range(vids))
    instants = sorted(calm_ms + chance.randrange(SHIFTING_MS) for _ in range(chance.randrange(SHIFTS_MAX + 1)))
    shifts = tuple(Shift(at_ms, chance.randint(1, vids), load()) for at_ms in instants)
    return Loads(first, shifts, tuple(chance.randint(0, WAIT_MAX_MS) for _ in lanes))
