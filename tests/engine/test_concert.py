"""Sync groups, announcements and the start-up delay in a whole agent."""

from dataclasses import replace
from random import Random

import pytest

from linkbalancer.clock import SECOND
from linkbalancer.config.load import Loaded
from linkbalancer.config.synchrony import SyncGroup
from linkbalancer.engine import conduct
from linkbalancer.engine.agent import Agent
from linkbalancer.engine.concert import Concert
from linkbalancer.engine.drain import Drained
from linkbalancer.engine.effects import AddAddresses, Announce, Effect, RemoveAddresses, Retired, SendAdvert
from linkbalancer.engine.events import DeviceChanged, LegHeard, NeighbourHeard, Retire, Tick
from linkbalancer.engine.retirement import REMOVED
from linkbalancer.engine.synchrony import SyncGroup as Synchronised
from linkbalancer.links import GroupId, GroupState
from linkbalancer.lvrrp.rules import Stance
from linkbalancer.sim.shape import LAN_DEVICE, Shape, lan_address, loaded
from linkbalancer.sim.wire import NEAR
from linkbalancer.vrrp import effects as vrrp
from tests.engine.bench import MS, Bench, of_type

ONE, TWO, THREE = GroupId(1), GroupId(2), GroupId(3)
RUNS = Stance(runs=True, priority=100, stopped_as=GroupState.UNKNOWN, tier=None, reason="link open")
FAULT = Stance(runs=False, priority=0, stopped_as=GroupState.FAULT, tier=None, reason="drained by root")


class SyncBench(Bench):
    """The agent of a gateway whose VIDs 1 and 2 are a sync group; its third VID is for itself."""

    def __init__(self, *, start_delay: int = 0) -> None:
        super().__init__(Shape(links=3, secret=False))
        whole = loaded(Shape(links=3, secret=False), "b1")
        update = {"sync_groups": {"edge": SyncGroup(groups=(ONE, TWO))}, "start_delay": start_delay}
        config = Loaded(whole.config.model_copy(update=update), whole.rules)
        app_ids = {app: number for number, app in enumerate(config.rules.applications, start=2)}
        self.agent = Agent(config, {}, Random(1), app_ids, session=1, boot=self.now)

    def states(self) -> list[str]:
        """Return the states of the three VIDs."""
        return [str(self.group(vid)["state"]) for vid in (1, 2, 3)]


def bench() -> SyncBench:
    """Return a bench that has been Master of everything for a while."""
    ready = SyncBench()
    ready.start()
    ready.wait(5000)
    assert ready.states() == ["master"] * 3
    return ready


def test_members_become_master_in_one_go() -> None:
    """Though their timers end at different times; each sends its advert before it has its addresses and announces."""
    ready = SyncBench()
    ready.start()
    ready.hear(2, 250)
    for _ in range(10):
        ready.wait(100)
        ready.hear(2, 250)
    assert ready.states() == ["backup", "backup", "master"]

    found: list[Effect] = []
    while ready.states()[0] == "backup":
        deadline = ready.agent.deadline()
        assert deadline is not None
        ready.now = max(ready.now, deadline)
        found = ready.do(Tick())

    assert ready.states() == ["master"] * 3
    kinds = [type(one) for one in found if isinstance(one, SendAdvert | AddAddresses)]
    assert kinds[:4] == [SendAdvert, AddAddresses] * 2
    announced = [str(address) for one in of_type(found, Announce) for address in one.addresses]
    assert {"192.168.1.101", "192.168.1.102"} <= set(announced)


def test_a_beaten_member_takes_the_other_along() -> None:
    """Without priority 0; the third VID, of no sync group, stays."""
    ready = bench()

    effects = ready.hear(1, 250)

    assert ready.states() == ["backup", "backup", "master"]
    assert [advert.message[2] for advert in of_type(effects, SendAdvert)] == [1]  # one last advert of the loser
    assert "sync group edge" in ready.group(2)["reason"]


def test_a_priority_0_on_one_lan_hastens_the_other() -> None:
    """The agent asks for the tick that the hastened timer needs, and the group moves long before silence would."""
    ready = SyncBench()
    ready.start()
    for vid in (1, 2):
        ready.hear(vid, 250)

    ready.hear(1, 0)
    ready.wait(200 + 25)

    assert ready.states()[:2] == ["master", "master"]


def test_a_beaten_rival_has_every_member_announced_again() -> None:
    """Hosts of the other LAN may have been told of the rival as well."""
    ready = bench()

    announced = of_type(ready.hear(1, 1, number=0), Announce)

    assert [str(address) for one in announced for address in one.addresses] == ["192.168.1.101", "192.168.1.102"]


def test_a_member_that_must_not_run_takes_all_out_and_back() -> None:
    """A drained VID counts as a fault of its sync group, and the peer is told that."""
    ready = bench()

    effects = ready.do(Drained(vids={1: "by root: works"}))
    adverts = of_type(effects, SendAdvert)
    assert [advert.message[2] for advert in adverts] == [0, 0]
    assert ready.states() == ["fault", "fault", "master"]
    assert ready.group(2)["reason"] == "sync group edge: VID 1: drained by root: works"

    ready.do(Drained(vids={1: "by root: works", 2: "by root: too"}))
    assert ready.group(2)["reason"] == "drained by root: too"
    ready.do(Drained(vids={2: "by root: too"}))
    assert ready.group(1)["reason"] == "sync group edge: VID 2: drained by root: too"
    ready.do(Drained())
    assert ready.states() == ["backup", "backup", "master"]
    ready.wait(5000)
    assert ready.states() == ["master"] * 3


def test_a_member_that_goes_for_good_goes_alone() -> None:
    """A successor that will not serve it must not cost the rest of the sync group its mastership."""
    ready = bench()

    ready.do(Retire(frozenset({ONE}), frozenset()))
    effects = ready.wait(13_000)

    assert ready.states() == ["stopped", "master", "master"]
    assert of_type(effects, Retired)


def test_what_a_stance_means_for_the_others() -> None:
    """They are judged again when a member goes out, when the reason changes and when it is back; no more often."""
    concert = Concert({ONE: Synchronised("edge", (ONE, TWO)), TWO: Synchronised("edge", (ONE, TWO))})

    assert concert.judge(ONE, RUNS) == {ONE, TWO}
    assert concert.judge(TWO, RUNS) == frozenset()
    assert concert.judge(ONE, replace(RUNS, priority=7)) == frozenset()
    assert concert.judge(ONE, FAULT) == {ONE, TWO}
    assert concert.judge(ONE, FAULT) == frozenset()
    assert (concert.stance(ONE), concert.stance(TWO).runs) == (FAULT, False)
    assert concert.judge(ONE, REMOVED) == {ONE, TWO}
    assert (concert.stance(ONE), concert.stance(TWO)) == (REMOVED, RUNS)


@pytest.mark.parametrize("heard", [LegHeard(LAN_DEVICE, alive=True), None])
def test_a_master_whose_leg_was_silent_announces_again(heard: LegHeard | None) -> None:
    """It never stopped being Master, so nothing else would tell the hosts that the rival of meanwhile is gone."""
    ready = bench()
    ready.wait(10_000)

    effects = ready.do(heard or DeviceChanged(LAN_DEVICE, carrier=True, primary=lan_address(NEAR, 1)))

    assert sum(len(one.addresses) for one in of_type(effects, Announce)) == 3
    assert sum(len(one.addresses) for one in of_type(ready.wait(2000), Announce)) == 3


def test_a_leg_that_falls_silent_has_nothing_to_announce() -> None:
    """Nor has a device that no group of ours is on."""
    ready = bench()

    assert of_type(ready.do(LegHeard("eth7", alive=True)), Announce) == []
    assert of_type(ready.do(LegHeard(LAN_DEVICE, alive=False)), Announce) == []


def test_a_master_announces_again_to_whom_it_could_not_hear() -> None:
    """A member or target that answers after a silence: it may have believed in another Master meanwhile (seed 4077)."""
    ready = bench()
    ready.wait(10_000)
    there = NeighbourHeard(LAN_DEVICE, lan_address(NEAR, 200), b"\2" * 6)
    gone = replace(there, mac=None)

    assert of_type(ready.do(there), Announce) == []
    assert of_type(ready.do(gone), Announce) == []
    assert sum(len(one.addresses) for one in of_type(ready.do(there), Announce)) == 3
    assert of_type(ready.do(there), Announce) == []


def test_announcements_are_refreshed_and_end_with_the_mastership() -> None:
    """Once a minute while it is Master; nothing after it has stepped down."""
    ready = bench()

    def count() -> int:
        return sum(len(one.addresses) for one in of_type(ready.wait(60_000), Announce))

    assert count() == 3
    for vid in (1, 3):
        ready.hear(vid, 250)
    for _ in range(700):
        found = of_type(ready.wait(100), Announce)
        assert found == []
        for vid in (1, 2, 3):
            ready.hear(vid, 250)


def test_exchanged_addresses_are_announced_or_forgotten() -> None:
    """What is new is installed before it is announced; what goes is announced no more."""
    ready = bench()
    gateway = ready.agent._gateway
    membership = gateway.memberships[THREE]
    [old] = membership.group.virtual_ips
    places = (("eth9", (old,)),)
    gateway.out = []

    conduct_perform(ready, vrrp.ExchangeAddresses(places, ((LAN_DEVICE, (old,)),), announce=True))

    kinds = [one for one in gateway.out if isinstance(one, AddAddresses | Announce | RemoveAddresses)]
    assert kinds == [
        AddAddresses("eth9", (old,)),
        Announce("eth9", (old.ip,)),
        RemoveAddresses(LAN_DEVICE, (old,)),
    ]
    gateway.out = []
    conduct_perform(ready, vrrp.ExchangeAddresses(places, (), announce=False))
    assert of_type(gateway.out, Announce) == []


def conduct_perform(ready: SyncBench, effect: vrrp.Effect) -> None:
    """Have the agent do what the third VID's router wants."""
    gateway = ready.agent._gateway
    conduct.perform(gateway, ready.now, gateway.memberships[THREE], effect)


def test_no_advert_leaves_before_the_start_up_delay_is_over() -> None:
    """It is counted from the clock's zero, the host's boot."""
    ready = SyncBench(start_delay=10**12 + 10 * SECOND)
    ready.start()

    assert of_type(ready.wait(10_000), SendAdvert) == []
    assert ready.states() == ["backup"] * 3
    ready.wait(5000)
    assert ready.states() == ["master"] * 3
    assert ready.now == 10**12 + 15_000 * MS
