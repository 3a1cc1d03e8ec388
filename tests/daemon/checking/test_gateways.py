"""Gateways that are probed: what a quorum of probes makes of them, with real sockets where nobody answers."""

from collections.abc import Iterator

import pytest

from linkbalancer.config.model import Group
from linkbalancer.daemon.checking.gateways import GatewayWatch
from linkbalancer.health.report import Part, Report
from linkbalancer.links import GroupId
from linkbalancer.routing.marks import Marks
from tests.daemon.checking.turning import loop, turn_for, turn_until
from tests.namespaces import Namespace

pytestmark = pytest.mark.lab


@pytest.fixture(scope="module", autouse=True)
def inside() -> Iterator[Namespace]:
    """Yield a namespace with one neighbour, entered."""
    with Namespace("gw") as gw, Namespace("far") as far:
        gw.connect("eth0", far, "eth0")
        gw("ip addr add 203.0.113.2/24 dev eth0")
        far("ip addr add 203.0.113.1/24 dev eth0")
        with gw.entered():
            yield far


def group(**keys: object) -> Group:
    """Return a static group."""
    return Group.model_validate(
        {"mode": "static", "device": "eth0", "gateway": "203.0.113.1", "interval": "100ms", "fall": 2, **keys}
    )


class Watched:
    """A gateway that a loop watches."""

    def __init__(self, one: Group) -> None:
        """Do not begin yet."""
        self.loop, self.news = loop(), 0
        self.watch = GatewayWatch(GroupId(3), one, Marks(), self.loop, self.changed)
        self.loop.watch(self.watch)

    def changed(self, name: str) -> None:
        """Take the news."""
        assert name == "3"
        self.news += 1

    def ok(self) -> bool | None:
        """Return what is believed."""
        return self.watch.report().ok


def test_a_gateway_that_answers(inside: Namespace) -> None:
    """And that falls silent, and answers again."""
    one = Watched(group())
    assert one.ok() is None
    one.watch.begin(one.loop.clock())
    turn_until(one.loop, one.ok)
    assert one.watch.report().text.startswith("is at ")
    inside("ip link set eth0 down")
    turn_until(one.loop, lambda: one.ok() is False)
    inside("ip link set eth0 up")
    turn_until(one.loop, one.ok)
    one.watch.close()


def test_a_quorum_is_told_with_what_is_wrong() -> None:
    """One of two is not more than half."""
    one = Watched(group(probes=[{"arp": True}, {"icmp": "203.0.113.9"}]))
    one.watch.begin(one.loop.clock())
    turn_until(one.loop, lambda: one.ok() is False)
    report = one.watch.report()
    assert report.text.startswith("1 of 2 probes pass, 2 needed; icmp 203.0.113.9: ")
    assert [(part.what, part.ok) for part in report.parts] == [("arp 203.0.113.1", True), ("icmp 203.0.113.9", False)]
    one.watch.close()
    one = Watched(group(probes=[{"arp": True}, {"tcp": "203.0.113.1:9"}], quorum=1))
    one.watch.begin(one.loop.clock())
    turn_until(one.loop, lambda: one.watch.report().parts[1].ok is False)
    assert one.ok() is True
    assert one.watch.report().parts[1].text == "Connection refused"
    assert one.watch.report().text == "1 of 2 probes pass, 1 needed"
    one.watch.close()


def test_a_predecessors_belief_has_to_be_disproved() -> None:
    """Each probe by as many failures as ever."""
    probes = [{"dns": {"server": "203.0.113.9", "name": "x"}}, {"http": {"url": "http://203.0.113.9/"}}]
    one = Watched(group(probes=probes, fall=5))
    parts = (Part("dns 203.0.113.9 x", ok=True, text="answers"), Part("another", ok=True, text=""))
    one.watch.recall(Report("gateway", ok=None, since=7))
    assert one.ok() is None
    one.watch.recall(Report("gateway", ok=True, since=7, parts=parts))
    assert one.ok() is True
    assert one.watch.report().parts[0] == Part("dns 203.0.113.9 x", ok=True, text="answers")
    one.watch.begin(one.loop.clock())
    turn_for(one.loop, 0.25)
    assert one.watch.report().since == 7
    turn_until(one.loop, lambda: one.ok() is False)
    one.watch.recall(Report("gateway", ok=True, since=9))
    assert one.ok() is False
    one.watch.close()
