"""Tests of how a live split is judged beside the wanted one."""

from collections.abc import Iterator
from fractions import Fraction
from ipaddress import IPv4Address, IPv4Network
from random import Random

import pytest

from linkbalancer.links import Vid
from linkbalancer.routing.application import Member
from linkbalancer.routing.balance import Pool, owner
from linkbalancer.routing.packet import Packet
from linkbalancer.routing.slot import slot_of
from linkbalancer.routing.split import Entry, Result, chi_squared_tail, fairness, split
from linkbalancer.routing.sticky import Sticky

STEP = (Member(1, 3), Member(2))
POOL = Pool(STEP, Sticky.FLOW)


def packets(count: int, sources: int = 50, seed: int = 1) -> Iterator[Packet]:
    """Yield packets of flows, each of its own port."""
    chance = Random(seed)
    for number in range(count):
        source = IPv4Address(0x0A000000 + chance.randrange(sources))
        yield Packet(source, IPv4Address("203.0.113.9"), 6, 1024 + number, 443)


def placed(some: Iterator[Packet], pool: Pool = POOL, working: frozenset[Vid] = frozenset({1, 2})) -> list[Entry]:
    """Return flows where their slots say."""
    return [Entry(owner(pool.step, slot_of(one, pool.sticky), working) or 0, one, one.mirrored()) for one in some]


def test_a_fair_deal_is_as_wanted() -> None:
    """Nobody is elsewhere than its slot says; what is needed to tell anything is known."""
    found = split(POOL, {1, 2}, placed(packets(2000)))
    assert (found.result, found.flows, found.astray, found.needed) == (Result.EVEN, 2000, 0, 20)
    assert found.wanted == {1: Fraction(3, 4), 2: Fraction(1, 4)}
    assert found.chance == found.anew is not None


def test_flows_that_stay_where_they_were_are_told() -> None:
    """After a VID came back: the split is off, and dealt anew it would be as wanted."""
    found = split(POOL, {1, 2}, placed(packets(1000), working=frozenset({1})))
    assert found.result is Result.OFF
    assert found.astray > 0
    assert found.anew is not None
    assert found.anew > 0.001


def test_flows_on_a_vid_that_has_no_share_are_off() -> None:
    """It does not work, and something still goes there."""
    found = split(POOL, {1}, placed(packets(10)))
    assert found.result is Result.OFF


def test_few_flows_say_nothing() -> None:
    """Five must be expected of each VID; of none that works nothing is."""
    assert split(POOL, {1, 2}, placed(packets(19))).result is Result.FEW
    assert split(POOL, {1, 2}, placed(packets(20))).result is not Result.FEW
    idle = split(POOL, (), ())
    assert (idle.result, idle.needed, idle.chance, idle.anew) == (Result.FEW, 0, None, None)


def test_what_stays_together_is_counted_once() -> None:
    """Two thousand flows of forty sources are forty that were dealt out."""
    pool = Pool(STEP, Sticky.SOURCE)
    found = split(pool, {1, 2}, placed(packets(2000, sources=40), pool))
    assert (found.flows, sum(found.units.values())) == (2000, 40)
    assert found.result is Result.EVEN


def test_a_flow_that_the_far_end_began_is_known_by_its_answers() -> None:
    """Its slot is that of the packets from near to far, whoever sent the first."""
    entries = [Entry(one.vid, one.answer, one.packet) for one in placed(packets(500))]
    assert split(POOL, {1, 2}, entries, lambda packet: packet.source in IPv4Network("10.0.0.0/8")).astray == 0
    assert split(POOL, {1, 2}, entries).astray > 0


@pytest.mark.parametrize(
    ("statistic", "degrees", "tail"),
    [(3.841, 1, 0.05), (5.991, 2, 0.05), (11.345, 3, 0.01), (13.277, 4, 0.01), (18.307, 10, 0.05), (19.675, 11, 0.05)],
)
def test_the_tail_is_that_of_the_tables(statistic: float, degrees: int, tail: float) -> None:
    """Values that every textbook has."""
    assert chi_squared_tail(statistic, degrees) == pytest.approx(tail, rel=0.01)


def test_a_single_vid_is_always_fair() -> None:
    """There is nothing to be divided."""
    assert fairness({1: Fraction(1)}, {1: 9}) == 1
    assert chi_squared_tail(0, 0) == 1


def test_the_verdict_is_wrong_as_seldom_as_it_says() -> None:
    """Of five hundred fair deals hardly any is called off, and of skewed ones all are."""
    chance = Random(7)
    shares = {1: Fraction(3, 4), 2: Fraction(1, 4)}
    fair = sum((fairness(shares, _deal(chance, 0.75)) or 0) < 0.001 for _ in range(500))
    assert fair <= 4
    assert all((fairness(shares, _deal(chance, 0.6)) or 0) < 0.001 for _ in range(50))


def _deal(chance: Random, share: float) -> dict[Vid, int]:
    first = sum(chance.random() < share for _ in range(600))
    return {1: first, 2: 600 - first}
