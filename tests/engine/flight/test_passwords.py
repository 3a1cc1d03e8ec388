"""Groups of version 2 with a password: recorded without it, decided again as with it."""

import zlib
from base64 import b64decode
from dataclasses import replace
from ipaddress import IPv4Address
from random import Random

from linkbalancer.clock import MILLISECOND, SECOND
from linkbalancer.config.load import load
from linkbalancer.engine.agent import Agent
from linkbalancer.engine.events import AdvertReceived, DeviceChanged, Event, Started, Tick
from linkbalancer.engine.flight.chance import RecordedChance, RepeatedChance
from linkbalancer.engine.flight.digest import Digester
from linkbalancer.engine.flight.inputs import Input
from linkbalancer.engine.flight.seed import Start
from linkbalancer.engine.found import Found
from linkbalancer.links import GroupId
from linkbalancer.vrrp.ip import MULTICAST, wrap
from linkbalancer.vrrp.packet import Advertisement, ChecksumForm, encode
from tests.engine.flight.flown import Recorder

TEXTS = {
    "linkbalancer.yaml": """\
node: g1
role: standalone
groups:
  7: {device: eth0, virtual_ips: [192.0.2.251/24], version: 2, priority: 100, password_file: seven}
  8: {device: eth0, virtual_ips: [192.0.2.252/24], version: 2, priority: 200, password_file: eight}
"""
}
PASSWORDS = {GroupId(7): b"rosebud", GroupId(8): b"xanadu!!"}
LOADED = replace(load("linkbalancer.yaml", TEXTS.__getitem__), passwords=PASSWORDS, texts=TEXTS)
PEER = IPv4Address("192.0.2.2")
BEGAN = 10**12


def advert(vid: int, password: bytes, priority: int) -> AdvertReceived:
    """Return an advert of another router."""
    said = Advertisement(vid, priority, SECOND, (IPv4Address(f"192.0.2.{244 + vid}"),), 2)
    message = encode(said, PEER, MULTICAST, ChecksumForm.RFC9568, password)
    return AdvertReceived("eth0", wrap(PEER, MULTICAST, message), b"\x02\0\0\0\0\2")


def story(agent: Agent, recorders: list[Recorder], start: int, seconds: int) -> int:
    """Let a Backup of 7 and Master of 8 hear adverts with the right, a wrong and another group's password."""
    now = start
    for turn in range(seconds * 5):
        now = start + turn * 200 * MILLISECOND
        events: list[Event] = [Tick()]
        if turn % 5 == 0:
            events.append(advert(7, b"rosebud", 150))
            events.append(advert(7, b"a wrong one", 250))
            events.append(advert(8, b"rosebud", 250))
        for event in events:
            effects = agent.handle(now, event)
            for recorder in recorders:
                recorder.add(now, event, effects, ())
    return now


def test_what_was_decided_with_a_password_is_decided_without_it() -> None:
    """From the agent's start and from the midst of its life: who was believed is believed, and no password is there."""
    chance = RecordedChance(Random(1))
    start = Start({}, 7, BEGAN, Found())
    agent = start.agent(LOADED, {}, chance)
    first = Recorder(agent, LOADED, BEGAN, keys={}, start=start)
    device = DeviceChanged("eth0", carrier=True, primary=IPv4Address("192.0.2.1"))
    for event in (device, Started()):
        first.add(BEGAN, event, agent.handle(BEGAN, event), ())
    now = story(agent, [first], BEGAN, 20)
    second = Recorder(agent, LOADED, now, keys={})
    story(agent, [first, second], now + SECOND, 20)

    states = [agent.memberships[GroupId(vid)].state.name for vid in (7, 8)]
    assert states == ["BACKUP", "MASTER"]
    for recorder in (first, second):
        tape = recorder.tape()
        again = tape.agent(RepeatedChance())
        digester = Digester()
        items = [one for one in tape.items() if isinstance(one, Input)]
        for one in items:
            assert digester.digest(again.handle(one.now, one.event)) == one.digest
        assert [again.memberships[GroupId(vid)].state.name for vid in (7, 8)] == states
        seed = zlib.decompress(b64decode(tape.head.seed))
        packets = [one.event.packet for one in items if isinstance(one.event, AdvertReceived)]
        assert packets
        for text in (b"".join(recorder.lines()), seed, *packets):
            for word in (b"rosebud", b"xanadu", b"a wrong"):
                assert word not in text
                assert word.hex().encode() not in text
