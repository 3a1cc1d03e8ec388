"""Far ends over IPv6 that are asked: real echoes in namespaces, answered, not answered, and late."""

import select
from collections.abc import Iterator
from ipaddress import IPv6Address

import pytest

from linkbalancer.clock import MILLISECOND
from linkbalancer.config.farends import FarEnd
from linkbalancer.daemon.checking.farends import FarEndWatch
from linkbalancer.health.check import Schedule
from linkbalancer.health.report import Report
from linkbalancer.host.probes.asking import Answer
from linkbalancer.host.probes.echo6 import Echo6Probe
from linkbalancer.routing.twins import Twin
from tests.daemon.checking.turning import loop, turn_for, turn_until
from tests.namespaces import Namespace

pytestmark = pytest.mark.lab

DEAF = "table ip6 deaf {\nchain c { type filter hook input priority 0; icmpv6 type echo-request drop; }\n}\n"


@pytest.fixture(scope="module", autouse=True)
def far() -> Iterator[Namespace]:
    """Yield the far end; the near one is entered."""
    with Namespace("near") as near, Namespace("far") as made:
        near.connect("eth1", made, "eth1")
        near("ip addr add fe80::1/64 dev eth1 nodad", "ip addr add 2001:db8::1/64 dev eth1 nodad")
        made("ip addr add fe80::2/64 dev eth1 nodad", "ip addr add 2001:db8::2/64 dev eth1 nodad")
        with near.entered():
            yield made


class Watched:
    """A far end that a loop asks."""

    def __init__(self, address: str = "fe80::2", interval: int = 50) -> None:
        """Do not begin yet."""
        every = interval * MILLISECOND
        end = FarEnd(Twin("eth1", None, IPv6Address(address)), Schedule(interval=every, timeout=every, rise=3, fall=3))
        self.loop, self.news = loop(), list[str]()
        self.watch = FarEndWatch("link l1", end, self.loop, self.news.append)
        self.loop.watch(self.watch)

    def begin(self) -> None:
        """Begin."""
        self.watch.begin(self.loop.clock())

    def ok(self) -> bool | None:
        """Return what is believed."""
        return self.watch.report().ok


@pytest.mark.parametrize("address", ["fe80::2", "2001:db8::2"])
def test_who_echoes_is_there_until_it_is_silent_and_again(far: Namespace, address: str) -> None:
    """By a link-local address as by another; each turn is told once."""
    one = Watched(address)
    assert (one.ok(), one.watch.report().text) == (None, "not asked yet")
    one.begin()
    turn_until(one.loop, one.ok)
    assert one.watch.report().kind == f"echo {address}"
    one.news.clear()
    far("nft -f -", given=DEAF)
    turn_until(one.loop, lambda: one.ok() is False)
    assert one.watch.report().text == "not done within 50 ms"
    far("nft delete table ip6 deaf")
    turn_until(one.loop, one.ok)
    assert one.news == ["link l1", "link l1"]
    one.watch.close()


def test_who_never_echoed_is_not_known(far: Namespace) -> None:
    """However long; nor is one that is nowhere, or on no device."""
    far("nft -f -", given=DEAF)
    one = Watched()
    one.begin()
    turn_for(one.loop, 0.5)
    assert one.ok() is None
    assert one.watch.report().text
    far("nft delete table ip6 deaf")
    turn_until(one.loop, one.ok)
    one.watch.close()


def test_what_a_predecessor_believed_has_to_be_disproved() -> None:
    """Of the same address alone."""
    one = Watched()
    one.watch.recall(Report("echo fe80::7", ok=False, since=5))
    one.watch.recall(Report("echo fe80::2", ok=None, since=5))
    assert one.ok() is None
    one.watch.recall(Report("echo fe80::2", ok=False, since=5, text="not done"))
    one.watch.recall(Report("echo fe80::2", ok=True, since=6))
    assert one.watch.report() == Report("echo fe80::2", ok=False, since=5, text="not done")
    one.begin()
    turn_until(one.loop, one.ok)
    one.watch.close()


def test_the_answer_to_an_earlier_round_counts(far: Namespace) -> None:
    """A way may be longer than the interval. What is read is read: it says nothing of a later round."""
    probe = Echo6Probe("eth1", IPv6Address("fe80::2"))
    probe.begin()
    assert select.select([probe], [], [], 10)[0]
    probe.end()
    far("nft -f -", given=DEAF)
    probe.begin()
    assert probe.ready() == Answer(passed=True, text="echoes")
    assert probe.ready() is None
    probe.begin()
    assert not select.select([probe], [], [], 0.2)[0]
    far("nft delete table ip6 deaf")
    probe.close()


def test_a_device_that_comes_anew_is_asked_on_again(far: Namespace) -> None:
    """The socket is bound to an index, which is another one then."""
    one = Watched("fe80::4")
    one.begin()
    far("ip addr add fe80::4/64 dev eth1 nodad")
    turn_until(one.loop, one.ok)
    far("ip link del eth1")
    turn_until(one.loop, lambda: one.ok() is False)
    assert one.watch.report().text
    one.watch.close()
