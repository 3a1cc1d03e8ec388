"""Tests of gateways without links: plain VRRP, of both families, with everything that a group can be given."""

from ipaddress import IPv4Address, IPv4Interface, IPv6Address, IPv6Interface

import pytest

from linkbalancer.engine.drain import Drained
from linkbalancer.engine.effects import AddAddresses, Announce, Publish, RemoveAddresses, SendAdvert, SetNextHop
from linkbalancer.engine.events import Leave, Started
from linkbalancer.links import GroupState, Unreachable, ViaMain, ViaMaster
from linkbalancer.vrrp.ip import MULTICAST, MULTICAST_IPV6
from tests.engine.alone import FOUR, ONE, ONE6, OTHER4, OTHER_MAC, OWN4, OWN6, SIX, Alone, loaded, said
from tests.engine.bench import of_type

FOUR_IP, SIX_IPS = IPv4Interface("192.0.2.251/24"), tuple(map(IPv6Interface, ("fe80::251/64", "2001:db8::251/64")))


def master(four: str = FOUR, six: str | None = SIX) -> Alone:
    """Return a gateway that has become Master of everything."""
    bench = Alone(loaded(four, six))
    bench.start()
    bench.wait(800)
    assert {one.state for one in bench.agent.memberships.values()} == {GroupState.MASTER}
    return bench


def test_without_anybody_it_becomes_master_of_both_families() -> None:
    """After the master-down interval: an advert of each family, its addresses, announcements; the table is open."""
    bench = Alone(loaded())
    effects = bench.start()
    assert of_type(effects, SendAdvert) == []
    assert of_type(effects, SetNextHop) == [SetNextHop(1, ViaMain()), SetNextHop(1, ViaMain(), guard=True)]
    effects = bench.wait(700)

    adverts = of_type(effects, SendAdvert)
    assert [(one.source, one.destination) for one in adverts] == [(OWN4, MULTICAST), (OWN6, MULTICAST_IPV6)]
    assert [said(one).advertisement.priority for one in adverts] == [150, 150]
    assert of_type(effects, AddAddresses) == [AddAddresses("eth0", (FOUR_IP,)), AddAddresses("eth0", SIX_IPS)]
    assert {address for one in of_type(effects, Announce) for address in one.addresses} >= {
        FOUR_IP.ip,
        *(one.ip for one in SIX_IPS),
    }
    assert [entry.works for entry in of_type(effects, Publish)[-1].table.vids] == [True]
    assert bench.agent.working == {1}
    status = bench.agent.status(bench.now)["groups"]
    assert {name: (one["state"], one["works"], one["next_hop"]) for name, one in status.items()} == {
        "1": ("master", True, "main table"),
        "1/ipv6": ("master", True, "not steered"),
    }


def test_the_families_of_one_vid_are_independent() -> None:
    """Another router may be Master of one of them; only IPv4 is steered there."""
    bench = master()
    effects = bench.other(ONE, 200)

    assert of_type(effects, RemoveAddresses) == [RemoveAddresses("eth0", (FOUR_IP,))]
    assert of_type(effects, SetNextHop) == [
        SetNextHop(1, ViaMaster("eth0", IPv4Address("192.0.2.251"), OTHER_MAC, OWN4))
    ]
    assert (bench.group(1)["state"], bench.group(1)["master"]) == ("backup", str(OTHER4))
    assert bench.agent.memberships[ONE6].is_master
    effects = bench.other(ONE6, 200)
    assert of_type(effects, RemoveAddresses) == [RemoveAddresses("eth0", SIX_IPS)]
    assert of_type(effects, SetNextHop) == []


def test_where_no_group_has_a_link_the_lowest_priority_is_a_masters_as_any_other() -> None:
    """Priority 1 says nothing of a link here."""
    bench = Alone(loaded(FOUR.replace("150", "100"), None))
    bench.start()
    bench.other(ONE, 1)
    assert (bench.group(1)["master"], bench.group(1)["works"]) == (str(OTHER4), True)
    bench.other(ONE, 0)
    assert bench.group(1)["master"] is None


def test_an_observer_has_no_way_of_its_own() -> None:
    """It goes to the Master, or nowhere; guarded packets may go by the main table."""
    bench = Alone(loaded(FOUR.replace("priority: 150", "mode: observe"), None))
    effects = [*bench.start(), *bench.wait(2000)]

    assert of_type(effects, SetNextHop) == [SetNextHop(1, ViaMain(), guard=True), SetNextHop(1, Unreachable())]


def test_drained_both_families_go() -> None:
    """A VID is drained as a whole, with priority 0, and comes back."""
    bench = master()
    effects = bench.do(Drained(vids={1: "by root"}))

    assert [said(one).advertisement.priority for one in of_type(effects, SendAdvert)] == [0, 0]
    assert [bench.agent.status(bench.now)["groups"][name]["drained"] for name in ("1", "1/ipv6")] == [
        "drained by root",
        "drained by root",
    ]
    bench.do(Drained())
    bench.wait(800)
    assert bench.agent.memberships[ONE6].is_master


def test_an_orderly_end_takes_leave_in_both_families() -> None:
    """And keeps the addresses until somebody else is heard, or could not be slower."""
    bench = master()
    effects = bench.do(Leave())
    assert [said(one).advertisement.priority for one in of_type(effects, SendAdvert)] == [0, 0]
    assert of_type(effects, RemoveAddresses) == []
    assert len(of_type(bench.wait(1000), RemoveAddresses)) == 2


def test_excluded_addresses_and_those_on_other_devices() -> None:
    """Installed and announced where they stand, and not advertised."""
    bench = Alone(loaded(FOUR + ", excluded_ips: [10.9.0.1/16 dev eth7, fe80::9/64]", None))
    bench.start()
    effects = bench.wait(700)

    assert of_type(effects, AddAddresses) == [
        AddAddresses("eth0", (FOUR_IP, IPv6Interface("fe80::9/64"))),
        AddAddresses("eth7", (IPv4Interface("10.9.0.1/16"),)),
    ]
    announced = {(one.device, address) for one in of_type(effects, Announce) for address in one.addresses}
    assert announced == {("eth0", FOUR_IP.ip), ("eth0", IPv6Address("fe80::9")), ("eth7", IPv4Address("10.9.0.1"))}
    assert said(of_type(effects, SendAdvert)[0]).advertisement.addresses == (FOUR_IP.ip,)


def test_a_virtual_mac_is_in_adverts_and_announcements_of_its_own_device() -> None:
    """The address elsewhere has that device's own."""
    bench = Alone(loaded(FOUR + ", virtual_mac: true, excluded_ips: [10.9.0.1/16 dev eth7]", None))
    bench.start()
    effects = bench.wait(700)
    mac = bytes.fromhex("00005e000101")

    assert [(one.device, one.mac) for one in of_type(effects, SendAdvert)] == [("eth0", mac)]
    assert {(one.device, one.mac) for one in of_type(effects, Announce)} == {("vr4-1", mac), ("eth7", None)}
    assert [one.device for one in of_type(effects, AddAddresses)] == ["vr4-1", "eth7"]


def test_unicast_peers_get_an_advert_each() -> None:
    """From the pinned source, each with a checksum of its own; and not the LAN."""
    unicast = "unicast: {peers: [192.0.2.2, 192.0.2.3], source: 192.0.2.7}, checksum: rfc5798"
    bench = Alone(loaded(f"{FOUR}, {unicast}", None))
    pinned = IPv4Address("192.0.2.7")
    bench.start()
    assert bench.group(1)["reason"] == "eth0 has not the address 192.0.2.7 that adverts are to be sent from"
    bench.device(more=(pinned,))
    adverts = of_type(bench.wait(700), SendAdvert)

    assert [(one.source, str(one.destination)) for one in adverts] == [(pinned, "192.0.2.2"), (pinned, "192.0.2.3")]
    assert adverts[0].message != adverts[1].message
    assert {said(one).form for one in adverts} == {"rfc5798"}
    bench.device()
    assert bench.group(1)["state"] == "fault"


def test_version_2_with_its_password() -> None:
    """Whole seconds, and eight bytes of a secret that is in no status."""
    bench = Alone(loaded(f"{FOUR.replace('200ms', '1s')}, version: 2, password_file: v2", None, password=b"secret"))
    bench.start()
    (sent,) = of_type(bench.wait(3500), SendAdvert)

    advertisement = said(sent).advertisement
    assert (advertisement.version, advertisement.auth_data) == (2, b"secret\0\0")
    assert "secret" not in str(bench.agent.status(bench.now))
    assert "secret" not in str(bench.agent.snapshot(bench.now, live=True))


def test_the_owner_is_master_at_once_and_speaks_as_its_address() -> None:
    """It must have it: an owner of other hosts' addresses would be a second one."""
    bench = Alone(loaded(FOUR.replace("150", "255"), None))
    bench.device()
    bench.do(Started())
    assert bench.group(1)["reason"] == "eth0 has none of the addresses that priority 255 says are its own"
    effects = bench.device(more=(FOUR_IP.ip,))
    (sent,) = of_type(effects, SendAdvert)
    assert (sent.source, said(sent).advertisement.priority) == (FOUR_IP.ip, 255)
    assert bench.agent.memberships[ONE].is_master


@pytest.mark.parametrize(("mtu", "state"), [(1500, "fault"), (1600, "master")])
def test_more_addresses_than_an_advert_holds(mtu: int, state: str) -> None:
    """90 of IPv6 are one too many for Ethernet: 89, as with Keepalived."""
    many = ", ".join(f"2001:db8::{number:x}/64" for number in range(1, 90))
    bench = Alone(loaded(six=SIX.replace("2001:db8::251/64", many)))
    bench.device(mtu=mtu)
    bench.do(Started())
    bench.wait(800)

    status = bench.agent.status(bench.now)["groups"]["1/ipv6"]
    assert status["state"] == state
    if state == "fault":
        words = "an advert of 90 virtual IPs is too long for eth0 (room for 89): exclude some"
        assert status["reason"] == words


def test_a_device_without_a_link_local_address_cannot_serve_ipv6() -> None:
    """IPv4 goes on."""
    bench = master()
    known = bench.agent.known._devices["eth0"]
    bench.do(type(known)("eth0", known.carrier, known.primary, None, known.mtu, frozenset({OWN4})))

    groups = bench.agent.status(bench.now)["groups"]
    assert {name: one["state"] for name, one in groups.items()} == {"1": "master", "1/ipv6": "fault"}
    assert groups["1/ipv6"]["reason"] == "eth0 has no IPv6 link-local address"
