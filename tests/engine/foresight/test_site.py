"""Configurations joined to a site, and what is assumed where a file is missing."""

import pytest

from linkbalancer.engine.foresight.site import LAN, SiteError
from linkbalancer.links import GroupId, OnProbeLoss, Role
from linkbalancer.sim.shape import Shape
from tests.engine.foresight.sites import ALONE, ALONE_RULES, FAR, HERE, NEAR, site, small

ONE = GroupId(1)


def test_four_files_are_a_whole_site() -> None:
    """Links have their two ends, groups their members, and nothing is assumed."""
    found = small()
    assert found.whole
    assert found.notes == ()
    assert {link: [end.name for end in ends] for link, ends in found.ends.items()} == {
        "l1": ["b1", "f1"],
        "l2": ["b2", "f2"],
    }
    assert found.roles == (NEAR, FAR)
    groups = {(role, group.vid): [one.name for one in members] for role, group, members in found.groups}
    assert groups[NEAR, 1] == ["b1", "b2"]
    assert groups[FAR, 3] == ["f1"]
    assert [role for role, _, _ in found.groups] == [FAR] * 3 + [NEAR] * 3


def test_service_levels_are_taken_to_be_kept() -> None:
    """Nobody knows how good a link will be; it is said so."""
    (note,) = small(shape=Shape(sla="rtt<80ms")).notes
    assert note == "app1 and 3 more ask for a service level (sla=): here every link keeps it"


def test_what_a_member_is() -> None:
    """Observers do not vote, plain gateways have an upstream, a standalone gateway's links are nobody's."""
    b2 = small().gateways[1]
    assert (b2.members[ONE].votes, b2.members[ONE].link, b2.members[ONE].priority) == (True, "l2", 100)
    assert not b2.members[GroupId(3)].votes
    (gateway,) = site({"gw": ALONE}, ALONE_RULES).gateways
    assert gateway.role is HERE
    assert gateway.members[ONE].upstream == "203.0.113.1"
    assert gateway.devices == ("eth0", "wan1", "wan2")
    assert site({"gw": ALONE}, ALONE_RULES).whole


def test_a_sync_group_is_in_fault_with_any_device_of_its_members() -> None:
    """VID 1 on eth0 and VID 2 on eth2 live and die together."""
    text = """\
node: r1
role: standalone
groups:
  1: {device: eth0, virtual_ips: [192.0.2.1/24]}
  2: {device: eth2, virtual_ips: [198.51.100.1/24]}
  3: {device: eth3, virtual_ips: [203.0.113.1/24]}
sync_groups:
  both: {groups: [1, 2]}
"""
    found = site({"r1": text, "r2": text.replace("r1", "r2")}, "")
    members = found.gateways[0].members
    assert members[ONE].legs == members[GroupId(2)].legs == {"eth0", "eth2"}
    assert members[GroupId(3)].legs == {"eth3"}


def test_weights_move_far_priorities_within_their_mapping() -> None:
    """What they are at a given time nobody knows: they are taken as configured, which is said."""
    weight = "{function: latency, mapping: {min: 40, max: 120}}"
    found = small(shape=Shape(weight=weight))
    far = {one.name: one.members[ONE] for one in found.gateways if one.role is FAR}
    assert [(one.priority, one.lowest, one.highest) for one in far.values()] == [(150, 40, 150), (100, 40, 120)]
    near = found.gateways[0].members[ONE]
    assert (near.lowest, near.highest) == (150, 150)
    assert found.notes[0] == (
        "b1 weighs link l1 for VID 1, 2, 3: the far priorities follow what is measured; here they are as configured"
    )
    assert found.whole


def test_trackers_are_taken_to_be_good() -> None:
    """The priority is the one with all of them good; the lowest and highest are what they can make of it."""
    trackers = """\
trackers:
  up: {script: /bin/true}
  down: {script: /bin/false}
  load: {file: /run/load, number: true}
  hard: {script: /bin/true}
"""
    tracked = ", track: {up: 20, down: -30, hard: fault}}"
    found = small(
        ("f1", "groups:", f"{trackers}groups:"),
        ("f1", "priority: 150}\n  2", f"priority: 150{tracked}\n  2"),
        ("f1", "priority: 100}", "priority: 100, track: {load: 2}}"),
    )
    members = found.gateways[2].members
    one = members[ONE]
    assert (one.priority, one.lowest, one.highest) == (170, 120, 170)
    assert one.weights == ("up +20", "down -30")
    two = members[GroupId(2)]
    assert (two.priority, two.lowest, two.highest) == (100, 2, 254)


def test_a_missing_file_is_assumed_to_mirror_the_other_end() -> None:
    """One file alone: its far end is made up, and that others are missing is said."""
    found = small(without=("b2", "f1", "f2"))
    assert not found.whole
    assert [one.name for one in found.gateways] == ["b1", "peer-of-l1"]
    peer = found.gateways[1]
    assert (peer.role, peer.devices, dict(peer.links)) == (Role.CONTROLLED, (LAN,), {"l1": OnProbeLoss.DEMOTE})
    assert peer.members[ONE].priority == 150
    mirror, missing = found.notes
    assert mirror.startswith("peer-of-l1 has no file here: it is taken for the mirror of b1")
    assert missing.startswith("the files of other gateways on the LAN of b1 (192.168.1.2) are missing")


def test_a_gateway_without_a_list_of_members_is_not_taken_to_be_alone() -> None:
    """With a single file nobody can know; with several, they are taken for all there are."""
    unlisted = [(name, "members: [192.168.1.2], ", "") for name in ("b1",)]
    alone = small(*unlisted, without=("b2", "f1", "f2"))
    assert alone.notes[-1].startswith("the files of other gateways on the LAN of b1 are missing")
    others = [("b2", "members: [192.168.1.1], ", ""), *unlisted]
    assert small(*others).whole


def test_a_file_that_is_missing_on_one_side_alone_is_noticed() -> None:
    """Three of four: the LAN of b1 lists two gateways."""
    found = small(without=("b2",))
    assert [note.split(":")[0] for note in found.notes] == [
        "peer-of-l2 has no file here",
        "the files of other gateways on the LAN of b1 (192.168.1.2) are missing",
    ]


@pytest.mark.parametrize(
    ("changes", "words"),
    [
        ([("f1", "role: controlled", "role: controller")], "l1: b1 and f1 are both controller"),
        ([("f1", "peer: 10.0.1.1", "peer: 10.0.1.9")], "l1: b1 and f1 must have each other's address"),
        ([("b2", "l2", "l1")], "link l1 ends at b1 and b2 and f1"),
    ],
)
def test_links_that_do_not_fit_are_refused(changes: list[tuple[str, str, str]], words: str) -> None:
    """One controller, one controlled end, each the other's peer."""
    with pytest.raises(SiteError, match=words):
        small(*changes)


def test_three_links_have_six_gateways() -> None:
    """In the order of their files."""
    assert [one.name for one in small(shape=Shape(3, 3)).gateways] == ["b1", "b2", "b3", "f1", "f2", "f3"]
