"""An agent whose groups' VRRP a Keepalived runs: what it asks for, what it makes of its words, and its successors."""

import json
from typing import Any

from linkbalancer.engine.effects import (
    AddAddresses,
    Left,
    Record,
    RemoveAddresses,
    SendAdvert,
    SetNextHop,
    SteerKeepalived,
)
from linkbalancer.engine.events import KeepalivedSays, Leave, Started
from linkbalancer.engine.found import Found
from linkbalancer.links import GroupId, GroupState, OnProbeLoss, ViaMaster
from linkbalancer.sim.shape import LAN_DEVICE, LINK_DEVICE, Shape, lan_address, virtual_ip
from linkbalancer.sim.wire import NEAR
from tests.engine.bench import B2, Bench, of_type

KEEPALIVED = frozenset({"b1"})
SHAPE = Shape(secret=False, keepalived=KEEPALIVED)
STOP = Shape(secret=False, keepalived=KEEPALIVED, mode=OnProbeLoss.STOP)
ONE = GroupId(1)


def says(state: GroupState, vid: int = 1, priority: int = 150) -> KeepalivedSays:
    """Return a word of Keepalived's."""
    return KeepalivedSays(GroupId(vid), state, priority)


def test_its_priority_is_asked_for_and_nothing_else_done() -> None:
    """Demoted while the link is closed; no advert leaves, no address is touched."""
    bench = Bench(SHAPE)
    effects = [*bench.start(), *bench.wait(3000)]

    assert [1] == [effect.priority for effect in of_type(effects, SteerKeepalived) if effect.group == ONE]
    assert [] == of_type(effects, SendAdvert) + of_type(effects, AddAddresses) + of_type(effects, RemoveAddresses)
    asked = [one for one in of_type(effects, Record) if one.kind == "keepalived" and "VID 1" in one.subject]
    assert ["Keepalived is to have priority 1"] == [one.text for one in asked]


def test_a_stopped_group_is_a_fault_that_is_none() -> None:
    """`stop`: Keepalived is asked for Fault, once, whatever it was asked before; and the group is stopped."""
    bench = Bench(STOP)
    effects = [*bench.start(), *bench.do(says(GroupState.FAULT)), *bench.wait(1000)]

    assert [None] == [effect.priority for effect in of_type(effects, SteerKeepalived) if effect.group == ONE]
    assert "stopped" == bench.group(1)["state"]


def test_its_word_makes_the_state() -> None:
    """Master, with the next hop that follows; of a group that is not its own nothing is believed."""
    bench = Bench(SHAPE)
    bench.start()
    bench.do(says(GroupState.MASTER))

    assert ("master", "self", "keepalived") == tuple(bench.group(1)[key] for key in ("state", "master", "mode"))
    before = bench.group(3)
    assert [] == bench.do(KeepalivedSays(GroupId(99), GroupState.MASTER, 1))
    assert before == bench.group(3)


def test_another_master_is_the_next_hop_as_ever() -> None:
    """What is heard on the LAN counts as for a member."""
    bench = Bench(SHAPE)
    bench.start()
    bench.do(says(GroupState.BACKUP))
    effects = bench.hear(1, 200)

    assert SetNextHop(1, ViaMaster(LAN_DEVICE, virtual_ip(NEAR, 1).ip, B2, lan_address(NEAR, 1))) in effects


def test_a_leave_is_a_fault_for_all() -> None:
    """Nothing is held: the service may end at once."""
    bench = Bench(SHAPE)
    bench.start()
    bench.do(says(GroupState.MASTER))
    effects = bench.do(Leave())

    assert SteerKeepalived(ONE, None) in effects
    assert [Left()] == of_type(effects, Left)


def succeeded(bench: Bench, *, live: bool) -> tuple[Bench, list[Any]]:
    """Let an agent be succeeded, by what it wrote down or handed over; return the next one, and what it does."""
    saved = json.loads(json.dumps(bench.agent.snapshot(bench.now, live=live)))
    # The addresses are Keepalived's, whoever finds them.
    found = Found(frozenset({(LAN_DEVICE, virtual_ip(NEAR, 1))}), {}, saved, live)
    after = Bench(SHAPE, now=bench.now, found=found)
    effects = [*after.carrier(LAN_DEVICE), *after.carrier(LINK_DEVICE), *after.do(Started())]
    return after, effects


def test_a_successor_knows_what_was_said_and_asked() -> None:
    """After a death and in a succession: it is Master still, and asks for nothing anew."""
    for live in (False, True):
        bench = Bench(SHAPE)
        bench.start()
        bench.do(says(GroupState.MASTER))
        after, effects = succeeded(bench, live=live)

        assert "master" == after.group(1)["state"]
        assert [] == of_type(effects, SteerKeepalived)
        assert [] == of_type(effects, RemoveAddresses) + of_type(effects, AddAddresses)


def test_in_a_sync_group_it_goes_alone() -> None:
    """Keepalived has sync groups of its own; ours never orders it about."""
    bench = Bench(Shape(secret=False, keepalived=KEEPALIVED, vids=2))
    bench.start()
    before = bench.group(2)["state"]
    bench.do(says(GroupState.MASTER))

    assert before == bench.group(2)["state"]
