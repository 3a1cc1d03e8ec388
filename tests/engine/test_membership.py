"""One VID on one gateway."""

from linkbalancer.engine.membership import LINGER, Membership
from linkbalancer.links import GroupId, GroupState, Unreachable, ViaLink
from linkbalancer.lvrrp.rules import Stance, Tier
from linkbalancer.sim.shape import Shape, lan_address, link_address, loaded
from linkbalancer.vrrp.events import Heard, Startup
from linkbalancer.vrrp.events import SetPrimary as Primary
from linkbalancer.vrrp.events import Tick as VrrpTick

MS = 1_000_000
VIA_LINK = ViaLink("eth1", link_address("far", 1))


def membership(vid: int = 1, name: str = "b1") -> Membership:
    """Return a membership that nothing has happened to."""
    return Membership.of(GroupId(vid), loaded(Shape(), name).config.groups[GroupId(vid)], 0)


def test_an_observed_vid_has_no_router_and_no_link() -> None:
    """Its state is unknown to LVrrp, and the guard has no way of its own."""
    observed = membership(3, "b2")
    assert (observed.router, observed.link, observed.state, observed.priority) == (None, None, GroupState.UNKNOWN, 0)
    assert (observed.tier, observed.meets_rival()) == (None, False)
    assert observed.guard_hop(None) == Unreachable()


def test_before_any_stance_the_router_speaks() -> None:
    """A stance that does not run says what is told instead."""
    member = membership()
    assert member.state is GroupState.INITIALISING
    member.stance = Stance(runs=False, priority=0, stopped_as=GroupState.HELD, tier=None, reason="peer has a fault")
    assert (member.state, member.word(300).witnesses) == (GroupState.HELD, 255)


def test_a_resignation_is_waited_for_and_silence_is_not() -> None:
    """After priority 0 a successor needs a skew time; who fell silent was waited for already."""
    member = membership()
    member.observer.handle(0, Heard(150, 200 * MS, lan_address("near", 2)))
    assert member.judge(0, carries=False)
    member.observer.handle(10 * MS, Heard(0, 200 * MS, lan_address("near", 2)))
    assert not member.judge(10 * MS, carries=False)
    assert member.works
    assert member.deadline() is not None
    assert member.judge(235 * MS, carries=False)
    assert not member.works

    silent = membership()
    silent.observer.handle(0, Heard(150, 200 * MS, lan_address("near", 2)))
    silent.judge(0, carries=False)
    silent.observer.handle(900 * MS, VrrpTick())
    assert silent.observer.heard is None
    assert silent.judge(900 * MS, carries=False)
    assert not silent.works


def test_a_table_lingers_before_it_says_unreachable() -> None:
    """Until it is given up it stays as it is; a Master heard again ends that."""
    member = membership()
    member.judge(0, carries=False)
    assert (member.hop(None, None), member.guard_hop(None)) == (None, None)
    assert member.deadline() == LINGER
    member.judge(LINGER, carries=False)
    assert (member.hop(None, None), member.guard_hop(None)) == (Unreachable(), Unreachable())
    assert member.deadline() is None
    member.observer.handle(LINGER, Heard(150, 200 * MS, lan_address("near", 2)))
    member.judge(LINGER, carries=False)
    assert not member.given_up


def test_an_open_link_is_the_way_while_no_master_is_heard() -> None:
    """Also where this gateway is not Master, and where the Master's MAC is not known."""
    member = membership()
    member.judge(0, carries=True)
    assert (member.hop(VIA_LINK, None), member.guard_hop(VIA_LINK)) == (VIA_LINK, VIA_LINK)
    member.observer.handle(0, Heard(150, 200 * MS, lan_address("near", 2)))
    assert member.hop(VIA_LINK, None) == VIA_LINK


def test_a_rival_must_say_so_twice() -> None:
    """A HIGH advert of the moment in which a far mastership moves is no split LAN."""
    member = membership()
    assert member.router is not None
    member.router.handle(0, Primary(lan_address("near", 1)))
    member.router.handle(0, Startup(219))
    member.stance = Stance(runs=True, priority=219, stopped_as=GroupState.UNKNOWN, tier=Tier.HIGH, reason="")
    for at, expected in ((0, False), (100, False), (200, True)):
        member.router.handle(at * MS, Heard(220, 200 * MS, lan_address("near", 2)))
        assert member.meets_rival() == expected
    member.router.handle(300 * MS, Heard(100, 200 * MS, lan_address("near", 2)))
    assert not member.meets_rival()


def test_a_verdict_that_waits_has_a_deadline_and_one_that_stands_has_none() -> None:
    """First until it turns, then until the last way is given up."""
    member = membership()
    assert (member.verdict_deadline(), member.is_settled) == (None, True)
    member.observer.handle(0, Heard(150, 200 * MS, lan_address("near", 2)))
    assert member.judge(0, carries=False)
    assert (member.verdict_deadline(), member.is_settled) == (None, True)
    member.observer.handle(10 * MS, Heard(0, 200 * MS, lan_address("near", 2)))
    assert not member.judge(10 * MS, carries=False)
    turns = member.verdict_deadline()
    assert (turns, member.is_settled) == (235 * MS, False)
    assert member.judge(235 * MS, carries=False)
    assert member.verdict_deadline() == 235 * MS + LINGER
    member.judge(235 * MS + LINGER, carries=False)
    assert (member.verdict_deadline(), member.given_up, member.is_settled) == (None, True, False)
    member.lost_at, member.rival_since = None, 5
    assert not member.is_settled
