"""The sets of host names' addresses, in a real kernel."""

import json
import subprocess
import threading
from collections.abc import Iterator
from contextlib import closing
from ipaddress import IPv4Address, ip_address

import pytest

from linkbalancer.drivers.errors import DriverError
from linkbalancer.drivers.kernel import Kernel
from linkbalancer.drivers.netlink.transport import NETFILTER, NetlinkSocket
from linkbalancer.drivers.nftables import image, load, namesets
from linkbalancer.drivers.nftables.elements import MapWriter
from linkbalancer.drivers.nftables.listing import chains
from linkbalancer.routing.classifier import Classifier
from linkbalancer.routing.packet import Packet
from linkbalancer.routing.rule import Rule
from linkbalancer.routing.selector import Interval, Selector
from tests.drivers.conftest import Gateway
from tests.drivers.frames import frame, mac_of, open_packet_socket
from tests.drivers.nftables.rules import LAYOUT
from tests.namespaces import Namespace

ONE, TWO = (int(ip_address(f"198.51.100.{last}")) for last in (1, 2))
SIX = int(ip_address("2001:db8::6"))
IDS = {"saas": 2, "rest": 3}
FOUR_SET, SIX_SET = (namesets.name(["a.example"], family) for family in (4, 6))


def rules(*addresses: int, names: tuple[str, ...] = ("a.example",)) -> Classifier:
    """Return rules with a name that has these addresses, and SIX."""
    four = tuple(Interval(one, one) for one in addresses)
    selectors = [
        Selector(family=4, destination=four, destination_names=names),
        Selector(family=6, destination=(Interval(SIX, SIX),), destination_names=names),
    ]
    return Classifier([*(Rule(1, "saas", one) for one in selectors), Rule(2, "rest", Selector())])


@pytest.fixture
def netlink() -> Iterator[NetlinkSocket]:
    """Yield a socket into an empty namespace, which the test runs in."""
    with Namespace() as here, here.entered():
        opened = NetlinkSocket(NETFILTER)
        yield opened
        opened.close()


def test_sets_are_named_by_their_names_alone() -> None:
    """And by the family; whatever addresses there are."""
    assert namesets.contents(rules(ONE).rules) == {FOUR_SET: (ONE,), SIX_SET: (SIX,)}
    assert [*namesets.contents(rules(ONE, TWO).rules)] == [FOUR_SET, SIX_SET]
    assert namesets.contents(rules(ONE, names=("b.example",)).rules).keys().isdisjoint({FOUR_SET, SIX_SET})
    assert namesets.made({FOUR_SET: (TWO, ONE), SIX_SET: ()}) == (
        f"add set inet linkbalancer {FOUR_SET} {{ type ipv4_addr; }}\n"
        f"add element inet linkbalancer {FOUR_SET} {{ 198.51.100.1, 198.51.100.2 }}\n"
        f"add set inet linkbalancer {SIX_SET} {{ type ipv6_addr; }}\n"
    )


@pytest.mark.lab
def test_a_classifier_comes_with_its_sets(netlink: NetlinkSocket) -> None:
    """Other addresses are no other classifier; other names are, and the sets of the old ones go with it."""
    load.prepare(LAYOUT, netlink)
    assert load.install(LAYOUT, rules(ONE), IDS, netlink)
    assert namesets.read(netlink, FOUR_SET) == frozenset([ONE])
    assert namesets.read(netlink, SIX_SET) == frozenset([SIX])
    assert not load.install(LAYOUT, rules(TWO), IDS, netlink)
    assert load.loaded(LAYOUT, rules(TWO), IDS, netlink)
    other = rules(ONE, names=("b.example",))
    assert load.install(LAYOUT, other, IDS, netlink)
    assert set(namesets.present(netlink)) == namesets.contents(other.rules).keys()
    assert load.install(LAYOUT, Classifier(other.rules[2:]), {"rest": 3}, netlink)
    assert namesets.present(netlink) == []


@pytest.mark.lab
def test_a_change_is_a_difference_of_elements(netlink: NetlinkSocket) -> None:
    """No chain is touched; what is right already is not written; what is missing is said."""
    load.prepare(LAYOUT, netlink)
    load.install(LAYOUT, rules(ONE), IDS, netlink)
    before = chains(netlink)
    wanted = {FOUR_SET: {TWO}, SIX_SET: {SIX}}
    assert namesets.write(netlink, wanted) == (True, frozenset())
    assert namesets.write(netlink, wanted) == (False, frozenset())
    assert namesets.read(netlink, FOUR_SET) == frozenset([TWO])
    assert namesets.write(netlink, {"names_none_4": {ONE}, FOUR_SET: ()}) == (True, frozenset(["names_none_4"]))
    assert namesets.read(netlink, FOUR_SET) == frozenset()
    many = range(TWO, TWO + 3000)
    assert namesets.write(netlink, {FOUR_SET: many}) == (True, frozenset())
    assert namesets.read(netlink, FOUR_SET) == frozenset(many)
    assert chains(netlink) == before


@pytest.mark.lab
def test_a_table_put_back_has_them(netlink: NetlinkSocket) -> None:
    """The image leaves their elements to those who know them, and is the same whatever they are."""
    load.prepare(LAYOUT, netlink)
    load.install(LAYOUT, rules(ONE), IDS, netlink)
    first, _at = image.take(netlink)
    assert first is not None
    namesets.write(netlink, {FOUR_SET: {TWO}})
    second, _at = image.take(netlink)
    assert second is not None
    assert second.digest() == first.digest()
    assert first.difference(second) == []
    subprocess.run(["nft", "flush", "ruleset"], check=True)
    present, at = image.take(netlink)
    image.put_back(netlink, first, present, at, namesets.items({FOUR_SET: {TWO}, SIX_SET: {SIX}}))
    assert namesets.read(netlink, FOUR_SET) == frozenset([TWO])
    assert namesets.read(netlink, SIX_SET) == frozenset([SIX])


@pytest.mark.lab
def test_without_a_table_there_is_nothing(netlink: NetlinkSocket) -> None:
    """What is missing is no error; a socket that cannot be asked is."""
    assert namesets.write(netlink, {FOUR_SET: {ONE}}) == (False, frozenset([FOUR_SET]))
    netlink.close()
    with pytest.raises(DriverError):
        namesets.read(netlink, FOUR_SET)


@pytest.mark.lab
def test_no_packet_is_astray_while_addresses_change(gateway: Gateway) -> None:
    """New flows all the time to an address that stays, while all others of the set come and go."""
    some = rules(ONE)
    with closing(Kernel(LAYOUT, {})) as kernel:
        kernel.prepare()
        MapWriter(LAYOUT.marks, gateway.netfilter).steer(dict.fromkeys(IDS.values()))
        kernel.install(some, IDS)
    ended = threading.Event()
    changes = 0

    def rotate() -> None:
        nonlocal changes
        while not ended.is_set():
            changes += 1
            namesets.write(
                gateway.netfilter, {FOUR_SET: {ONE, *range(TWO + changes % 7 * 50, TWO + changes % 7 * 50 + 40)}}
            )

    gateway.here("nft -f -", given=WITNESS)
    thread = threading.Thread(target=rotate)
    thread.start()
    target = mac_of("lan0")
    with gateway.lan.entered(), open_packet_socket("eth0") as thrower:
        for number in range(1, 4001):
            packet = Packet(IPv4Address("10.9.9.9"), IPv4Address(ONE), 17, 10_000 + number, 443)
            thrower.send(frame(packet, target, b"\x02\x00\x00\x00\x00\x64", identity=number))
    ended.set()
    thread.join()
    listed = json.loads(gateway.here("nft -j list set inet witness seen"))["nftables"][-1]["set"]
    found = [LAYOUT.marks.application_of(element["concat"][1]) for element in listed["elem"]]
    assert changes > 20
    assert len(found) == 4000
    assert set(found) == {IDS["saas"]}


WITNESS = """
table inet witness {
    set seen { typeof ip id . ct mark; size 65535; flags dynamic; }
    chain prerouting {
        type filter hook prerouting priority -140; policy accept;
        add @seen { ip id . ct mark }
    }
}
"""
