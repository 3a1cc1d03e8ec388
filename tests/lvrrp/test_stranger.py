"""docs/protocol.md suffices: an end written from it does, byte for byte, what ours does, whatever happens to both."""

import random
from typing import Any

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from linkbalancer.clock import MILLISECOND, SECOND, Duration
from linkbalancer.links import GroupId, GroupState, GroupWord, Role
from linkbalancer.lvrrp import tlv
from linkbalancer.lvrrp.events import Adjust, Bye, Carrier, Effect, Event, Received, Start, Tick, Transmit, Words
from linkbalancer.lvrrp.link import Link
from tests.lvrrp.pair import FAR, KEY, NEAR, Pair
from tests.lvrrp.pair import settings as settings_of
from tests.lvrrp.stranger import Stranger

MS = MILLISECOND
MASTER = GroupWord(1, GroupState.MASTER, 150, 1, 2)


class Twins(Pair):
    """The far end is there twice, with the same chance: ours, whose datagrams are sent, and the stranger."""

    def __init__(self, seed: int, **changes: Any) -> None:
        self.twins = 0
        super().__init__(seed=seed, **changes)

    def _new(self, name: str) -> Link:
        if name == NEAR:
            return super()._new(name)
        self.twins += 1
        ours, theirs = (random.Random(10**9 + self.twins) for _ in range(2))
        self.stranger = Stranger(KEY.secret, "l1", "f1", lambda: theirs.getrandbits(64) or 1)
        return Link(settings_of(Role.CONTROLLED), (KEY,), ours, self.now)

    def do(self, name: str, event: Event) -> list[Effect]:
        """Hand the stranger what the far end is handed, and compare."""
        effects = super().do(name, event)
        if name == FAR:
            said = [effect.data for effect in effects if isinstance(effect, Transmit)]
            assert self.ask(event) == said
            assert self.stranger.is_open == self.far.is_open
            assert self.stranger.proof_at == self.far.proof_at
            assert self.stranger.adjusted.get(bytes([1, 4])) == self.far.adjusted(GroupId(1))
        return effects

    def ask(self, event: Event) -> list[bytes]:
        """Return what the stranger says to an event."""
        stranger, now = self.stranger, self.now
        match event:
            case Start():
                stranger.started = True
            case Received(data):
                return stranger.receive(now, data)
            case Carrier(up):
                stranger.change_carrier(now, up=up)
            case Words(words):
                return stranger.state(now, tlv.encode(tlv.Body(words=words)))
            case Bye():
                return stranger.leave(now)
            case Tick():
                stranger.tick(now)
            case _:
                raise AssertionError("the stranger has one key")
        return []

    def _record(self, name: str, event: Event, effects: list[Effect]) -> None:
        """Keep no recording."""


FAULTS = ["loss", "cut", "slow", "near only", "far only", "near dies", "far dies", "far leaves", "near leaves",
          "near holds", "carrier", "words", "adjust", "old", "nothing"]  # fmt: skip


def befall(pair: Twins, fault: str, chance: random.Random) -> None:
    """Let something happen; what befalls the wire lasts until the next."""

    def lossy(_sender: str, _now: int) -> list[Duration]:
        return [chance.randrange(1, 90) * MS for _ in range(chance.choice([0, 1, 1, 2]))]

    slow = chance.randrange(100, 700) * MS
    one_way = fault.partition(" ")[0]
    pair.fate = {
        "loss": lossy,
        "cut": lambda _sender, _now: [],
        "slow": lambda _sender, _now: [slow],
        "near only": lambda sender, _now: [MS] if sender == one_way else [],
        "far only": lambda sender, _now: [MS] if sender == one_way else [],
    }.get(fault, lambda _sender, _now: [MS])
    match fault:
        case "near dies" | "far dies":
            pair.restart(one_way)
        case "near leaves" | "far leaves" | "near holds":
            hold = chance.randrange(100, 9000) * MS if fault == "near holds" else None
            pair.do(one_way, Bye(hold))
            pair.run(chance.randrange(1, chance.choice((900, 7000))) * MS)
            pair.restart(one_way)
        case "carrier":
            pair.do(FAR, Carrier(up=False))
            pair.run(chance.randrange(1, 300) * MS)
            pair.do(FAR, Carrier(up=True))
        case "words":
            pair.do(FAR, Words((GroupWord(1, chance.choice(list(GroupState)), 9, 9),)))
        case "adjust":
            groups = [GroupId(vid) for vid in range(1, chance.choice((2, 60)))]
            pair.do(NEAR, Adjust(tuple((group, chance.randrange(2, 255), 1.5) for group in groups)))
        case "old":
            for _, data in chance.choices(pair.sent, k=40):
                pair.do(FAR, Received(data))
        case _:
            assert fault in FAULTS, "of the wire"


@pytest.mark.thorough
@settings(max_examples=60, deadline=None)
@given(st.lists(st.tuples(st.sampled_from(FAULTS), st.integers(1, 1500)), max_size=10), st.integers(0, 10**6))
def test_an_end_written_from_the_document_does_what_ours_does(steps: list[tuple[str, int]], seed: int) -> None:
    """The same datagrams, openness and proofs at every step of a run with faults, and both are well afterwards."""
    pair = Twins(seed, interval_min=100 * MS)
    chance = random.Random(seed)
    pair.start().run(300 * MS)
    for fault, milliseconds in steps:
        befall(pair, fault, chance)
        pair.run(milliseconds * MS)
    befall(pair, "nothing", chance)
    pair.run(1400 * MS)
    pair.do(FAR, Words((MASTER,)))
    pair.run(40 * SECOND)

    assert pair.both_open
    assert pair.near.word(GroupId(1), pair.now) == MASTER
