"""Where applications go after which failures."""

from linkbalancer.engine.foresight.outcome import NOWHERE, Fate, Oracle, Part, Place
from linkbalancer.links import GroupId
from linkbalancer.sim.shape import Shape
from tests.engine.foresight.sites import ALONE, ALONE_RULES, FAR, HERE, NEAR, after, site, small, texts


def test_an_application_stays_moves_or_has_nowhere_to_go() -> None:
    """app3 prefers VID 3, which has link 1 alone."""
    oracle = Oracle(small())
    assert oracle.healthy.places["app3"] == {NEAR: (Place(3, "l1"),), FAR: (Place(3, "l1"),)}
    cut = after(oracle, "link:l1")
    assert cut.places["app3"][NEAR] == (Place(1, "l2"),)
    assert [oracle.fate(cut, app) for app in ("app1", "app2", "app3")] == [Fate.MOVES, Fate.STAYS, Fate.MOVES]
    dead = after(oracle, "link:l1", "gateway:f2")
    assert oracle.fate(dead, "app1") is Fate.NOWHERE
    assert dead.places["app1"] == {NEAR: (NOWHERE,), FAR: (NOWHERE,)}


def test_without_all_files_nowhere_is_not_known() -> None:
    """Somebody else may take over."""
    oracle = Oracle(small(without=("b2", "f1", "f2")))
    assert oracle.fate(after(oracle, "link:l1"), "app1") is Fate.UNKNOWN
    assert oracle.fate(oracle.healthy, "app1") is Fate.STAYS


def test_outcomes_that_nobody_could_tell_apart_are_equal() -> None:
    """Which of the two ends is dead matters to VID 3 alone."""
    oracle = Oracle(small())
    facts = [after(oracle, word).facts() for word in ("link:l2", "gateway:b2", "leg:f2/eth0", "link:l1")]
    assert facts[0] == facts[1] == facts[2] != facts[3]
    assert after(oracle, "gateway:b1").unanswered() == ((NEAR, GroupId(3)),)


def test_plain_gateways_are_each_gateways_own() -> None:
    """Two gateways that probe different upstreams send an application different ways."""
    other = ALONE.replace("gw", "gx").replace("203.0.113.1", "203.0.113.9")
    oracle = Oracle(site({"gw": ALONE, "gx": other}, ALONE_RULES))
    assert oracle.healthy.places["web"][HERE] == (Place(1, "203.0.113.1", ("gw",)), Place(1, "203.0.113.9", ("gx",)))
    assert oracle.healthy.places["rest"][HERE] == (Place(2, "192.0.2.1"),)
    gone = after(oracle, "upstream:203.0.113.1", "leg:gx/wan2")
    assert gone.places["web"][HERE] == (Place(2, "192.0.2.1", ("gw",)), Place(1, "203.0.113.9", ("gx",)))
    assert gone.places["rest"][HERE] == (Place(2, "192.0.2.1", ("gw",)), Place(None, None, ("gx",)))
    assert oracle.fate(gone, "rest") is Fate.NOWHERE


def test_a_side_without_a_gateway_sends_nothing_anywhere() -> None:
    """Its last LAN leg is gone."""
    oracle = Oracle(site({"gw": ALONE}, ALONE_RULES))
    for word in ("leg:gw/eth0", "gateway:gw"):
        assert after(oracle, word).places["web"] == {HERE: (NOWHERE,)}


def test_groups_of_ipv6_are_elected_but_not_steered() -> None:
    """They have Masters; no application goes by them."""
    group = "device: eth0, link: l{0}, virtual_ips: [fe80::{1}/64], priority: 120"
    some = texts(Shape())
    for name, text in some.items():
        side = 1 if name[0] == "b" else 2
        some[name] = text.replace("applications:", f"  9/ipv6: {{{group.format(name[1], side)}}}\napplications:")
    oracle = Oracle(site(some, Shape().rules()))
    assert oracle.healthy.standings[NEAR, GroupId.read("9/ipv6")].via is not None
    assert oracle.healthy.places["app1"][NEAR] == (Place(1, "l1"),)


def test_a_balanced_application_goes_to_what_is_left_of_its_step() -> None:
    """By shares, each VID over its own link; to one that works while the others do not; else to the next step."""
    shape = Shape()
    oracle = Oracle(site(texts(shape), "App=* * * * * * [3*3+2 1] name=web\n"))
    (healthy,) = oracle.healthy.places["web"][NEAR]
    assert healthy == Place(3, "l1", (), (Part(3, "l1", 0.75), Part(2, "l2", 0.25)))
    assert healthy.vids == (3, 2)
    cut = after(oracle, "link:l1")
    assert cut.places["web"][NEAR] == (Place(2, "l2", (), (Part(2, "l2", 1.0),)),)
    assert oracle.fate(cut, "web") is Fate.MOVES
    assert (NOWHERE.vids, Place(4, "l1").vids) == ((), (4,))


PEER6 = [(name, "    key_file:", '    peer6: "fe80::9"\n    key_file:') for name in ("b1", "f1")]
STEER6 = [(name, "applications:", "steer_ipv6: true\napplications:") for name in ("b2", "f2")]


def test_ipv6_is_refused_where_the_way_has_no_far_end_over_it() -> None:
    """VID 2 is over link 2, which has none; no other VID is tried (decision 57)."""
    oracle = Oracle(small(*PEER6, *STEER6))
    assert oracle.healthy.places["app1"][NEAR] == (Place(1, "l1", ipv6=True),)
    assert oracle.healthy.places["app2"][FAR] == (Place(2, "l2", ipv6=False),)
    assert oracle.healthy.refused_ipv6() == {"app2": (2,)}
    cut = after(oracle, "link:l1")
    assert cut.refused_ipv6() == {"app1": (1,), "app2": (2,), "app3": (1,), "rest": (2,)}
    assert not after(oracle, "link:l2").refused_ipv6()


def test_ipv6_goes_as_a_main_table_says_where_the_sender_or_the_master_does_not_steer_it() -> None:
    """Here b2 and f2: what b1 hands to b2 as VID 2's is none of b2's VIDs; nobody is refused."""
    oracle = Oracle(small(*PEER6))
    near, far = oracle.healthy.places["app1"].values()
    assert {(one.gateways, one.ipv6) for one in (*near, *far)} == {
        (("b1",), True),
        (("b2",), None),
        (("f1",), True),
        (("f2",), None),
    }
    assert not oracle.healthy.refused_ipv6()


def test_of_equal_gateways_and_of_shares_the_worse_counts() -> None:
    """Whoever of two becomes Master, and whichever VID a flow is given: it may be refused."""
    equal = [("f1", "priority: 100", "priority: 150")]
    oracle = Oracle(small(*PEER6, *STEER6, *equal))
    assert oracle.healthy.places["app2"][NEAR] == (Place(2, "l1 or l2", ipv6=False),)
    some = texts(Shape(), *PEER6, *STEER6)
    rules = "App=* * * * 443 tcp [3*3+2] name=web\nApp=10.0.0.0/8 * * * * * [2] name=four\n"
    oracle = Oracle(site(some, rules, ipv4_only=frozenset({"four"})))
    (web,), (four,) = (oracle.healthy.places[one][NEAR] for one in ("web", "four"))
    assert web.parts == (Part(3, "l1", 0.75, ipv6=True), Part(2, "l2", 0.25, ipv6=False))
    assert (web.ipv6, four.ipv6) == (False, None)
    assert oracle.healthy.refused_ipv6() == {"web": (2,)}


def test_plain_gateways_may_have_none_over_ipv6() -> None:
    """One of two providers has: `web` goes there."""
    some = ALONE.replace("gateway: 203.0.113.1", "gateway: 203.0.113.1, gateway6: 'fe80::9'")
    oracle = Oracle(site({"gw": some}, ALONE_RULES))
    assert oracle.healthy.places["web"][HERE] == (Place(1, "203.0.113.1", ipv6=True),)
    assert oracle.healthy.refused_ipv6() == {"rest": (2,)}
