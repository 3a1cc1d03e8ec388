"""Deriving a topology from a configuration directory."""

from ipaddress import IPv4Address, IPv4Interface, IPv4Network
from pathlib import Path

import pytest

from linkbalancer.lab.directory import read_directory
from linkbalancer.lab.errors import LabError
from linkbalancer.lab.topology import Port, point_to_point
from tests.lab.example import CAMPUS, EIGHT, EXAMPLE, THREE, varied


def test_links_join_the_gateways_that_name_them() -> None:
    """A link's ends are the two gateways that have each other's address as peer, on the smallest common prefix."""
    first, second = read_directory(EXAMPLE).topology.links

    assert first.name == "l1"
    assert first.is_link
    assert first.ports == (
        Port("b1", "eth1", IPv4Interface("10.1.0.1/30")),
        Port("f1", "eth1", IPv4Interface("10.1.0.2/30")),
    )
    assert [port.node for port in second.ports] == ["b2", "f2"]


def test_lans_hold_gateways_and_hosts_of_their_prefix() -> None:
    """Everybody with an address in a LAN's prefix is on that LAN."""
    near, far = read_directory(EXAMPLE).topology.lans

    assert [port.node for port in near.ports] == ["b1", "b2", "near-host"]
    assert [port.node for port in far.ports] == ["f1", "f2", "far-host"]
    assert near.port("b2") == Port("b2", "eth0", IPv4Interface("192.168.1.2/24"))
    with pytest.raises(KeyError):
        near.port("f1")


def test_sides_follow_the_roles() -> None:
    """Controllers and their hosts are near, controlled gateways and theirs are far."""
    topology = read_directory(EXAMPLE).topology

    assert topology.side_gateways("near") == ("b1", "b2")
    assert topology.side_gateways("far") == ("f1", "f2")
    assert topology.host("near").name == "near-host"
    assert topology.host("far").gateway == IPv4Address("192.168.2.251")


def test_a_vid_runs_over_the_links_with_members_at_both_ends() -> None:
    """A gateway that only observes a VID brings it no link."""
    topology = read_directory(EXAMPLE).topology

    assert {vid: topology.links_of(vid) for vid in topology.vids} == {1: ("l1", "l2"), 2: ("l1", "l2"), 3: ("l1",)}


def test_a_topology_is_named_by_its_folder_or_its_document(tmp_path: Path) -> None:
    """`name` in topology.yaml wins over the folder's name."""
    named = varied(tmp_path / "copy", "topology.yaml", "lans:", "name: branch\nlans:")

    assert read_directory(EXAMPLE).topology.name == "two-links"
    assert read_directory(named).topology.name == "branch"


@pytest.mark.parametrize(
    ("file", "old", "new", "words"),
    [
        ("f1/linkbalancer.yaml", "peer: 10.1.0.1", "peer: 10.1.0.9", "each other's address"),
        ("f1/linkbalancer.yaml", "  l1:\n", "  l9:\n", "two ends"),
        ("topology.yaml", "  b1: {eth0: 192.168.1.1/24}\n", "", "does not name gateway b1"),
        ("topology.yaml", "  b1: {", "  b9: {eth0: 192.168.1.9/24}\n  b1: {", "no b9/linkbalancer.yaml"),
        ("topology.yaml", "  near-host:", "  b1:", "twice"),
        ("topology.yaml", "near: 192.168.1.0/24", "near: 192.168.7.0/24", "nobody has an address"),
        ("topology.yaml", "192.168.2.100/24", "192.168.7.100/24", "on no LAN"),
        ("topology.yaml", "  far-host: {address: 192.168.2.100", "  far-host: {address: 192.168.1.101", "far LAN"),
        ("topology.yaml", "lans:", "lanes:", "lanes"),
        ("topology.yaml", "lans:", "lans: [", "topology.yaml"),
        ("b1/linkbalancer.yaml", "node: b1", "node: b7", "its folder must have that name"),
        ("b1/linkbalancer.yaml", "192.168.1.251/24", "192.168.5.251/24", "outside LAN near"),
        ("b1/linkbalancer.yaml", "role: controller", "role: boss", "b1/linkbalancer.yaml:3"),
    ],
)
def test_what_does_not_fit_is_named(tmp_path: Path, file: str, old: str, new: str, words: str) -> None:
    """Whatever keeps a directory from being a topology is said with the names that it is about."""
    directory = varied(tmp_path / "copy", file, old, new)
    if new.startswith("  l9"):
        text = (directory / file).read_text().replace("link: l1", "link: l9")
        (directory / file).write_text(text)

    with pytest.raises(LabError) as error:
        read_directory(directory)

    assert words in str(error.value)


def test_a_directory_without_gateways_is_refused(tmp_path: Path) -> None:
    """Neither a missing topology.yaml nor a directory without a gateway is a topology."""
    with pytest.raises(LabError, match="cannot read"):
        read_directory(tmp_path)
    (tmp_path / "topology.yaml").write_text("{lans: {}, gateways: {}}")
    with pytest.raises(LabError, match="holds no gateway"):
        read_directory(tmp_path)


def test_rule_files_that_differ_are_refused(tmp_path: Path) -> None:
    """All gateways must have the same rules (mission A1)."""
    directory = varied(tmp_path / "copy", "f2/linkbalancer.yaml", "../apps.conf", "apps.conf")
    (directory / "f2/apps.conf").write_text("App=* * * * * * [1] name=rest\n")

    with pytest.raises(LabError, match="rule files differ"):
        read_directory(directory)


def test_a_copy_gets_keys_of_its_own(tmp_path: Path) -> None:
    """Both ends of a link share a fresh key that only its owner can read; keys of the original are not copied."""
    original = varied(tmp_path / "original", "topology.yaml", "lans:", "lans:")
    (original / "b1/keys").mkdir()
    (original / "b1/keys/l1.key").write_text("1 secret of the operator\n")

    read_directory(original).copy_to(tmp_path / "copy")

    keys = {path.relative_to(tmp_path / "copy"): path for path in (tmp_path / "copy").rglob("*.key")}
    assert {str(path) for path in keys} == {f"{node}/keys/l{node[1]}.key" for node in ("b1", "b2", "f1", "f2")}
    assert all(path.stat().st_mode & 0o777 == 0o600 for path in keys.values())
    texts = {str(path): file.read_text() for path, file in keys.items()}
    assert texts["b1/keys/l1.key"] == texts["f1/keys/l1.key"] != texts["b2/keys/l2.key"]
    assert "operator" not in texts["b1/keys/l1.key"]


@pytest.mark.parametrize(
    ("one", "other", "prefix"),
    [
        ("10.1.0.1", "10.1.0.2", "10.1.0.0/30"),
        ("10.1.0.3", "10.1.0.4", "10.1.0.0/29"),
        ("192.0.2.200", "192.0.2.10", "192.0.2.0/24"),
    ],
)
def test_a_link_gets_the_smallest_prefix_that_holds_both_ends(one: str, other: str, prefix: str) -> None:
    """Neither end is the first or the last address of the prefix."""
    assert point_to_point(IPv4Address(one), IPv4Address(other)) == IPv4Network(prefix)


def test_addresses_at_the_ends_of_the_world_have_no_link() -> None:
    """0.0.0.0 and 255.255.255.255 are nobody's addresses."""
    with pytest.raises(LabError, match="no prefix in common"):
        point_to_point(IPv4Address("0.0.0.0"), IPv4Address("255.255.255.255"))


def test_eight_links_are_sixteen_gateways() -> None:
    """Every VID is on every link, and prefers the one of its number."""
    topology = read_directory(EIGHT).topology

    assert (len(topology.gateways), len(topology.links), topology.most_gateways) == (16, 8, 4)
    assert topology.vids == tuple(range(1, 9))
    assert all(len(topology.links_of(vid)) == 8 for vid in topology.vids)


def test_a_link_may_cross_routers() -> None:
    """Its ends are on the first and the last wire; each router knows the ways to both LANs and to both ends."""
    topology = read_directory(THREE).topology
    link = topology.links[2]

    assert topology.nodes[-2:] == ("r1", "r2")
    assert topology.most_gateways == 6
    assert link.ports == (
        Port("b3", "eth1", IPv4Interface("10.3.0.1/24")),
        Port("f3", "eth1", IPv4Interface("10.3.9.2/24")),
    )
    assert [router.port("near") for router in link.routers] == ["r1-near", "r2-near"]
    assert [[f"{prefix} {address}" for prefix, address in router.routes] for router in link.routers] == [
        ["192.168.1.0/24 10.3.0.1", "192.168.2.0/24 10.3.1.2", "10.3.9.0/24 10.3.1.2"],
        ["192.168.1.0/24 10.3.1.1", "10.3.0.0/24 10.3.1.1", "192.168.2.0/24 10.3.9.2"],
    ]


@pytest.mark.parametrize(
    ("file", "old", "new", "words"),
    [
        ("b3/linkbalancer.yaml", "via: 10.3.0.254", "via: 10.3.0.253", "its near end must have via: 10.3.0.254"),
        ("f3/linkbalancer.yaml", "via: 10.3.9.254", "port: 20112 #", "its far end must have via: 10.3.9.254"),
        ("topology.yaml", "near: 10.3.1.2/30", "near: 10.3.1.6/30", "r1 and r2 have no network in common"),
        ("topology.yaml", "near: 10.3.1.2/30", "near: 10.3.1.1/30", "r1 and r2 have no network in common"),
        ("topology.yaml", "near: 10.3.0.254/24", "near: 10.3.0.254/30", "an address within 10.3.0.252/30"),
        ("topology.yaml", "  l3:", "  l2:", "its near end must have via: 10.3.0.254"),
        ("topology.yaml", "  l3:", "  l4:", "names routers of link l4, which no gateway has"),
        ("topology.yaml", "name: r2", "name: b1", "names b1 twice: give router b1 another name"),
        ("topology.yaml", "name: r2", "name: r1", "names r1 twice: give router r1 another name"),
        ("topology.yaml", "name: r2", "name: a-name-too-long", "topology.yaml:"),
        ("topology.yaml", "\nlinks:", "\nlinks: {}\nhurdles:", "hurdles"),
    ],
)
def test_routers_that_do_not_fit_are_named(tmp_path: Path, file: str, old: str, new: str, words: str) -> None:
    """What the gateways say of a link and what topology.yaml says of it are one thing."""
    directory = varied(tmp_path / "copy", file, old, new, THREE)

    with pytest.raises(LabError) as error:
        read_directory(directory)

    assert words in str(error.value)


def test_a_next_hop_needs_a_router(tmp_path: Path) -> None:
    """Where topology.yaml names none, it says where they belong."""
    directory = varied(tmp_path / "copy", "b1/linkbalancer.yaml", "peer: 10.1.0.2", "peer: 10.1.0.2\n    via: 10.1.0.3")

    with pytest.raises(LabError, match="link l1: its near end is reached via"):
        read_directory(directory)


def test_a_host_may_have_more_addresses_on_its_lan(tmp_path: Path) -> None:
    """Its own comes first; one that is not on the LAN is refused."""
    topology = read_directory(CAMPUS).topology
    host = topology.host("near")
    (_, port), *_ = topology.ports(host.name)

    assert host.addresses[0] == host.address.ip
    assert len(host.addresses) == 8
    assert [one.ip for one in port.more] == list(host.more)
    assert {one.network for one in port.more} == {host.address.network}
    strange = varied(tmp_path / "copy", "topology.yaml", "more: [192.168.2.101]", "more: [10.0.0.1]", CAMPUS)
    with pytest.raises(LabError, match=r"far-host has 10\.0\.0\.1 outside LAN far"):
        read_directory(strange)


def test_links_that_translate_are_known() -> None:
    """By the gateways' own words."""
    assert read_directory(CAMPUS).topology.translated == {"l3"}
    assert read_directory(EXAMPLE).topology.translated == frozenset()
