"""What a drain would do, told beforehand."""

from linkbalancer.engine.outlook import applications_on, followed, is_known, kept, offers, outlook, resolve
from tests.engine.statuses import application, group, status

ALONE = {"eth0": {"members": {"192.0.2.2": False}, "targets": {}}}


def test_a_link_moves_what_it_carries() -> None:
    """Its Masters move, the others stay where they are."""
    seen = outlook(status(), "link", "l1")
    assert (seen.vids, seen.moving, seen.alone) == (("1", "2"), ("1",), ())
    assert seen.lines == (
        "VID 1 (web) moves to another gateway, at both ends of l1",
        "VID 2 is on 192.0.2.2 and stays there",
    )


def test_a_vid_or_the_whole_gateway() -> None:
    """One VID alone, or all that have a link; an observed one is nothing to drain."""
    observed = group(link=None, mode="observe", state="observing", master="192.0.2.2")
    whole = status(groups={"1": group(), "2": group(link="l2"), "3": observed})
    assert outlook(whole, "vid", "2").vids == ("2",)
    assert outlook(whole, "node", "b1").vids == ("1", "2")
    assert outlook(whole, "link", "l3").lines == ("no VID is on it: nothing moves",)


def test_without_links() -> None:
    """Plain VRRP has no other end, and a group that Keepalived runs is given up as any other."""
    groups = {"1": group(link=None), "1/ipv6": group(link=None, mode="keepalived")}
    seen = outlook(status(groups=groups), "node", "b1")
    assert seen.moving == ("1", "1/ipv6")
    assert seen.lines == (
        "VID 1 (web) moves to another gateway",
        "VID 1/ipv6 moves to another gateway",
    )


def test_nobody_else_answers() -> None:
    """Where the LAN's members are configured and silent, a working VID would end."""
    seen = outlook(status(lans=ALONE), "link", "l1")
    assert seen.alone == ("1",)
    assert seen.lines[0] == "VID 1 (web) has no other gateway: no other member answers on eth0"
    assert outlook(status(lans={}), "link", "l1").alone == ()


def test_what_does_not_work_and_what_is_drained_already() -> None:
    """Neither moves."""
    groups = {
        "1": group(works=False, state="fault", master=None),
        "2": group(drained="drained by ann", state="fault", master="192.0.2.2"),
        "3": group(works=False),
    }
    seen = outlook(status(groups=groups, lans=ALONE), "link", "l1")
    assert (seen.moving, seen.alone) == ((), ())
    assert seen.lines == (
        "VID 1 (web) does not work now, and this gateway will not take it",
        "VID 2 is drained by ann already",
        "VID 3 does not work now, and this gateway will not take it",
    )


def test_many_applications_are_counted() -> None:
    """Three are named."""
    many = status(applications={f"a{number}": application(1) for number in range(5)})
    assert applications_on(many, "1") == " (a0, a1, a2 and 2 more)"


def test_names_are_resolved_as_people_mean_them() -> None:
    """By the name alone where it is clear, else with its kind."""
    known = [("link", "l1"), ("link", "1"), ("vid", "1"), ("node", "b1")]
    assert resolve("l1", known) == ("link", "l1")
    assert resolve(" VID  1 ", known) == ("vid", "1")
    assert resolve("node b1", known) == resolve("gateway b1", known) == ("node", "b1")
    assert resolve("1", known) == "'1' may mean link 1 or VID 1: say which"
    assert resolve("vid l1", known) == "there is no link, VID or gateway 'vid l1'"


def test_what_is_there_to_drain() -> None:
    """Links, the VIDs that have one, and the gateway itself."""
    whole = status(groups={"1": group(), "3": group(link=None, mode="observe")})
    assert offers(whole) == [("link", "l1"), ("vid", "1"), ("node", "b1")]
    assert [is_known(whole, {"kind": "vid", "name": name}) for name in ("1", "3")] == [True, False]


def test_what_has_moved() -> None:
    """Kept: nobody else here has it; followed: the far end still has it. What is no longer configured is gone."""
    far = {"state": "held", "priority": 0}
    groups = {"1": group(), "2": group(master="192.0.2.2", peer=far), "3": group(master=None, peer=None)}
    whole = status(groups=groups)
    assert kept(whole, ("1", "2", "3", "4")) == ["1", "3", "4"]
    assert followed(whole, ("1", "2", "3", "4")) == ["1"]
