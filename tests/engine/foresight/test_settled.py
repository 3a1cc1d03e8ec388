"""Who is Master of what after which failures."""

from ipaddress import IPv4Address

import pytest

from linkbalancer.engine.foresight.outcome import Oracle
from linkbalancer.engine.foresight.settled import MAIN, Condition
from linkbalancer.links import GroupId, OnProbeLoss
from linkbalancer.sim.shape import Shape
from tests.engine.foresight.sites import FAR, HERE, NEAR, after, failed, masters, site, small, texts

STOP = Shape(mode=OnProbeLoss.STOP)


@pytest.mark.parametrize(
    ("words", "one", "two", "three"),
    [
        ((), ("b1", "f1"), ("b2", "f2"), ("b1", "f1")),
        (("link:l1",), ("b2", "f2"), ("b2", "f2"), ("b1", "f1")),
        (("gateway:b1",), ("b2", "f2"), ("b2", "f2"), (None, "f1")),
        (("gateway:f1",), ("b2", "f2"), ("b2", "f2"), ("b1", None)),
        # A near Fault has the far end held, a far one makes the near end the last choice.
        (("leg:b1/eth0",), ("b2", "f2"), ("b2", "f2"), (None, None)),
        (("leg:f1/eth0",), ("b2", "f2"), ("b2", "f2"), ("b1", None)),
    ],
)
def test_the_far_election_decides_on_both_sides(
    words: tuple[str, ...], one: tuple[str | None, ...], two: tuple[str | None, ...], three: tuple[str | None, ...]
) -> None:
    """VID 3 has link 1 alone: with `demote` its virtual IP is still answered after a cut."""
    outcome = after(Oracle(small()), *words)
    assert (masters(outcome, 1), masters(outcome, 2), masters(outcome, 3)) == (one, two, three)


def test_without_demote_a_dead_link_leaves_nobody() -> None:
    """`stop`: no VRRP at either end."""
    outcome = after(Oracle(small(shape=STOP)), "link:l1")
    assert masters(outcome, 3) == (None, None)
    assert outcome.standings[NEAR, GroupId(3)].facts == (None, None)


def test_a_master_without_a_link_has_no_way_on() -> None:
    """Both links dead: Masters of the last priority, whoever comes first."""
    standing = after(Oracle(small()), "link:l1", "link:l2").standings[NEAR, GroupId(1)]
    assert standing.via is None
    assert standing.facts == ("b1 or b2", None)
    assert standing.contest == frozenset()


def test_of_equal_priorities_the_higher_address_counts() -> None:
    """Where addresses are known; the others' are rivals all the same."""
    some = texts(Shape(), ("f1", "priority: 100", "priority: 150"))
    addresses = {"f1": {"eth0": IPv4Address("192.168.2.9")}, "f2": {"eth0": IPv4Address("192.168.2.2")}}
    standings = Condition(site(some, Shape().rules(), addresses)).standings()
    standing = standings[FAR, GroupId(2)]
    assert (standing.master, standing.rivals, standing.via) == ("f1", ("f2",), "l1 or l2")
    assert standing.contest == {"f1", "f2"}
    near = standings[NEAR, GroupId(2)]
    assert (near.master, near.rivals, near.via) == ("b1", ("b2",), "l1 or l2")
    assert near.contest == {"b1"}
    assert Condition(site(some, Shape().rules())).standings()[FAR, GroupId(2)].master == "f2"


def test_a_near_gateway_without_a_part_in_it_is_no_obstacle() -> None:
    """b2 observes VID 1: f2 may be its far Master, and the near side keeps a caretaker on its own link."""
    found = small(("b2", "virtual_ips: [192.168.1.101/24], advert_interval: 200ms, link: l2, priority: 100",
                   "virtual_ips: [192.168.1.101/24], advert_interval: 200ms, mode: observe"),
                  ("f2", "priority: 100", "priority: 200"))  # fmt: skip
    outcome = Oracle(found).healthy
    assert masters(outcome, 1) == ("b1", "f2")
    assert outcome.standings[NEAR, GroupId(1)].via == "l1"


def test_plain_vrrp_goes_by_priority_and_the_main_table() -> None:
    """Without links; a gateway whose device is gone is in Fault."""
    text = "node: r1\nrole: standalone\ngroups:\n  1: {device: eth0, virtual_ips: [192.0.2.1/24], priority: 200}\n"
    found = site({"r1": text, "r2": text.replace("r1", "r2").replace("200", "90")}, "")
    assert Condition(found).standings()[HERE, GroupId(1)].facts == ("r1", MAIN)
    gone = Condition(found, failed(found, "leg:r1/eth0"))
    assert gone.standings()[HERE, GroupId(1)].facts == ("r2", MAIN)
    assert gone.fault(found.gateways[0], found.gateways[0].members[GroupId(1)]) == "eth0 has no carrier"
