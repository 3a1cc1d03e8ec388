"""Where a packet enters a gateway, told from the kernel's way back to its source."""

from collections.abc import Iterator
from ipaddress import ip_address
from pathlib import Path

import pytest

from linkbalancer.config.load import Loaded, load
from linkbalancer.daemon.crosscheck import NoEntranceError, entering
from linkbalancer.engine.crosscheck.observed import Entrance
from linkbalancer.routing.packet import Packet
from tests.engine.preflight.hosts import FILES
from tests.namespaces import Namespace

pytestmark = pytest.mark.lab

LOADED: Loaded = load("linkbalancer.yaml", FILES.__getitem__)


@pytest.fixture
def host() -> Iterator[Namespace]:
    """A gateway with LAN, link and a device besides; the test runs inside."""
    with Namespace("host") as here, Namespace("away") as away:
        for number, device in enumerate(("eth0", "eth1", "eth2")):
            here.connect(device, away, device)
            here(f"ip addr add 10.{number}.0.1/24 dev {device}")
        here("ip route add 203.0.113.0/24 via 10.0.0.9")
        with here.entered():
            yield here


@pytest.mark.parametrize(
    ("source", "device", "entrance"),
    [
        ("10.0.0.7", "eth0", Entrance.LAN),
        ("203.0.113.7", "eth0", Entrance.LAN),
        ("10.1.0.2", "eth1", Entrance.LINK),
        ("10.2.0.2", "eth2", Entrance.OTHER),
        ("10.0.0.1", None, Entrance.SELF),
    ],
)
def test_the_entrance_is_guessed(host: Namespace, source: str, device: str | None, entrance: Entrance) -> None:
    """Where an answer would leave; this host's own addresses are its own packets'."""
    flow = entering(LOADED, Packet(ip_address(source), ip_address("198.51.100.1"), 6), None)
    assert (flow.device, flow.entrance, flow.guessed) == (device, entrance, device is not None)
    assert Path("/run/netns", host.name).exists()


@pytest.mark.parametrize(("device", "entrance"), [("eth1", Entrance.LINK), ("lo", Entrance.SELF)])
@pytest.mark.usefixtures("host")
def test_the_entrance_is_named(device: str, entrance: Entrance) -> None:
    """What is said is not guessed."""
    flow = entering(LOADED, Packet(ip_address("10.0.0.7"), ip_address("198.51.100.1"), 6), device)
    assert (flow.device or "lo", flow.entrance, flow.guessed) == (device, entrance, False)


@pytest.mark.usefixtures("host")
def test_no_entrance() -> None:
    """No way back, or no such device: it must be said, rightly."""
    packet = Packet(ip_address("192.0.2.1"), ip_address("198.51.100.1"), 6)
    with pytest.raises(NoEntranceError, match=r"no way back to 192\.0\.2\.1: name its entrance with --iif"):
        entering(LOADED, packet, None)
    with pytest.raises(NoEntranceError, match="there is no device eth9 here"):
        entering(LOADED, packet, "eth9")
