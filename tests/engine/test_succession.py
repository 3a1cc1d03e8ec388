"""What a living agent hands over to its successor beside states: what is known, and what was told of it already."""

import json
from ipaddress import IPv4Address
from typing import Any

import pytest

from linkbalancer.clock import SECOND
from linkbalancer.config.load import Loaded, load
from linkbalancer.engine.agent import Agent
from linkbalancer.engine.company import EVERY, SILENT, Herald, encode
from linkbalancer.engine.drain import Drained
from linkbalancer.engine.effects import Effect, Record, SetLost, SetMembers
from linkbalancer.engine.events import DeviceChanged, Event, HeraldReceived, NeighbourHeard, Started
from linkbalancer.engine.found import Found
from linkbalancer.routing.twins import Lost
from tests.engine.alone import ONE, OTHER4, OTHER_MAC, OWN4, Alone
from tests.engine.bench import of_type

SITE = """\
node: r1
role: standalone
steer_ipv6: true
lans:
  eth0: {{members: [{0}]}}
groups:
  1: {{device: eth0, virtual_ips: [192.0.2.251/24], priority: 150, advert_interval: 200ms}}
applications: apps.conf
"""
RULES, OTHER_RULES = "App=* * * * * * [1] name=all\n", "App=* * * * 443 tcp [1] name=all\n"
MEMBER, NEXT_MEMBER, HOST = (IPv4Address(f"192.0.2.{number}") for number in (3, 4, 77))
MEMBER_MAC, HOST_MAC = b"\x02\0\0\0\0\x03", b"\x02\0\0\0\0\x77"


def loaded(members: str = "192.0.2.3", rules: str = RULES) -> Loaded:
    """Load gateway r1."""
    files = {"gateway.yaml": SITE.format(members), "apps.conf": rules}
    return load("gateway.yaml", files.__getitem__)


def begun(config: Loaded | None = None) -> Alone:
    """Return r1, which has started; r2 is Master."""
    one = Alone(config or loaded())
    start(one)
    one.other(ONE, 200)
    return one


def start(one: Alone, *before: Event) -> list[Effect]:
    """Have an agent start, with what its process hands it before."""
    events: tuple[Event, ...] = (DeviceChanged("eth0", carrier=True, primary=OWN4), *before, Started())
    return [effect for event in events for effect in one.do(event)]


def left(one: Alone, *, live: bool = True) -> dict[str, Any]:
    """Return what an agent hands over, as it travels."""
    found: dict[str, Any] = json.loads(json.dumps(one.agent.snapshot(one.now, live=live)))
    return found


def succeeded(
    one: Alone, *before: Event, config: Loaded | None = None, live: bool = True
) -> tuple[Alone, list[Effect]]:
    """Return the successor, and what it does at first."""
    found = Found(snapshot=left(one, live=live), live=live)
    other = Alone(config or loaded(), now=one.now, found=found)
    return other, start(other, *before)


def tell(one: Alone, config: Loaded, *refused: int) -> list[Effect]:
    """Let r2 tell of its rules, and of which VIDs it carries no IPv6."""
    herald = Herald("r2", config.rules.digest, frozenset(refused))
    return one.do(HeraldReceived("eth0", OTHER4, encode(herald)))


def records(effects: list[Effect], *kinds: str) -> list[str]:
    """Return what is recorded of some kinds."""
    return [f"{one.subject} {one.text}" for one in of_type(effects, Record) if one.kind in kinds]


def test_other_rules_of_a_neighbour_are_no_news_to_a_successor() -> None:
    """The alarm was given; that it is over is told by whoever is there then."""
    one, config = begun(), loaded(rules=OTHER_RULES)
    assert records(tell(one, config), "rules") == ["r2 steers by other rules than this gateway (192.0.2.2 on eth0)"]
    same, effects = succeeded(one)
    assert records([*effects, *tell(same, config)], "rules") == []
    assert len(same.agent.status(same.now)["other_rules"]) == 1

    edited, effects = succeeded(one, config=config)
    assert records(effects, "rules") == []
    edited.now += EVERY
    assert records(tell(edited, config), "rules") == ["r2 steers by the same rules again (192.0.2.2 on eth0)"]


def test_who_falls_silent_meanwhile_is_forgotten_by_a_successor_too() -> None:
    """With the sentence that whoever told of the difference owes."""
    one = begun()
    tell(one, loaded(rules=OTHER_RULES))
    one.now += SILENT - SECOND
    other, effects = succeeded(one)
    assert records([*effects, *other.wait(500)], "rules") == []
    assert len(records(other.wait(4000), "rules")) == 1
    assert other.agent.status(other.now)["other_rules"] == []


def test_what_a_master_carries_no_ipv6_of_stays_refused() -> None:
    """From the first moment on, and without another record."""
    one = begun()
    assert records(tell(one, loaded(), 1), "ipv6") == ["VID 1 carries no IPv6: its Master says so"]
    other, effects = succeeded(one)
    assert [effect.lost for effect in of_type(effects, SetLost)] == [Lost(vids=frozenset({1}))]
    assert records(effects, "ipv6") == []
    assert records(tell(other, loaded()), "ipv6") == ["VID 1 carries IPv6 again, as far as its Master says"]


@pytest.mark.parametrize(
    "company",
    [
        None,
        7,
        [7],
        [["eth0"]],
        [["eth0", "192.0.2.2", "r2", "xx", [], 0, False]],
        [["eth0", "192.0.2.2", "r2", "00", ["1"], 0, False]],
        [["eth9", "192.0.2.2", "r2", "00", [], 0, False]],
    ],
)
def test_neighbours_that_make_no_sense_are_none(company: object) -> None:
    """Nor are those of a LAN that is none of ours any more: nobody would ever forget them."""
    other = Alone(loaded(), found=Found(snapshot={**left(begun()), "company": company}, live=True))
    start(other)
    assert other.agent.status(other.now)["other_rules"] == []


def test_an_instant_to_come_is_none() -> None:
    """Nobody was heard later than now, and who was is forgotten in time."""
    one = begun()
    tell(one, loaded(rules=OTHER_RULES))
    snapshot = left(one)
    snapshot["company"][0][5] += 3600 * SECOND
    other = Alone(loaded(), now=one.now, found=Found(snapshot=snapshot, live=True))
    start(other)
    other.wait((SILENT + EVERY) // 1_000_000)
    assert other.agent.status(other.now)["other_rules"] == []


DRAINED = Drained(vids={1: "by ann: new cable"})


def test_what_is_drained_is_no_news_to_a_successor() -> None:
    """Whoever is told of drains is not told again at each reload; what changed meanwhile is told."""
    one = begun()
    assert records(one.do(DRAINED), "drained", "resumed") == ["VID 1 by ann: new cable"]
    other, effects = succeeded(one, DRAINED)
    assert records(effects, "drained", "resumed") == []
    assert other.group(1)["drained"] == one.group(1)["drained"] is not None

    node = Drained(vids={1: "by bob"}, node="by ann", links={"l9": "by ann"})
    _, effects = succeeded(other, node)
    assert records(effects, "drained", "resumed") == ["this gateway by ann", "link l9 by ann", "VID 1 by bob"]
    _, effects = succeeded(other, Drained())
    assert records(effects, "drained", "resumed") == ["VID 1 was drained by ann: new cable"]


@pytest.mark.parametrize(
    "drained", [None, 7, {}, {"links": [], "vids": {}, "node": None}, {"links": {}, "vids": {"x": "y"}}]
)
def test_drains_that_make_no_sense_are_none(drained: object) -> None:
    """What is drained is read from the disk in any case."""
    other = Alone(loaded(), found=Found(snapshot={**left(begun()), "drained": drained}, live=True))
    assert records(start(other, DRAINED), "drained") == ["VID 1 by ann: new cable"]


def members(one: Alone) -> set[bytes]:
    """Return the MAC addresses that the guard knows."""
    return set(one.agent.known.members("eth0"))


@pytest.mark.parametrize("live", [True, False])
def test_who_is_no_member_any_more_is_guarded_no_more(*, live: bool) -> None:
    """A host that was taken for a gateway by mistake, and taken out: the kernel is told, whoever was there before."""
    one = begun(loaded("192.0.2.3, 192.0.2.77"))
    one.do(NeighbourHeard("eth0", MEMBER, MEMBER_MAC))
    one.do(NeighbourHeard("eth0", HOST, HOST_MAC))
    assert members(one) == {OTHER_MAC, MEMBER_MAC, HOST_MAC}
    same, effects = succeeded(one, config=loaded("192.0.2.3, 192.0.2.77"), live=live)
    assert members(same) == members(one)
    assert of_type(effects, SetMembers) == []

    other, effects = succeeded(same, live=live)
    assert of_type(effects, SetMembers) == [SetMembers("eth0", frozenset({OTHER_MAC, MEMBER_MAC}))]
    assert members(other) == {OTHER_MAC, MEMBER_MAC}
    again, effects = succeeded(other, live=live)
    assert members(again) == {OTHER_MAC, MEMBER_MAC}
    assert of_type(effects, SetMembers) == []


def test_a_member_that_advertised_stays_one() -> None:
    """It is a gateway, whatever the configuration says of it now."""
    one = begun(loaded("192.0.2.2"))
    one.do(NeighbourHeard("eth0", OTHER4, OTHER_MAC))
    other, effects = succeeded(one)
    assert members(other) == {OTHER_MAC}
    assert of_type(effects, SetMembers) == []


def test_members_as_an_older_agent_left_them_all_stay() -> None:
    """It did not say which of them had only answered."""
    one = begun()
    one.do(NeighbourHeard("eth0", MEMBER, MEMBER_MAC))
    snapshot = left(one)
    del snapshot["asked"]
    other = Alone(loaded("192.0.2.4"), now=one.now, found=Found(snapshot=snapshot, live=True))
    assert of_type(start(other), SetMembers) == []
    assert members(other) == {OTHER_MAC, MEMBER_MAC}
    assert isinstance(other.agent, Agent)
