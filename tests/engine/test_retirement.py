"""What a successor will not serve is handed over first; seen through the agent."""

from linkbalancer.engine.effects import Publish, RemoveAddresses, Retired, SendAdvert, SendDatagram, SetNextHop
from linkbalancer.engine.events import ApplicationSteers, Leave, Retain, Retire
from linkbalancer.engine.retirement import APPLICATIONS_LEAVE, NEIGHBOURS_LEAVE, PATIENCE, Retirement
from linkbalancer.links import GroupId, ViaMaster
from tests.engine.alone import FOUR, ONE, Alone, loaded
from tests.engine.bench import MS, SHAPE, STOP, Bench, of_type

NOTHING: frozenset[GroupId] = frozenset()


def master(shape: object = SHAPE) -> Bench:
    """Return a gateway that is Master of everything, without a link (demoted)."""
    bench = Bench(SHAPE if shape is SHAPE else STOP)
    bench.start()
    bench.wait(5000)
    return bench


def test_nothing_to_hand_over_is_over_at_once() -> None:
    """A successor that serves everything may have it; it is said once, as the last effect."""
    bench = master()
    effects = bench.do(Retire(NOTHING, frozenset()))
    assert effects[-1] == Retired()
    assert of_type(bench.wait(3000), Retired) == []


def test_a_vid_that_goes_is_left_and_its_address_kept_until_another_is_heard() -> None:
    """Priority 0, the applications are told, and the virtual IP goes with the winner's advert; then it is over."""
    bench = master()
    effects = bench.do(Retire(frozenset({GroupId(2), GroupId(99)}), frozenset({"l9"})))
    assert len(of_type(effects, SendAdvert)) == 1
    entries = {entry.vid: entry for entry in of_type(effects, Publish)[-1].table.vids}
    assert (entries[2].works, entries[2].reason) == (False, "removed from the configuration")
    assert of_type(effects, Retired) == of_type(effects, RemoveAddresses) == []
    effects = bench.hear(2, 100)
    assert of_type(effects, RemoveAddresses)
    assert of_type(effects, Retired) == []
    assert bench.wait(NEIGHBOURS_LEAVE // MS)[-1] == Retired()
    assert bench.group(2)["reason"] == "removed from the configuration"


def test_without_another_gateway_the_address_goes_after_a_while() -> None:
    """Skew time and an interval, as at a stop."""
    bench = master()
    bench.do(Retire(frozenset({GroupId(2)}), frozenset()))
    effects = bench.wait(500)
    assert of_type(effects, RemoveAddresses)
    assert Retired() in effects


def test_applications_are_waited_for() -> None:
    """One that still goes to the VID holds the end up, for a while."""
    bench = master()
    bench.do(ApplicationSteers("app2", 2, 1, ""))
    bench.do(Retire(frozenset({GroupId(2)}), frozenset()))
    assert of_type(bench.hear(2, 100), Retired) == []
    assert of_type(bench.wait((APPLICATIONS_LEAVE + NEIGHBOURS_LEAVE) // MS), Retired) == [Retired()]


def test_a_link_that_goes_takes_leave_last_and_comes_back_when_retained() -> None:
    """Its VIDs stay demoted meanwhile; a successor that fails leaves everything as it was."""
    for bench in (master(), master(STOP)):
        effects = bench.do(Retire(NOTHING, frozenset({"l1"})))
        assert of_type([*effects, *bench.wait(2000)], Retired) == [Retired()]
        assert of_type(bench.do(Retain()), SendDatagram)
        assert bench.do(Retain()) == []


def test_a_leave_is_stronger() -> None:
    """An agent that is told to leave meanwhile says nothing of retirement any more."""
    bench = master()
    bench.do(Retire(frozenset({GroupId(2)}), frozenset()))
    assert of_type([*bench.do(Leave()), *bench.wait(3000)], Retired) == []
    assert of_type([*bench.do(Retire(frozenset({GroupId(1)}), frozenset())), *bench.do(Retain())], Retired) == []


def test_it_never_lasts_for_ever() -> None:
    """What will not go is left behind."""
    bench = master()
    memberships = bench.agent.memberships.values()
    stuck = Retirement(frozenset({GroupId(1)}), frozenset(), 0)
    assert not stuck.finish(APPLICATIONS_LEAVE, memberships, [1])
    assert stuck.deadline() == PATIENCE
    assert stuck.finish(PATIENCE, memberships, [1])
    assert stuck.deadline() is None


def test_a_vid_on_a_link_that_goes_waits_for_a_successor() -> None:
    """Demoted, it is free when it is Master again for want of another one, or has no addresses any more."""
    bench = master()
    membership = bench.agent.memberships[GroupId(1)]
    going = Retirement(NOTHING, frozenset({"l1"}), 0)
    assert not going.finish(0, [membership], [])
    assert going.finish(NEIGHBOURS_LEAVE, [membership], [])
    assert membership.router is not None
    membership.stance = None
    assert not Retirement(NOTHING, frozenset({"l1"}), 0).finish(0, [membership], [])


def test_a_loser_of_an_election_is_not_followed_when_the_winner_leaves() -> None:
    """Its last advert crossed the winner's first: a next hop to it would go to an address that is still ours."""
    bench = Alone(loaded(FOUR, None))
    bench.start()
    bench.wait(1000)
    assert bench.group(1)["state"] == "master"
    bench.other(ONE, 100)
    bench.wait(100)
    effects = bench.do(Leave())
    assert [hop for hop in of_type(effects, SetNextHop) if isinstance(hop.next_hop, ViaMaster)] == []
    effects = bench.other(ONE, 100)
    assert [type(hop.next_hop) for hop in of_type(effects, SetNextHop)] == [ViaMaster]
    assert effects.index(of_type(effects, RemoveAddresses)[0]) < effects.index(of_type(effects, SetNextHop)[0])
