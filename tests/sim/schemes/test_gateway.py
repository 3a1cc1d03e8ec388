"""A gateway of an older scheme: when it asks, when it takes its peer for faulty, and what it says."""

from ipaddress import IPv4Address, IPv4Interface
from itertools import pairwise
from random import Random

from linkbalancer.clock import MILLISECOND, SECOND, Instant
from linkbalancer.links import GroupState
from linkbalancer.sim.schemes.gateway import Gateway, Rules
from linkbalancer.sim.schemes.one import Symmetric
from linkbalancer.sim.schemes.two import Controlled, Controller
from linkbalancer.sim.schemes.words import (
    Advert,
    Advertise,
    Effect,
    Kind,
    Leave,
    LegCarrier,
    LinkCarrier,
    Moved,
    Place,
    Say,
    Started,
    Tick,
    Told,
    Word,
)
from linkbalancer.vrrp.events import Heard
from linkbalancer.vrrp.group import Group

DETECT = 600 * MILLISECOND
QUERY = Told(Word(Kind.QUERY, {1: GroupState.MASTER}))
ANSWER = Told(Word(Kind.ANSWER, {1: GroupState.MASTER}))


def gateway(rules: Rules, *, fixed: bool = True) -> Gateway:
    """Return a gateway that has just begun."""
    address = IPv4Interface("192.168.1.101/24")
    group = Group(vid=1, device="eth0", virtual_ips=(address,), priority=100, advert_interval=200 * MILLISECOND)
    interval = (150 * MILLISECOND,) * 2 if fixed else (100 * MILLISECOND, 200 * MILLISECOND)
    made = Gateway(Place(IPv4Address("192.168.1.1"), (group,), interval, DETECT), rules, Random(1))
    made.handle(0, Started())
    return made


def pass_time(made: Gateway, until: Instant, *, answered: bool = False) -> list[tuple[Instant, Effect]]:
    """Tick at every deadline; a peer that is Master answers each query, if any does."""
    seen: list[tuple[Instant, Effect]] = []
    while (due := made.deadline()) is not None and due <= until:
        effects = made.handle(due, Tick())
        seen += [(due, effect) for effect in effects]
        if answered and any(isinstance(effect, Say) and effect.word.kind is Kind.QUERY for effect in effects):
            seen += [(due, effect) for effect in made.handle(due, ANSWER)]
    return seen


def queries(seen: list[tuple[Instant, Effect]]) -> list[int]:
    """Return when it asked, in milliseconds."""
    return [at // MILLISECOND for at, effect in seen if isinstance(effect, Say) and effect.word.kind is Kind.QUERY]


def test_fixed_probes_are_in_step_and_random_ones_are_not() -> None:
    """Every 150 ms; or drawn anew each time, within the range."""
    assert list(range(150, 2001, 150)) == queries(pass_time(gateway(Symmetric()), 2 * SECOND))

    asked = queries(pass_time(gateway(Symmetric(), fixed=False), 2 * SECOND))
    gaps = {after - before for before, after in pairwise(asked)}
    assert len(gaps) > 3
    assert all(99 <= gap <= 200 for gap in gaps)


def test_scheme_one_gives_up_when_nobody_answers() -> None:
    """Silence for the detect time is a fault of the peer; before that, it is nothing."""
    made = gateway(Symmetric())
    made.handle(0, ANSWER)
    seen = pass_time(made, DETECT + 50 * MILLISECOND)
    assert GroupState.BACKUP in made.states().values()

    seen = pass_time(made, 3 * SECOND)
    moves = [effect.state for _, effect in seen if isinstance(effect, Moved)]
    assert moves[:2] == [GroupState.MASTER, GroupState.BACKUP]
    assert Say(Word(Kind.NOTICE, {1: GroupState.BACKUP})) in [effect for _, effect in seen]


def test_scheme_one_stays_master_beside_a_master() -> None:
    """Answers that say Master keep it."""
    made = gateway(Symmetric())
    pass_time(made, 3 * SECOND, answered=True)

    assert made.is_master(1)
    assert not made.is_master(2)


def test_a_lost_carrier_is_a_fault_at_once() -> None:
    """Nobody waits for probes, and words that come all the same are not heard."""
    made = gateway(Symmetric())
    pass_time(made, 2 * SECOND, answered=True)
    effects = made.handle(2 * SECOND, LinkCarrier(up=False))

    assert Moved(1, GroupState.BACKUP) in effects
    assert [] == made.handle(2 * SECOND, QUERY)


def test_a_query_is_answered_with_the_state_of_each_group() -> None:
    """A gateway without its LAN leg is faulty."""
    made = gateway(Controlled())
    assert Say(Word(Kind.ANSWER, {1: GroupState.INITIALISING})) == made.handle(0, QUERY)[0]

    made.handle(1, LegCarrier(up=False))
    assert [Say(Word(Kind.ANSWER, {1: GroupState.FAULT}))] == made.handle(2, QUERY)
    assert [] == made.handle(3, LegCarrier(up=False))


def test_scheme_two_runs_vrrp_while_the_link_is_open() -> None:
    """It starts with the first word of the peer, and stops with a priority 0 once the peer is silent."""
    made = gateway(Controller())
    assert {1: GroupState.INITIALISING} == made.states()

    # The peer is Master and this gateway not: rule 2 starts it again a step higher at each answer, for ever.
    made.handle(0, ANSWER)
    assert {1: GroupState.BACKUP} == made.states()
    pass_time(made, 2 * SECOND, answered=True)
    assert (False, 230) == (made.is_master(1), made.routers[1].priority)

    pass_time(made, 3 * SECOND)
    assert {1: GroupState.INITIALISING} == made.states()


def test_scheme_two_tells_of_a_fault_and_comes_back() -> None:
    """The LAN leg is lost and found again."""
    made = gateway(Controller())
    made.handle(0, ANSWER)
    lost = made.handle(1, LegCarrier(up=False))
    assert Say(Word(Kind.NOTICE, {1: GroupState.FAULT})) in lost

    made.handle(2, LegCarrier(up=True))
    assert {1: GroupState.BACKUP} == made.states()


def test_whoever_asks_goes_by_answers() -> None:
    """What a query says of its sender moves only an end that does not ask itself."""
    fault = {1: GroupState.FAULT}
    for rules, moved in ((Symmetric(), False), (Controlled(), True)):
        made = gateway(rules)
        for at in range(0, 2000, 100):
            made.handle(at * MILLISECOND, QUERY)
            pass_time(made, at * MILLISECOND + 1)
        assert made.is_master(1)
        effects = made.handle(2 * SECOND, Told(Word(Kind.QUERY, fault)))
        assert moved is any(isinstance(effect, Moved) for effect in effects)


def test_who_leaves_says_so() -> None:
    """A Master that stops sends priority 0, and asks nothing any more."""
    made = gateway(Symmetric())
    pass_time(made, 2 * SECOND, answered=True)
    effects = made.handle(2 * SECOND, Leave())

    assert [0] == [effect.heard.priority for effect in effects if isinstance(effect, Advertise)]
    assert [] == queries(pass_time(made, 4 * SECOND))


def test_a_better_master_is_not_disturbed() -> None:
    """Adverts reach the group's router."""
    made = gateway(Symmetric())
    for at in range(0, 3000, 100):
        made.handle(at * MILLISECOND, Advert(1, Heard(200, 200 * MILLISECOND, IPv4Address("192.168.1.2"))))
        pass_time(made, at * MILLISECOND + 1)

    assert {1: GroupState.BACKUP} == made.states()
