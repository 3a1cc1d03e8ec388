"""Adverts that repeat the last one: what they cost is less, what they do is the same."""

from collections.abc import Callable
from dataclasses import replace
from ipaddress import IPv4Interface
from typing import Any

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from linkbalancer.engine import repetition
from linkbalancer.engine.events import AdvertReceived, DeviceChanged
from linkbalancer.links import GroupState
from linkbalancer.sim.shape import LAN_DEVICE, LINK_DEVICE, lan_address, virtual_ip
from linkbalancer.sim.wire import NEAR
from linkbalancer.vrrp.ip import MULTICAST, wrap
from linkbalancer.vrrp.packet import Advertisement, ChecksumForm, encode
from linkbalancer.vrrp.router import Router
from linkbalancer.vrrp.states import Backup
from tests.engine.alone import FOUR, ONE, ONE6, Alone, loaded
from tests.engine.alone import advert as advert_of
from tests.engine.bench import MS, Bench

INTERVAL = 200

steps = st.lists(
    st.one_of(
        st.tuples(
            st.just("hear"),
            st.integers(1, 3),  # VID, or group
            st.sampled_from((0, 1, 100, 200, 200, 200, 220)),
            st.sampled_from((2, 2, 2, 3)),  # speaker
            st.integers(1, 6),  # how often
        ),
        st.tuples(st.just("wait"), st.sampled_from((1, 7, INTERVAL, INTERVAL, 3 * INTERVAL, 900))),
        st.tuples(st.just("carrier"), st.sampled_from((LAN_DEVICE, LINK_DEVICE)), st.booleans()),
    ),
    max_size=14,
)


def advert(vid: int, priority: int, number: int) -> AdvertReceived:
    """Return an advert of another near gateway of this number, from a MAC of its own."""
    source = lan_address(NEAR, number)
    advertisement = Advertisement(vid, priority, INTERVAL * MS, (virtual_ip(NEAR, vid).ip,))
    packet = wrap(source, MULTICAST, encode(advertisement, source, MULTICAST, ChecksumForm.RFC9568))
    return AdvertReceived(LAN_DEVICE, packet, bytes([2, 0, 0, 0, 1, number]))


def linked(bench: Bench, step: tuple[Any, ...]) -> list[object]:
    """Do a step with a gateway of links; return what comes of it."""
    match step:
        case "hear", vid, priority, number, times:
            return [one for _ in range(times) for one in (bench.do(advert(vid, priority, number)), bench.wait(50))]
        case "wait", ms:
            return [bench.wait(ms)]
        case _:
            return [bench.carrier(step[1], up=step[2])]


def standalone(bench: Bench, step: tuple[Any, ...]) -> list[object]:
    """Do a step with a plain VRRP router of both families."""
    assert isinstance(bench, Alone)
    match step:
        case "hear", which, priority, _number, times:
            group = ONE6 if which == 3 else ONE
            return [one for _ in range(times) for one in (bench.other(group, priority), bench.wait(50))]
        case "wait", ms:
            return [bench.wait(ms)]
        case _:
            return [bench.device(up=step[2])]


def lived(bench: Bench, story: list[tuple[Any, ...]], live: Callable[[Bench, tuple[Any, ...]], list[object]]) -> Any:
    """Return everything that a life shows, step by step."""
    shown: list[object] = [bench.start()]
    for step in story:
        shown += [live(bench, step), bench.agent.status(bench.now)]
        shown.append(bench.agent.snapshot(bench.now, live=True))
    return shown


@pytest.mark.thorough
@pytest.mark.parametrize(("build", "live"), [(Bench, linked), (lambda: Alone(loaded(FOUR)), standalone)])
@settings(max_examples=60, deadline=None)
@given(story=steps)
def test_a_repeated_advert_does_what_any_advert_does(
    build: Callable[[], Bench],
    live: Callable[[Bench, tuple[Any, ...]], list[object]],
    story: list[tuple[Any, ...]],
) -> None:
    """The short way and the long one show the same effects, at the same times, status and snapshot at every step."""
    short = lived(build(), story, live)
    with pytest.MonkeyPatch.context() as patch:
        patch.setattr("linkbalancer.engine.senses.hear_again", lambda *_all: False)
        long = lived(build(), story, live)
    assert short == long


def followed(bench: Alone, monkeypatch: pytest.MonkeyPatch) -> list[str]:
    """Hear a better Master until it is followed; return, from now on, which way each advert went."""
    bench.start()
    for _advert in range(20):
        bench.other(ONE, 200)
        bench.wait(INTERVAL)
    went: list[str] = []

    def noted(*everything: Any) -> bool:
        was = repetition.is_repetition(*everything)
        went.extend(["noted"] * was)
        return was

    def again(*everything: Any) -> bool:
        was = repetition.hear_again(*everything)
        went.append("again" if was else "news")
        return was

    monkeypatch.setattr("linkbalancer.engine.agent.is_repetition", noted)
    monkeypatch.setattr("linkbalancer.engine.senses.hear_again", again)
    return went


def test_what_repeats_goes_the_short_ways_and_nothing_else(monkeypatch: pytest.MonkeyPatch) -> None:
    """Another priority, another interval or a farewell is news, and so is the first after it."""
    bench = Alone(loaded(FOUR))
    went = followed(bench, monkeypatch)
    for priority, interval in ((200, 200), (200, 200), (201, 200), (201, 200), (201, 200), (201, 100), (0, 100)):
        bench.other(ONE, priority, interval=interval * MS)
    assert went == ["noted", "noted", "news", "again", "noted", "news", "news"]


def test_what_was_noted_is_reckoned_when_somebody_looks() -> None:
    """The Master was heard at the last advert, and its timer runs from then."""
    bench = Alone(loaded(FOUR))
    bench.start()
    for _advert in range(20):
        bench.other(ONE, 200)
        bench.wait(INTERVAL)
    membership = bench.agent.memberships[ONE]
    router = membership.router
    assert isinstance(router, Router)
    bench.other(ONE, 200)
    assert router.heard is not None
    assert membership.observer.heard is not None
    assert (router.heard.at, membership.observer.heard.at) == (bench.now, bench.now)
    assert isinstance(router.state, Backup)
    assert router.state.master_down_at == bench.now + router.master_down_interval(INTERVAL * MS)


def test_a_master_never_takes_the_short_way(monkeypatch: pytest.MonkeyPatch) -> None:
    """Whoever it hears is a rival."""
    bench = Alone(loaded(FOUR))
    went = followed(bench, monkeypatch)
    bench.wait(2000)
    assert bench.agent.memberships[ONE].state is GroupState.MASTER
    bench.other(ONE, 100)
    bench.other(ONE, 100)
    assert went == ["news", "news"]


def test_another_mac_of_the_same_router_is_learned(monkeypatch: pytest.MonkeyPatch) -> None:
    """A packet is sent to where the last advert came from."""
    bench = Alone(loaded(FOUR))
    went = followed(bench, monkeypatch)
    again = advert_of(bench.group_of(ONE), 200)
    assert isinstance(again, AdvertReceived)
    for _advert in range(3):
        bench.do(replace(again, source_mac=b"\2moved"))
    assert (went, bench.agent.memberships[ONE].master_mac) == (["news", "again", "noted"], b"\2moved")


def test_a_device_that_went_away_is_news(monkeypatch: pytest.MonkeyPatch) -> None:
    """Its groups are judged anew, whatever is heard."""
    bench = Alone(loaded(FOUR))
    went = followed(bench, monkeypatch)
    bench.do(DeviceChanged("eth0", carrier=False, primary=None))
    bench.other(ONE, 200)
    assert went == ["news"]


def test_what_is_counted_besides_is_never_only_noted(monkeypatch: pytest.MonkeyPatch) -> None:
    """An advert that differs from what is configured here, and is taken all the same, is counted each time."""
    bench = Alone(loaded(FOUR))
    went = followed(bench, monkeypatch)
    other = replace(bench.group_of(ONE), virtual_ips=(IPv4Interface("192.0.2.77/24"),))
    for _advert in range(4):
        bench.do(advert_of(other, 200))
    assert went == ["again"] * 4


def test_what_is_remembered_is_bounded(monkeypatch: pytest.MonkeyPatch) -> None:
    """A router of ever other addresses, or priorities, takes no memory."""
    bench = Alone(loaded(FOUR))
    followed(bench, monkeypatch)
    for priority in range(200, 250):
        for _advert in range(2):
            bench.other(ONE, priority)
    assert len(bench.agent._gateway.repetitions) <= 8
