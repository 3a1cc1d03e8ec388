"""The agent's hands on a real kernel: the way of own traffic, and what a successor keeps."""

from collections.abc import Iterator
from contextlib import ExitStack, closing
from ipaddress import IPv4Address

import pytest

from linkbalancer.daemon.performer import Performer, layout_of
from linkbalancer.drivers import neighbours, routes
from linkbalancer.drivers.netlink.transport import ROUTE, NetlinkSocket
from linkbalancer.drivers.nftables.render import Peer
from linkbalancer.engine.effects import SetNextHop
from linkbalancer.links import Unreachable, ViaLink, ViaMaster
from linkbalancer.routing.classifier import compile_rules
from tests.config.texts import changed, loaded
from tests.namespaces import Namespace

OWN_TABLE = 20000
PEER, VIP, SOURCE = IPv4Address("10.1.0.2"), IPv4Address("192.168.1.252"), IPv4Address("192.168.1.1")
BY_LINK = ViaLink("eth1", PEER, SOURCE)
BY_MASTER = ViaMaster("eth0", VIP, b"\x02\0\0\0\0\x07", SOURCE)


class Hands:
    """A performer in the present namespace, and what it said."""

    def __init__(self) -> None:
        """Prepare the kernel and adopt what is there."""
        good = loaded()
        self.complaints: list[str] = []
        self.put_back: list[str] = []
        self.performer = Performer(
            good,
            compile_rules(good.rules),
            {"web": 2, "rest": 3},
            {},
            complain=lambda what, why: self.complaints.append(f"{what}: {why}"),
            put_back=self.put_back.append,
        )
        self.performer.prepare()
        self.found = self.performer.found()
        self._netlink = NetlinkSocket(ROUTE)

    def close(self) -> None:
        """Close the sockets."""
        self.performer.close()
        self._netlink.close()

    def table(self, table: int) -> tuple[str, IPv4Address, IPv4Address | None] | None:
        """Return device, gateway and source of a table's default route; None: it has but `unreachable`."""
        assert table in routes.floored(self._netlink)
        return next((route[1:] for route in routes.read(self._netlink) if route.table == table), None)

    def pins(self) -> set[IPv4Address]:
        """Return what is pinned on the LAN."""
        return set(neighbours.pinned(self._netlink, "eth0"))


@pytest.fixture
def here() -> Iterator[Namespace]:
    """Yield a gateway's namespace, entered: eth0 is the LAN, eth1 the link."""
    with ExitStack() as stack:
        inside, outside = stack.enter_context(Namespace("here")), stack.enter_context(Namespace("outside"))
        for device, address in (("eth0", "192.168.1.1/24"), ("eth1", "10.1.0.1/30")):
            inside.connect(device, outside, device)
            inside(f"ip addr add {address} dev {device}")
        stack.enter_context(inside.entered())
        yield inside


@pytest.mark.lab
def test_own_traffic_follows_the_lowest_vid_that_has_a_way(here: Namespace) -> None:
    """Its table moves with the VIDs, is never one that answers `unreachable` while another works, and keeps pins."""
    assert "iif lo lookup 20000" not in here("ip rule")
    with closing(Hands()) as hands:
        assert "iif lo lookup 20000" in here("ip rule")
        by_link, by_master = ("eth1", PEER, SOURCE), ("eth0", VIP, SOURCE)
        assert hands.table(OWN_TABLE) is None
        for vid, hop, own in (
            (2, BY_MASTER, by_master),
            (1, BY_LINK, by_link),
            (1, Unreachable(), by_master),
            (1, BY_LINK, by_link),
            (2, Unreachable(), by_link),
        ):
            hands.performer.perform(SetNextHop(vid, hop))
            assert hands.table(OWN_TABLE) == own
            assert hands.pins() == ({VIP} if hop == BY_MASTER or vid == 1 else set())
        hands.performer.perform(SetNextHop(2, BY_LINK, guard=True))
        hands.performer.perform(SetNextHop(1, Unreachable()))
        assert hands.table(OWN_TABLE) is None
        assert hands.complaints == []


@pytest.mark.lab
def test_what_a_successor_adopts_is_wanted_too(here: Namespace) -> None:
    """Next hops that it found and never set itself come back when others remove them, own traffic's with them."""
    with closing(Hands()) as hands:
        hands.performer.perform(SetNextHop(1, BY_LINK))
    with closing(Hands()) as successor:
        assert successor.found.next_hops == {1: BY_LINK, 2: Unreachable()}
        assert successor.table(OWN_TABLE) == ("eth1", PEER, SOURCE)
        here("ip route flush table 20000", "ip route flush table 20001", "ip rule del priority 32768")
        successor.performer.reconcile()
        assert successor.table(OWN_TABLE) == successor.table(20001) == ("eth1", PEER, SOURCE)
        assert "iif lo lookup 20000" in here("ip rule")
        assert successor.put_back == [
            "put back: next hop of VID 1: ViaLink",
            "put back: next hop of own traffic: ViaLink",
        ]


@pytest.mark.lab
def test_a_refusal_says_whose_way_it_is(here: Namespace) -> None:
    """A next hop by a device that is down is refused for the VID and for own traffic, and mended when it is up."""
    with closing(Hands()) as hands:
        here("ip link set eth1 down")
        hands.performer.perform(SetNextHop(1, BY_LINK))
        assert [complaint.partition(":")[0] for complaint in hands.complaints] == [
            "next hop of VID 1",
            "next hop of own traffic",
        ]
        assert "point table 20000 of own traffic" in hands.complaints[1]
        here("ip link set eth1 up")
        hands.performer.reconcile()
        assert hands.table(OWN_TABLE) == ("eth1", PEER, SOURCE)


def test_the_layout_knows_the_peers_of_its_links() -> None:
    """Every link's peer with its port, so that no datagram to it is ever steered."""
    second = "  l2: {device: eth2, local: 10.2.0.1, peer: 203.0.113.9, port: 4711, key_file: keys/l2.key}\ngroups:\n"
    peers = layout_of(loaded(changed(("groups:\n", second)))).peers
    assert peers == (Peer(PEER, 20112), Peer(IPv4Address("203.0.113.9"), 4711))
