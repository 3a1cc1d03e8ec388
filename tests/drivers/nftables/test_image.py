"""The table as the kernel tells it: the same after it was put back, whatever was done to it."""

import socket

import pytest

from linkbalancer.drivers.errors import DriverError
from linkbalancer.drivers.netlink.transport import NetlinkSocket
from linkbalancer.drivers.nftables import image, load
from linkbalancer.drivers.nftables.elements import MapWriter, MemberWriter
from linkbalancer.drivers.nftables.image import Image
from linkbalancer.drivers.nftables.layout import Layout, Peer
from linkbalancer.drivers.nftables.render import MAP, MEMBERS
from linkbalancer.links import Role
from linkbalancer.routing.classifier import compile_rules
from linkbalancer.routing.marks import Marks
from tests.config.texts import loaded
from tests.drivers.conftest import Gateway

pytestmark = pytest.mark.lab

MAC = b"\x02\0\0\0\0\x07"
EVERY_KIND = """\
table inet linkbalancer {
 map ranges {
  type inet_service : verdict; flags interval
  elements = { 1-9 : goto some, 10-19 : goto some, 30 : goto other }
 }
 map boxes {
  type ipv4_addr . inet_service : verdict; flags interval
  elements = { 10.0.0.0/8 . 1-9 : goto some, 192.0.2.1-192.0.2.9 . 53 : goto other }
 }
 chain some {
  counter comment "counted"
  ip6 daddr { 2001:db8::/32, fd00::/8 } accept
 }
 chain other {
  udp dport vmap { 1-99 : goto some, 100 : drop }
 }
 chain both {
  tcp dport vmap @ranges
  ip saddr . th dport vmap @boxes
 }
}
"""


@pytest.fixture
def netlink(gateway: Gateway) -> NetlinkSocket:
    """Have a table with every kind of thing in it; return a socket."""
    good = loaded()
    layout = Layout(
        marks=Marks(),
        role=Role.CONTROLLER,
        lan_devices=("lan0",),
        link_devices=("link0",),
        vids=(1, 2),
        peers=(Peer(good.config.links["l1"].peer, 20112),),
    )
    load.prepare(layout, gateway.netfilter)
    load.install(layout, compile_rules(good.rules), {"web": 2, "rest": 3}, gateway.netfilter)
    MapWriter(Marks(), gateway.netfilter).steer({2: 2, 3: 1})
    MemberWriter(gateway.netfilter).write("lan0", frozenset({MAC}))
    load.load(EVERY_KIND)
    return gateway.netfilter


def taken(netlink: NetlinkSocket) -> Image:
    """Return the table, which is there."""
    found, _at = image.take(netlink)
    assert found is not None
    return found


def restored(netlink: NetlinkSocket, wanted: Image) -> list[str]:
    """Put the table back; return what was missing."""
    present, at = image.take(netlink)
    elements = {
        MAP: MapWriter(Marks(), netlink).items({1: None, 2: 2, 3: 1}),
        MEMBERS: MemberWriter(netlink).items({"lan0": frozenset({MAC})}),
    }
    image.put_back(netlink, wanted, present, at, elements)
    return wanted.difference(present)


@pytest.mark.parametrize(
    ("deed", "missing"),
    [
        ("flush ruleset", ["the table"]),
        ("delete table inet linkbalancer", ["the table"]),
        ("add table inet linkbalancer { flags dormant; }", ["the table's flags"]),
        ("flush chain inet linkbalancer prerouting", ["the chain prerouting as it was"]),
        ("insert rule inet linkbalancer output accept", ["the chain output as it was"]),
        ("chain inet linkbalancer output { policy drop; }", ["the chain output as it was"]),
        ("flush map inet linkbalancer ranges", ["the set ranges as it was"]),
        ("add element inet linkbalancer ranges { 40-49 : drop }", ["the set ranges as it was"]),
        ("flush chain inet linkbalancer both; delete chain inet linkbalancer both", ["the chain both"]),
        ("add chain inet linkbalancer foreign", ["the table without the chain foreign"]),
        ("add set inet linkbalancer foreign { type mark; }", ["the table without the set foreign"]),
        (
            "flush chain inet linkbalancer both; delete map inet linkbalancer boxes",
            ["the chain both as it was", "the set boxes"],
        ),
    ],
)
def test_the_table_comes_back_as_it_was(
    gateway: Gateway, netlink: NetlinkSocket, deed: str, missing: list[str]
) -> None:
    """What nft lists is, to the letter, what it listed before: rules, ranges, policies, comments, flags, elements."""
    wanted, before = taken(netlink), gateway.here("nft list ruleset")
    gateway.here("nft -f -", given=deed.replace("; ", "\n") if "{" not in deed else f"{deed}\n")
    assert restored(netlink, wanted) == missing
    noted = f"\tchain {image.NOTE}{wanted.digest()} {{\n\t}}\n"
    assert gateway.here("nft list ruleset").replace(noted, "").split() == before.split()
    assert wanted.difference(taken(netlink)) == []


def test_what_was_counted_is_no_difference(gateway: Gateway, netlink: NetlinkSocket) -> None:
    """A counter that has counted is the same rule, and names the same table."""
    gateway.here("nft insert rule inet linkbalancer output goto some")
    before = taken(netlink)
    with socket.socket(socket.AF_INET, socket.SOCK_DGRAM) as counted:
        counted.sendto(b"", ("192.0.2.100", 9))
    after = taken(netlink)
    assert after.chains["some"] != before.chains["some"]
    assert before.difference(after) == []
    assert after.digest() == before.digest()


def test_it_is_put_back_only_over_what_was_looked_at(gateway: Gateway, netlink: NetlinkSocket) -> None:
    """Who changed something meanwhile is not written over: nothing has changed then."""
    wanted, at = taken(netlink), image.take(netlink)[1]
    gateway.here("nft add table inet other")
    before = gateway.here("nft list ruleset")
    with pytest.raises(DriverError, match="put the nftables table back"):
        image.put_back(netlink, wanted, wanted, at, {})
    assert gateway.here("nft list ruleset") == before


def test_the_table_bears_the_digest_of_what_was_loaded(gateway: Gateway, netlink: NetlinkSocket) -> None:
    """Noted once, in place of an older one; it belongs to no image, and goes and comes with the table."""
    wanted = taken(netlink)
    assert image.note(netlink, "0123456789ab")
    assert image.note(netlink, wanted.digest())
    assert not image.note(netlink, wanted.digest())
    assert image.noted(netlink) == [wanted.digest()]
    assert taken(netlink).digest() == wanted.digest()
    gateway.here("nft flush ruleset")
    assert image.noted(netlink) == []
    assert restored(netlink, wanted) == ["the table"]
    assert image.noted(netlink) == [wanted.digest()]


def test_no_table_is_no_image(gateway: Gateway) -> None:
    """Nor is one of another family."""
    gateway.here("nft add table ip linkbalancer")
    assert image.take(gateway.netfilter)[0] is None
