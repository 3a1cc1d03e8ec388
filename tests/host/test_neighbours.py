"""Asking neighbours by ARP."""

from contextlib import closing
from ipaddress import IPv4Address

import pytest

from linkbalancer.engine.events import NeighbourHeard
from linkbalancer.host.neighbours import NeighbourProbe
from tests.host.conftest import Overtakes, await_items
from tests.namespaces import Namespace

pytestmark = pytest.mark.lab

THERE, NOWHERE = IPv4Address("192.0.2.2"), IPv4Address("192.0.2.77")


def _mac(namespace: Namespace) -> bytes:
    return bytes.fromhex(namespace("cat /sys/class/net/eth0/address").strip().replace(":", ""))


@pytest.mark.parametrize("source", [IPv4Address(0), IPv4Address("192.0.2.1")])
def test_who_is_there_answers_with_its_mac(wire: tuple[Namespace, Namespace], source: IPv4Address) -> None:
    """Asked by nobody or by our address, a host answers."""
    with wire[0].entered(), closing(NeighbourProbe("eth0", [THERE, NOWHERE])) as probe:
        assert probe.probe(source) == []
        assert await_items(probe, probe.receive) == [NeighbourHeard("eth0", THERE, _mac(wire[1]))]


def test_silence_is_told_once(wire: tuple[Namespace, Namespace]) -> None:
    """After so many unanswered probes a neighbour is silent; it is not repeated, and one that answers is not silent."""
    with wire[0].entered(), closing(NeighbourProbe("eth0", [THERE, NOWHERE], misses=2)) as probe:
        said = []
        for _turn in range(5):
            said.append(probe.probe())
            await_items(probe, probe.receive)
        assert said == [[], [], [NeighbourHeard("eth0", NOWHERE, None)], [], []]


def test_a_neighbour_that_comes_back_is_heard_and_may_fall_silent_again(wire: tuple[Namespace, Namespace]) -> None:
    """What a neighbour says by itself is a sign of life, too."""
    with wire[0].entered(), closing(NeighbourProbe("eth0", [NOWHERE], misses=1)) as probe:
        assert (probe.probe(), probe.probe()) == ([], [NeighbourHeard("eth0", NOWHERE, None)])
        wire[1]("ip addr add 192.0.2.77/24 dev eth0")
        probe.probe()
        assert await_items(probe, probe.receive) == [NeighbourHeard("eth0", NOWHERE, _mac(wire[1]))]
        wire[1]("ip addr del 192.0.2.77/24 dev eth0")
        assert (probe.probe(), probe.probe()) == ([], [NeighbourHeard("eth0", NOWHERE, None)])


def test_a_device_that_is_down_makes_neighbours_silent(wire: tuple[Namespace, Namespace]) -> None:
    """Frames that cannot be sent are misses, not errors."""
    with wire[0].entered(), closing(NeighbourProbe("eth0", [THERE], misses=1)) as probe:
        wire[0]("ip link set eth0 down")
        assert (probe.probe(), probe.probe()) == ([], [NeighbourHeard("eth0", THERE, None)])
        assert probe.receive() == []


def test_a_device_that_is_missing_is_an_error(wire: tuple[Namespace, Namespace]) -> None:
    """The probe cannot be made for it."""
    with wire[0].entered(), pytest.raises(OSError, match=r"No such device"):
        NeighbourProbe("gone0", [THERE])


def test_on_a_full_lan_it_does_not_wait(wire: tuple[Namespace, Namespace], crowded: Overtakes) -> None:
    """A question overtakes what fills a device and waits in its queue: a full LAN leg is no silent one."""
    with wire[0].entered(), closing(NeighbourProbe("eth0", [NOWHERE])) as probe:
        assert crowded(probe.probe, NOWHERE.packed)
