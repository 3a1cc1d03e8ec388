"""An advert that arrives at a gateway: what is valid moves it, what is not moves nothing at all."""

import json
from ipaddress import IPv4Address, IPv6Address
from typing import Any

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from linkbalancer.engine.effects import Effect, Record
from linkbalancer.engine.events import AdvertReceived
from linkbalancer.links import GroupId
from linkbalancer.sim.shape import LAN_DEVICE, LINK_DEVICE, lan_address, virtual_ip
from linkbalancer.sim.wire import NEAR
from linkbalancer.vrrp.ip import MULTICAST, wrap
from linkbalancer.vrrp.packet import Advertisement, ChecksumForm, encode
from tests.engine.bench import B2, MS, Bench
from tests.vrrp.adverts import changed, summed

OWN, OTHER = lan_address(NEAR, 1), lan_address(NEAR, 2)
SAID = Advertisement(2, 200, 200 * MS, (virtual_ip(NEAR, 2).ip,))
GOOD = encode(SAID, OTHER, MULTICAST, ChecksumForm.RFC9568)


def arrives(
    message: bytes = GOOD,
    *,
    source: IPv4Address = OTHER,
    destination: IPv4Address = MULTICAST,
    ttl: int = 255,
    device: str = LAN_DEVICE,
) -> AdvertReceived:
    """Return an advert as it arrives."""
    return AdvertReceived(device, wrap(source, destination, message, ttl=ttl), B2)


REFUSED = [
    (arrives(GOOD[:-1]), "packet_length"),
    (arrives(destination=OWN), "address"),
    (arrives(source=OWN), "looped"),
    (arrives(ttl=254), "ip_ttl"),
    (arrives(summed(changed(GOOD, 0, 0x21))), "version"),
    (arrives(summed(changed(GOOD, 0, 0x32))), "invalid_type"),
    (arrives(summed(changed(GOOD, 1, 77))), "vrid"),
    (arrives(device=LINK_DEVICE), "vrid"),
    (arrives(GOOD + bytes(8)), "packet_length"),
    (arrives(changed(GOOD, 2, 7)), "checksum"),
    (arrives(summed(changed(GOOD, 3, 0)[:8])), "zero_count"),
    (arrives(summed(changed(GOOD, 4, 0xF0, 0))), "zero_interval"),
    (AdvertReceived(LAN_DEVICE, wrap(IPv6Address("fe80::2"), IPv6Address("ff02::12"), GOOD), B2), "vrid"),
    (AdvertReceived(LAN_DEVICE, b"", B2), "packet_length"),
]


def listening() -> Bench:
    """Return a gateway that has heard a Master of VID 2, and waits on it."""
    bench = Bench()
    bench.start()
    bench.hear(2, 100)
    bench.wait(100)
    return bench


def everything(bench: Bench) -> dict[str, Any]:
    """Return all that a gateway knows but for what it counted: states, timers, members, Masters."""
    status, snapshot = bench.agent.status(bench.now), bench.agent.snapshot(bench.now, live=True)
    for counted in (status, *status["groups"].values(), snapshot):
        del counted["counters"]
    del status["interfaces"], snapshot["vrrp"]
    timers = [(m.router.state if m.router else None, m.observer.heard) for m in bench.agent.memberships.values()]
    found: dict[str, Any] = json.loads(json.dumps([status, snapshot, repr(timers), bench.agent.deadline()]))
    return {"all": found}


def of_advert(effects: list[Effect]) -> list[Record]:
    """Return the effects, which must all be words on adverts."""
    records = [effect for effect in effects if isinstance(effect, Record) and effect.kind == "advert"]
    assert len(records) == len(effects)
    return records


def test_a_valid_advert_is_heard() -> None:
    """Its group's router has its Master, and the observer whom to follow; it is counted."""
    bench = listening()
    bench.do(arrives())
    membership = bench.agent.memberships[GroupId(2)]
    assert membership.observer.heard is not None
    assert (membership.observer.heard.source, membership.observer.heard.priority) == (OTHER, 200)
    status = bench.agent.status(bench.now)
    assert (status["counters"]["vrrp:received"], status["groups"]["2"]["counters"]["adv_rcvd"]) == (2, 2)


@pytest.mark.rfc("RFC 9568 7.1")
@pytest.mark.parametrize(("event", "reason"), REFUSED)
def test_a_refused_advert_moves_nothing(event: AdvertReceived, reason: str) -> None:
    """No timer, no state, no MAC address learned; a count, and at most a word."""
    bench = listening()
    before = everything(bench)
    records = of_advert(bench.do(event))
    assert before == everything(bench)
    assert bench.agent.status(bench.now)["counters"][f"vrrp:{reason}"] == 1
    assert len(records) == (reason != "vrid")
    assert of_advert(bench.do(event)) == []


@settings(max_examples=150, deadline=None)
@given(
    st.lists(st.tuples(st.integers(0, 31), st.integers(0, 255)), min_size=1, max_size=3),
    st.integers(0, 32),
    st.sampled_from([0, 100, 255]),
)
def test_no_damage_moves_anything(damage: list[tuple[int, int]], length: int, priority: int) -> None:
    """Whatever became of a good packet on its way: it is heard as it is valid, or moves nothing."""
    bench = listening()
    packet = arrives(summed(changed(GOOD, 2, priority))).packet
    for at, value in damage:
        packet = changed(packet, at, value)
    before = everything(bench)
    effects = bench.do(AdvertReceived(LAN_DEVICE, packet[:length], B2))
    counted = bench.agent.status(bench.now)["counters"]
    if counted["vrrp:received"] == 1:
        assert before == everything(bench)
        of_advert(effects)


def test_a_flood_of_refused_adverts_does_not_delay_the_masters_own() -> None:
    """Rejected packets must not re-arm the advert timer (VRRP fact sheet 5.3, starvation)."""
    bench = Bench()
    bench.start()
    bench.wait(2000)
    at = bench.agent.deadline()
    assert at is not None
    for event, _reason in REFUSED * 20:
        bench.do(event)
        assert bench.agent.deadline() == at


def test_nor_does_it_keep_a_backup_from_taking_over() -> None:
    """A Master whose adverts have become bad counts as silent."""
    bench = listening()
    membership = bench.agent.memberships[GroupId(2)]
    states = set()
    for _ in range(30):
        bench.wait(100)
        bench.do(arrives(ttl=254))
        states.add(membership.observer.heard is None)
    assert states == {True, False}


def test_what_is_refused_before_the_start_is_not_said() -> None:
    """Nothing is, before the agent runs."""
    bench = Bench()
    assert bench.do(arrives(ttl=254)) == []


def test_the_form_of_the_peers_is_mirrored_and_survives_a_restart() -> None:
    """A vendor's router sends and reads RFC 9568's form alone: ours answers in it, and a new agent begins with it."""
    bench = Bench()
    bench.start()
    new = encode(SAID, OTHER, MULTICAST, ChecksumForm.RFC9568)
    said = [effect for effect in bench.do(arrives(new)) if isinstance(effect, Record) and effect.kind == "advert"]
    assert len(said) == 1
    forms = bench.agent.snapshot(bench.now)["vrrp"]["forms"]
    assert forms == {"2": "rfc9568"}
