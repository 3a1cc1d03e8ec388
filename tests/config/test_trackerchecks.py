"""Tests of what trackers must be together with each other and with the groups that they move."""

import pytest

from linkbalancer.config.load import load
from tests.config.texts import RULES, changed, loaded, refusals


def tracked(track: str, trackers: str, *changes: tuple[str, str]) -> str:
    """Return the good configuration with what group 1 tracks, and with trackers."""
    return changed(
        ("advert_interval: 200ms", f"advert_interval: 200ms, track: {{{track}}}"),
        ("applications: apps.conf\n", f"trackers: {{{trackers}}}\napplications: apps.conf\n"),
        *changes,
    )


def doubts(text: str) -> list[str]:
    """Return the warnings of a good configuration."""
    return [f"{one.what}; {one.remedy}" for one in loaded(text).warnings]


@pytest.mark.parametrize(
    ("track", "trackers", "error"),
    [
        ("up: 9", "up: {}", "10:12: the tracker is of no kind; give it one of: device, script, file, process, route"),
        ("up: 9", "up: {device: eth9, file: x}", "10:12: the tracker is of two kinds: device and file; give it one"),
        (
            "up: 9",
            "up: {device: eth9, rise: 2}",
            "10:31: rise says nothing in a tracker of a device; remove it: it is of a script",
        ),
        (
            "up: 9",
            "up: {route: default, count: 2}",
            "10:33: count says nothing in a tracker of a route; remove it: it is",
        ),
        ("up: 9", "up: {script: [x], interval: 0s}", "10:40: the interval is nothing; write such as 1s"),
        ("up: 9", "up: {script: [x], timeout: 0s}", "10:39: the timeout is nothing; write such as 1s"),
        (
            "up: 9",
            'up: {route: "2001:db8::/32", via: 192.0.2.1}',
            "10:46: 192.0.2.1 is no gateway of 2001:db8::/32; write",
        ),
        ("upp: 9", "up: {device: eth9}", "8:111: there is no tracker upp; did you mean up?"),
        (
            "up: 900",
            "up: {device: eth9}",
            "8:115: the weight 900 cannot be; write a weight from -253 to 253, fault, or",
        ),
    ],
)
def test_what_is_wrong_with_a_tracker(track: str, trackers: str, error: str) -> None:
    """Each fault alone: its place, what it is, what to do."""
    found = refusals(tracked(track, trackers))
    assert any(one.startswith(f"linkbalancer.yaml:{error}") for one in found), found


def test_what_is_wrong_by_itself_hides_nothing_else() -> None:
    """A tracker that cannot be read is still one."""
    found = refusals(tracked("up: 9, gone: 9", "up: {device: 5}"))
    assert any("there is no tracker gone" in one for one in found)
    assert any("5 is no device" in one for one in found)
    found = refusals(tracked("up: many", "up: {device: eth9}", ("priority: 150", "priority: high")))
    assert len(found) == 2
    assert refusals(tracked("up: 9", "up: {device: eth9}", ("200ms, track", "never, track")))


def test_more_than_fit_into_one_packet_are_refused() -> None:
    """With the number."""
    many = ", ".join(f"t{number}: {{file: f{number}}}" for number in range(257))
    assert any("257 trackers, and a gateway has 256 at most" in one for one in refusals(tracked("t1: 9", many)))


def test_a_group_that_is_only_observed_tracks_nothing() -> None:
    """It has no priority."""
    text = changed(("mode: observe, ", "mode: observe, track: {}, "))
    assert any("track says nothing in a group that is only observed" in one for one in refusals(text))


def test_a_tracker_that_nobody_uses_is_doubtful() -> None:
    """A misspelt name most likely."""
    assert doubts(tracked("up: -50", "up: {device: eth9}, other: {file: x}")) == [
        "no group tracks other; name it in the track of a group, or remove it"
    ]


def test_a_delay_that_others_do_not_wait_for_is_doubtful() -> None:
    """Below two adverts of the group it is fine."""
    assert doubts(tracked("up: -50", "up: {device: eth9, down_delay: 399ms}")) == []
    what = "the down_delay of up (400ms) is two adverts of this group or more"
    remedy = "keep it below 400ms, where its device is the group's own"
    assert doubts(tracked("up: -50", "up: {device: eth9, down_delay: 400ms}")) == [f"{what}; {remedy}"]


@pytest.mark.parametrize(
    ("weight", "priority", "powerless"),
    [
        ("-50", 150, False),
        ("-1", 150, True),  # a tier has 85 priorities for 254 base priorities
        ("-2", 150, False),
        ("-3", 150, False),
        ("5", 254, True),  # nothing is above
        ("-5", 1, True),  # nothing is below
        ("{weight: 5, reverse: true}", 1, True),
    ],
)
def test_a_weight_that_moves_nothing_at_the_near_end(weight: str, priority: int, *, powerless: bool) -> None:
    """LVrrp keeps a third of the base priorities apart: smaller steps are none."""
    text = tracked(f"up: {weight}", "up: {device: eth9}", ("priority: 150", f"priority: {priority}"))
    same = f"from priority {priority} it is the same with it and without; use a larger weight, or fault"
    expected = [f"the weight of up can never change a Master of VID 1: {same}"]
    assert [one for one in doubts(text) if "never" in one] == (expected if powerless else [])


def test_what_others_leave_counts() -> None:
    """A weight that is clamped away alone may matter when another tracker lowers the priority first."""
    trackers = "up: {device: eth9}, gw: {file: x}"
    assert doubts(tracked("up: 50, gw: -100", trackers, ("priority: 150", "priority: 254"))) == []
    assert doubts(tracked("up: 50, gw: fault", trackers, ("priority: 150", "priority: 254"))) != []


def test_a_number_moves_whatever_it_is_multiplied_by() -> None:
    """Its file may hold any."""
    assert doubts(tracked("up: 1", "up: {file: x, number: true}")) == []


def test_every_step_counts_at_the_far_end() -> None:
    """There the base priority itself is advertised; it never falls to the 1 of a dead link."""
    far = ("role: controller", "role: controlled")
    assert doubts(tracked("up: -1", "up: {device: eth9}", far)) == []
    assert len(doubts(tracked("up: -1", "up: {device: eth9}", far, ("priority: 150", "priority: 2")))) == 1


ALONE = """\
node: r1
role: standalone
groups:
  1: {device: eth0, virtual_ips: [192.168.1.251/24], priority: %s, track: {up: -50, gw: fault}}
  2: {device: eth0, virtual_ips: [192.168.1.252/24], priority: 100%s}
sync_groups: {edge: {groups: [1, 2]%s}}
trackers: {up: {device: eth9}, gw: {file: x}}
applications: apps.conf
"""


def alone(priority: int, more: str = "", sync: str = "") -> list[str]:
    """Return the doubts about a gateway without links."""
    texts = {"a.yaml": ALONE % (priority, more, sync), "apps.conf": "App=* * * * * * [1]\n"}
    return [one.what for one in load("a.yaml", texts.__getitem__).warnings if "weight" in one.what]


def test_nothing_moves_an_owner() -> None:
    """Its priority is 255 and stays it; a fault still takes it away."""
    assert "the weight of up can never change a Master of VID 1: its priority is the owner's, which nothing moves" in (
        alone(255)
    )
    assert not any("never" in one for one in alone(254))


def test_a_weight_belongs_to_the_whole_sync_group() -> None:
    """Else its members are ordered differently on each gateway, and it goes to and fro."""
    assert alone(100) == ["the weight of up moves this group apart from the others of sync group edge"]
    found = refusals((ALONE % (100, "", ", track: {up: -50, fog: 3}")), RULES.replace("2 1", "1 2"))
    assert any("sync group edge tracks up already; remove it here" in one for one in found)
    assert any("there is no tracker fog" in one for one in found)


def test_a_weight_of_a_sync_group_may_move_nothing_either() -> None:
    """It is said where it stands."""
    text = ALONE.replace("up: -50, ", "") % (255, "", ", track: {up: -50}")
    texts = {"a.yaml": text, "apps.conf": "App=* * * * * * [1]\n"}
    found = [one for one in load("a.yaml", texts.__getitem__).warnings if "never" in one.what]
    assert [(one.line, "VID 1" in one.what) for one in found] == [(6, True)]
    assert refusals(text.replace("[1, 2]", "[one]"), RULES)
    assert refusals(text.replace("[1, 2]", "[1, 7]").replace("track: {gw: fault}", "track: {gw: 0}"), RULES)
