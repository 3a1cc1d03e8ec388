"""What is said of sync groups, announcements and the start-up delay."""

import pytest

from linkbalancer.clock import SECOND
from linkbalancer.config.difference import Side, difference
from linkbalancer.links import GroupId
from linkbalancer.vrrp.group import Announcing
from tests.config.texts import CONFIG, changed, loaded, refusals

THREE = """\
groups:
  1: {device: eth0, link: l1, virtual_ips: [192.168.1.251/24], priority: 150}
  2: {device: eth0, mode: observe, virtual_ips: [192.168.1.252/24]}
  3: {device: eth0, link: l1, virtual_ips: [192.168.1.253/24], priority: 150}
  4: {device: eth0, link: l1, virtual_ips: [192.168.1.254/24], priority: 100}
"""


def config(sync: str, groups: str = THREE) -> str:
    """Return the good configuration with other groups, and sync groups."""
    head, _, rest = CONFIG.partition("groups:\n")
    return f"{head}{groups}applications:{rest.partition('applications:')[2]}sync_groups: {sync}\n"


def warnings(text: str) -> list[str]:
    """Return what is doubtful in a configuration, as it is printed."""
    return [str(finding).removeprefix("etc/") for finding in loaded(text).warnings]


def test_a_good_sync_group() -> None:
    """Members in any order, each once, of one priority."""
    text = config("{edge: {groups: [3, 1]}}")

    assert loaded(text).config.sync_groups["edge"].groups == (GroupId(3), GroupId(1))
    assert warnings(text) == []


@pytest.mark.parametrize(
    ("sync", "error"),
    [
        ("{edge: {groups: [1, 9]}}", "there is no group 9"),
        ("{edge: {groups: [1, 2]}}", "group 2 is not a member's (mode: observe)"),
        ("{edge: {groups: [1, 3]}, core: {groups: [3, 4]}}", "group 3 belongs to sync group edge already"),
        ("{edge: {groups: [1, 3, 1]}}", "group 1 is named twice"),
        ("{edge: {groups: [1]}}", "group 1 is alone in it"),
        ("{edge: {groups: []}}", "groups is empty; give at least one"),
        ("{edge: {groups: [one, 3]}}", "'one' is no VID"),
        ("{edge: {}}", "the key groups is missing"),
        ("{edge: {groups: [1, 3], members: 1}}", "the key members is not known"),
    ],
)
def test_what_a_sync_group_cannot_be(sync: str, error: str) -> None:
    """Each is refused once, at its place."""
    [refusal] = refusals(config(sync))

    assert error in refusal


@pytest.mark.parametrize(
    ("sync", "groups", "warning"),
    [
        ("{edge: {groups: [1, 3, 4]}}", THREE, "groups 1 and 4 have priority 150 and 100"),
        (
            "{edge: {groups: [1, 3]}}",
            THREE.replace("priority: 150}\n  4", "priority: 150, preempt: false}\n  4"),
            "groups 1 and 3 have preempt true and false",
        ),
    ],
)
def test_members_that_differ_are_doubtful(sync: str, groups: str, warning: str) -> None:
    """Gateways that order their groups' priorities differently would each win one of them."""
    text = config(sync, groups).replace("role: controller", "role: controlled")
    [found] = warnings(text)

    assert warning in found
    assert "give all of them one" in found


def test_errors_of_members_hide_no_other() -> None:
    """A group that is wrong by itself says so itself, and nothing is said of what depends on it."""
    text = config("{edge: {groups: [1, 3]}}", THREE.replace("priority: 150}\n  2", "priority: high}\n  2"))
    [refusal] = refusals(text)
    assert "'high' is no whole number" in refusal
    broken = config("{edge: {groups: [1, 3]}}", THREE.replace("1: {device: eth0,", "1: {device: eth0, mode: both,"))
    [refusal] = refusals(broken)
    assert "mode" in refusal


def test_announcements_are_read() -> None:
    """As the engine wants them."""
    announce = "announce: {times: 5, again_after: 5s, refresh: 0s}"
    text = changed(("advert_interval: 200ms", f"advert_interval: 200ms, {announce}"))
    config_ = loaded(text + "announce_rate: 7\nstart_delay: 90s\n").config

    group = config_.groups[GroupId(1)].vrrp(GroupId(1))
    assert group.announcing == Announcing(5, 5 * SECOND, 0)
    assert (config_.announce_rate, config_.start_delay) == (7, 90 * SECOND)
    assert str(config_.groups[GroupId(1)].announce) == "5 at once, again after 5s, refresh never"


@pytest.mark.parametrize(
    ("more", "refresh"),
    [
        ("", 60),
        ("virtual_mac: true", 60),
        ("unicast: {peers: [192.168.1.2]}", 60),
        ("virtual_mac: true, unicast: {peers: [192.168.1.2]}", 1),
        ("virtual_mac: true, unicast: {peers: [192.168.1.2]}, announce: {refresh: 0s}", 0),
    ],
)
def test_announcements_teach_switches_where_adverts_do_not(more: str, refresh: int) -> None:
    """A virtual MAC is in no unicast advert."""
    text = changed(("advert_interval: 200ms", f"advert_interval: 200ms{', ' if more else ''}{more}"))
    group = loaded(text).config.groups[GroupId(1)].vrrp(GroupId(1))
    assert group.announcing.refresh == refresh * SECOND


@pytest.mark.parametrize(
    ("announce", "error"),
    [
        ("{refresh: 500ms}", "a refresh every 500ms floods the LAN"),
        ("{times: 0}", "0 is too small"),
        ("{refresh: often}", "'often' is no duration"),
    ],
)
def test_announcements_that_cannot_be(announce: str, error: str) -> None:
    """A flood is refused, as what is out of range."""
    [refusal] = refusals(changed(("advert_interval: 200ms", f"announce: {announce}")))

    assert error in refusal


def test_an_observed_group_announces_nothing() -> None:
    """Whoever observes has no address to announce."""
    [refusal] = refusals(changed(("mode: observe,", "mode: observe, announce: {times: 2},")))

    assert "announce says nothing in a group that is only observed" in refusal


def test_what_changes_is_told() -> None:
    """By the plan, in the words of the configuration."""
    old = Side(loaded(config("{edge: {groups: [1, 3]}}")))
    text = config(
        "{edge: {groups: [1, 3, 4]}}", THREE.replace("priority: 100}", "priority: 150, announce: {times: 3}}")
    )
    new = Side(loaded(text + "announce_rate: 50\n"))

    lines = difference(old, new).lines()

    assert any("announce {times: 1, again_after: 1s, refresh: 60s} -> {times: 3" in line for line in lines)
    assert any("announce_rate" in line and "100 -> 50" in line for line in lines)
    assert any("sync_groups" in line for line in lines)
