"""Reloads, upgrades and restarts as the watchdog judges them: who is replaced, what a failure leaves, who is told."""

import pytest

from linkbalancer.clock import MILLISECOND, SECOND
from linkbalancer.engine.orders import WAITING_LIMIT, Outcome, Request, Result, Run
from linkbalancer.engine.supervision import (
    AGENT,
    API,
    CANDIDATE,
    REFUSED,
    SUCCESSOR,
    TRIAL,
    ZYGOTE,
    Ask,
    Beat,
    Became,
    Configured,
    Died,
    Down,
    Exit,
    Kill,
    NotReplaced,
    Phase,
    Promote,
    Ready,
    Refused,
    Replace,
    Requested,
    RestartRequested,
    Running,
    Spawn,
    Started,
    StopRequested,
    Succeed,
    Tell,
    Tick,
    Word,
)
from tests.engine.story import DNS, NEW, SPECS, UPGRADE, WEB, Story, reload, request, told


@pytest.fixture
def aside() -> Story:
    """Return a service with an api, which hears outcomes, that is ready at instant 0."""
    ready = Story()
    ready.do(Started(), Configured(ZYGOTE, {**SPECS, API: "x"}), Ready(AGENT), Ready(API), Ready(WEB))
    assert ready.watchdog.phase is Phase.READY
    return ready


def test_reload_of_nothing_new(aside: Story) -> None:
    """The same specs: the candidate's texts are in force, no worker is touched, systemd hears nothing, `unchanged`."""
    assert aside.do(reload()) == [Spawn(CANDIDATE, request())]
    effects = aside.do(Configured(CANDIDATE, {**SPECS, API: "x"}, {"entry": 7}), at=1 * SECOND)
    assert effects == [
        Kill(ZYGOTE),
        Promote(),
        Tell(Outcome("r1", Result.UNCHANGED, ("nothing that matters has changed",), {"entry": 7}, 1 * SECOND)),
    ]
    assert aside.watchdog.phase is Phase.READY
    assert aside.watchdog.summary() == "ready: 4 processes at work; reload (apply by anna): unchanged"


def test_a_new_zygote_says_as_seldom_as_the_old_one_that_it_is_alive(aside: Story) -> None:
    """It is born as a candidate, and its first beat comes when it is the zygote."""
    aside.do(reload())
    aside.do(Configured(CANDIDATE, {**NEW, API: "x"}))
    aside.do(Ready(SUCCESSOR), at=1 * SECOND)
    for second in range(2, 12):
        everybody = [Beat(AGENT), Beat(WEB), *([Beat(ZYGOTE), Beat(API)] if second % 4 == 0 else [])]
        assert aside.do(*everybody, Tick(), at=second * SECOND) == []
    assert [one.text for one in aside.said if one.grave] == []


def test_reload_replaces_the_agent_alone(aside: Story) -> None:
    """A successor comes up beside the agent; when it is ready it is the agent, and nobody else was touched."""
    aside.do(reload())
    offer = Configured(CANDIDATE, {**NEW, API: "x"}, {"entry": 8})
    assert aside.do(offer) == [Became(Phase.RELOADING), Spawn(SUCCESSOR, request())]
    assert aside.do(Died(AGENT, 0)) == []
    assert aside.do(Ready(SUCCESSOR)) == [
        Succeed(),
        Kill(ZYGOTE),
        Promote(),
        Became(Phase.READY),
        Tell(Outcome("r1", Result.APPLIED, ("replaced: agent",), {"entry": 8}, 0)),
    ]
    assert set(aside.watchdog.children) == {ZYGOTE, AGENT, API, WEB}


def test_an_agent_that_does_not_end_in_time_is_killed(story: Story) -> None:
    """Whoever has handed over has nothing more to say."""
    story.do(reload(), Configured(CANDIDATE, NEW))
    assert story.do(Ready(SUCCESSOR))[:2] == [Kill(AGENT), Succeed()]


def test_reload_replaces_whose_spec_changed_and_adds_and_ends(aside: Story) -> None:
    """Workers of another spec make room, new ones start, those that are gone are ended; then ready, with all said."""
    aside.do(reload())
    aside.do(Configured(CANDIDATE, {AGENT: "a2", API: "y", DNS: "d"}), Died(AGENT, 0))
    assert aside.do(Ready(SUCCESSOR)) == [
        Succeed(),
        Kill(ZYGOTE),
        Promote(),
        Ask(WEB, Word.END),
        Ask(API, Word.RENEW),
        Spawn(DNS),
    ]
    assert aside.do(Died(WEB, 0), Ready(DNS)) == []
    assert aside.do(Died(API, 0)) == [Spawn(API)]
    assert aside.do(Ready(API)) == [
        Became(Phase.READY),
        Tell(Outcome("r1", Result.APPLIED, ("replaced: agent, api", "added: app:dns", "removed: app:web"), {}, 0)),
    ]


def test_a_reload_of_others_needs_no_successor(aside: Story) -> None:
    """Where the agent's spec is the same, the new configuration is in force at once."""
    aside.do(reload())
    effects = aside.do(Configured(CANDIDATE, {**SPECS, API: "y"}))
    assert effects == [Became(Phase.RELOADING), Kill(ZYGOTE), Promote(), Ask(API, Word.RENEW)]


def test_many_names_are_counted(story: Story) -> None:
    """A line names eight."""
    many = {f"app:{number}": "x" for number in range(10)}
    story.do(reload(), Configured(CANDIDATE, {**SPECS, **many}), *(Ready(name) for name in many))
    assert "; added: app:0, app:1, app:2, app:3, app:4, app:5, app:6, app:7 and 2 more" in story.said[-1].text


def test_a_worker_that_does_not_make_room_is_killed(story: Story) -> None:
    """Who is asked has one second; killed, it comes back of the new configuration."""
    story.do(reload(), Configured(CANDIDATE, {**SPECS, WEB: "w2"}))
    assert story.tick() == [Kill(WEB)]
    assert story.now == 1 * SECOND
    assert story.do(Died(WEB, -9)) == [Spawn(WEB)]


def test_reload_meets_a_starting_worker(story: Story) -> None:
    """It is killed, and comes back of the new configuration."""
    story.do(Died(WEB, 1), reload())
    assert Kill(WEB) in story.do(Configured(CANDIDATE, {**SPECS, WEB: "w2"}))
    assert story.do(Died(WEB, -9)) == []
    assert isinstance(story.state(WEB), Down)


def test_reload_brings_back_a_worker_that_waits(story: Story) -> None:
    """A worker in its back-off needs to wait no longer: the new configuration may have mended it."""
    story.do(Died(WEB, 1), Died(WEB, 1), reload())
    assert story.state(WEB) == Down(100 * MILLISECOND)
    assert Spawn(WEB) in story.do(Configured(CANDIDATE, {**SPECS, WEB: "w2"}))


def test_reload_while_a_worker_is_dying(story: Story) -> None:
    """A worker that was killed for its silence needs no second word."""
    story.do(Beat(AGENT), Beat(ZYGOTE), at=1 * SECOND)
    story.tick()
    story.do(reload())
    assert Kill(WEB) not in story.do(Configured(CANDIDATE, {**SPECS, WEB: "w2"}))
    assert story.do(Died(WEB, -9)) == [Spawn(WEB)]


@pytest.mark.parametrize("deaths", [1, 2])
def test_reload_ends_what_is_not_wanted_in_every_state(story: Story, deaths: int) -> None:
    """Unwanted: a starting worker is killed, one that is down is forgotten at once."""
    story.do(*[Died(WEB, 1)] * deaths, reload())
    effects = story.do(Configured(CANDIDATE, {AGENT: "a"}))
    assert (Kill(WEB) in effects) == (deaths == 1)
    assert (WEB in story.watchdog.children) == (deaths == 1)


def test_reload_ends_an_unwanted_worker_that_is_dying(story: Story) -> None:
    """Nothing more is to be done about it, and it does not come back."""
    story.do(Beat(AGENT), Beat(ZYGOTE), at=1 * SECOND)
    story.tick()
    story.do(reload())
    assert Kill(WEB) not in story.do(Configured(CANDIDATE, {AGENT: "a"}))
    assert story.do(Died(WEB, -9)) == [Became(Phase.READY)]
    assert WEB not in story.watchdog.children


def test_a_refused_reload_changes_nothing(aside: Story) -> None:
    """The candidate dies of the errors that it told; zygote and workers are as they were, and one may ask again."""
    aside.do(reload(), Refused(CANDIDATE, ("a:1:1: bad", "a:2:1: worse")))
    lines = ("a:1:1: bad", "a:2:1: worse", "everything is as it was")
    assert aside.do(Died(CANDIDATE, REFUSED)) == [Tell(Outcome("r1", Result.REFUSED, lines, {}, 0))]
    assert aside.said[-1].grave
    assert aside.watchdog.phase is Phase.READY
    assert aside.watchdog.summary() == "ready: 4 processes at work; reload (apply by anna): refused: a:1:1: bad"
    assert aside.do(reload()) == [Spawn(CANDIDATE, request())]


def test_a_candidate_that_crashes_is_a_failure(aside: Story) -> None:
    """Nobody is to believe that the files are wrong."""
    effects = aside.do(reload(), Died(CANDIDATE, 70))
    lines = ("the reading ended with status 70", "everything is as it was")
    assert effects[1:] == [Tell(Outcome("r1", Result.FAILED, lines, {}, 0))]


def test_a_successor_that_fails_changes_nothing(aside: Story) -> None:
    """It dies before it is ready: the candidate goes too, the old agent works on, and that is said once."""
    aside.do(reload(), Configured(CANDIDATE, {**NEW, API: "x"}, {"entry": 9}), Refused(SUCCESSOR, ("nft: no",)))
    effects = aside.do(Died(SUCCESSOR, 75))
    lines = ("nft: no", "everything is as it was")
    assert effects == [Kill(CANDIDATE), Tell(Outcome("r1", Result.FAILED, lines, {"entry": 9}, 0))]
    assert aside.do(Died(CANDIDATE, -9)) == [Became(Phase.READY)]
    assert isinstance(aside.state(AGENT), Running)


def test_a_successor_that_does_not_come_up_is_a_failure(aside: Story) -> None:
    """After a minute it is killed, and the outcome says so."""
    aside.do(reload(), Configured(CANDIDATE, NEW))
    effects = aside.live()
    while Kill(SUCCESSOR) not in effects:
        effects = aside.live()
    assert aside.now == 60 * SECOND
    assert told(aside.do(Died(SUCCESSOR, -9))) == [("r1", Result.FAILED)]
    assert "the agent's successor: did not come up in time: killed" in aside.said[-1].text


def test_a_successor_that_fails_after_the_agent_has_ended(story: Story) -> None:
    """The agent comes back of the old configuration."""
    story.do(reload(), Configured(CANDIDATE, NEW), Died(AGENT, 0))
    assert story.do(Died(SUCCESSOR, -9)) == [Kill(CANDIDATE), Spawn(AGENT)]


def test_an_agent_that_dies_while_its_successor_comes_up(aside: Story) -> None:
    """It comes back first; the reload begins again, and fails when that happens twice."""
    aside.do(reload(), Configured(CANDIDATE, NEW))
    assert aside.do(Died(AGENT, -9)) == [Kill(SUCCESSOR), Kill(CANDIDATE)]
    assert aside.do(Died(CANDIDATE, -9)) == []
    assert aside.do(Died(SUCCESSOR, -9)) == [Spawn(AGENT)]
    assert aside.do(Ready(AGENT)) == [Became(Phase.READY), Spawn(CANDIDATE, request())]
    aside.do(Configured(CANDIDATE, NEW))
    assert told(aside.do(Died(AGENT, -9))) == [("r1", Result.FAILED)]


def test_a_successor_waits_for_an_agent_that_comes_up(story: Story) -> None:
    """Two never come up at once; one that is down need not come up any more."""
    story.do(Died(AGENT, 1), reload())
    assert story.do(Configured(CANDIDATE, NEW)) == [Became(Phase.RELOADING)]
    assert story.watchdog.deadline() is not None
    assert story.do(Died(AGENT, 1)) == [Spawn(SUCCESSOR, request())]
    assert Succeed() in story.do(Ready(SUCCESSOR))


def test_a_candidate_that_dies_while_the_successor_comes_up(story: Story) -> None:
    """The successor goes on: it may have taken over already. The next zygote is of what the candidate had read."""
    story.do(reload(), Configured(CANDIDATE, NEW))
    assert story.do(Died(CANDIDATE, -9)) == []
    assert story.do(Ready(SUCCESSOR)) == [Kill(AGENT), Succeed(), Kill(ZYGOTE), Promote(), Spawn(ZYGOTE)]
    assert story.do(Configured(ZYGOTE, NEW)) == [Became(Phase.READY)]


def test_a_candidate_that_dies_before_there_is_a_successor(aside: Story) -> None:
    """Nobody could fork one: a failure."""
    aside.do(Died(AGENT, 1), reload(), Configured(CANDIDATE, NEW))
    assert told(aside.do(Died(CANDIDATE, -9))) == [("r1", Result.FAILED)]
    assert SUCCESSOR not in aside.watchdog.children


def test_equal_requests_are_one_run(aside: Story) -> None:
    """What waits together runs once, and everybody who asked is told; what differs in more than who runs by itself."""
    aside.do(reload(1), reload(2), reload(3, who="bert"), reload(4, confirm_s=60))
    effects = aside.do(Died(CANDIDATE, 70))
    assert told(effects) == [("r1", Result.FAILED)]
    assert effects[-1] == Spawn(CANDIDATE, request(2))
    assert told(aside.do(Died(CANDIDATE, 70))) == [("r2", Result.FAILED), ("r3", Result.FAILED)]
    assert told(aside.do(Died(CANDIDATE, 70))) == [("r4", Result.FAILED)]
    assert CANDIDATE not in aside.watchdog.children


def test_a_reload_asked_for_while_one_takes_over(story: Story) -> None:
    """It is read when the service is ready again, and takes over in its turn."""
    story.do(reload(1), Configured(CANDIDATE, {**SPECS, WEB: "w2"}), reload(2))
    assert story.said[-1].text == "reload (apply by anna) is asked for waits: the service is reloading"
    story.do(Died(WEB, 0))
    assert story.do(Ready(WEB)) == [Became(Phase.READY), Spawn(CANDIDATE, request(2))]
    assert Promote() in story.do(Configured(CANDIDATE, SPECS))


def test_a_reload_asked_for_before_the_service_is_ready() -> None:
    """It is not lost: what the starting service has read may be older than what is asked for."""
    story = Story()
    story.do(Started(), reload(), Configured(ZYGOTE, SPECS), Ready(AGENT))
    assert story.do(Ready(WEB)) == [Became(Phase.READY), Spawn(CANDIDATE, request())]


def test_a_reload_asked_for_while_stopping(aside: Story) -> None:
    """It is refused, and those that run or wait are given up; everybody is told."""
    aside.do(reload(1), reload(2))
    assert told(aside.do(StopRequested())) == [("r1", Result.FAILED), ("r2", Result.REFUSED)]
    assert told(aside.do(reload(3))) == [("r3", Result.REFUSED)]
    assert aside.said[-1].text == "reload (apply by anna) is refused: the service is stopping"
    assert Spawn(CANDIDATE, request(2)) not in aside.do(Died(CANDIDATE, -9), Tick())


def test_too_many_requests_wait(aside: Story) -> None:
    """Who asks beyond the limit is refused; the others are served."""
    aside.do(*(reload(number) for number in range(WAITING_LIMIT + 1)))
    assert told(aside.do(reload(99))) == [("r99", Result.REFUSED)]
    assert len(told(aside.do(Died(CANDIDATE, 70), Died(CANDIDATE, 70)))) == WAITING_LIMIT + 1


def test_a_storm_of_signals_leaves_room_for_people(aside: Story) -> None:
    """Any number of SIGHUPs that wait are one run, of which the first is told."""
    aside.do(*(reload(number, how="SIGHUP") for number in range(3 * WAITING_LIMIT)))
    assert told(aside.do(reload(999))) == []
    assert told(aside.do(Died(CANDIDATE, 70), Died(CANDIDATE, 70))) == [("r0", Result.FAILED), ("r1", Result.FAILED)]


def test_an_outcome_waits_for_the_api(aside: Story) -> None:
    """An api that died is told when it is back."""
    aside.do(reload(), Died(API, -9))
    assert told(aside.do(Died(CANDIDATE, 70))) == []
    assert told(aside.do(Ready(API))) == [("r1", Result.FAILED)]
    assert told(aside.do(Died(API, -9), Ready(API))) == []


def test_a_candidate_that_comes_too_late(story: Story) -> None:
    """A candidate that was killed meanwhile, or forgotten, does not take over."""
    story.do(reload(), StopRequested())
    assert story.do(Configured(CANDIDATE, SPECS), Configured("nobody", SPECS)) == []
    other = Story()
    other.do(Started())
    other.tick()
    assert other.do(Configured(ZYGOTE, SPECS), Configured("nobody", SPECS)) == []


def test_upgrade(aside: Story) -> None:
    """The new program is tried in a child; where that ends well, it replaces this one."""
    assert aside.do(Requested(UPGRADE)) == [Spawn(TRIAL, UPGRADE)]
    assert aside.do(Died(TRIAL, 0)) == [Replace(Run(UPGRADE, [("u1", 0)], 1))]


def test_a_program_that_fails_its_trial_is_refused(aside: Story) -> None:
    """Nothing happens, and what it said is told."""
    aside.do(Requested(UPGRADE), Refused(TRIAL, ("no module",)))
    lines = ("no module", "everything is as it was")
    assert aside.do(Died(TRIAL, 1)) == [Tell(Outcome("u1", Result.REFUSED, lines, {}, 0))]
    assert aside.watchdog.phase is Phase.READY


def test_a_trial_that_does_not_end(aside: Story) -> None:
    """It is killed after a minute; the outcome says so."""
    aside.do(Requested(UPGRADE))
    effects = aside.live()
    while Kill(TRIAL) not in effects:
        effects = aside.live()
    assert told(aside.do(Died(TRIAL, -9))) == [("u1", Result.REFUSED)]
    assert "the new program: did not come up in time: killed" in aside.said[-1].text


def test_a_program_that_cannot_be_started(aside: Story) -> None:
    """This one works on."""
    aside.do(Requested(UPGRADE), Died(TRIAL, 0))
    outcome = Outcome("u1", Result.FAILED, ("no such file",), {}, 0)
    assert aside.do(NotReplaced("no such file")) == [Tell(outcome)]
    assert aside.do(reload()) == [Spawn(CANDIDATE, request())]


def test_an_upgraded_supervisor_tells_the_outcome() -> None:
    """It is ready, and so the upgrade is applied; what waited is begun."""
    story = Story()
    waiting = (Run(request(), [("r1", 0)]),)
    story.do(Started(Run(UPGRADE, [("u1", 0)], 1), ("version 1 -> 2",), waiting))
    story.do(Configured(ZYGOTE, {AGENT: "a", API: "x"}), Ready(API), at=2 * SECOND)
    assert story.do(Ready(AGENT)) == [
        Became(Phase.READY),
        Tell(Outcome("u1", Result.APPLIED, ("version 1 -> 2",), {}, 2 * SECOND)),
        Spawn(CANDIDATE, request()),
    ]


def test_stop_while_an_upgrade_comes_up() -> None:
    """First the new agent takes over from the orphan, then it leaves in order; asked again, everybody is killed."""
    story = Story()
    story.do(Started(Run(UPGRADE, [("u1", 0)], 1)), Configured(ZYGOTE, {AGENT: "a"}))
    assert story.do(StopRequested()) == []
    assert story.do(Ready(AGENT)) == [Became(Phase.READY), Became(Phase.STOPPING), Ask(AGENT, Word.LEAVE)]
    other = Story()
    other.do(Started(Run(UPGRADE, [("u1", 0)], 1)), Configured(ZYGOTE, {AGENT: "a"}), StopRequested())
    assert other.do(StopRequested()) == [Became(Phase.STOPPING), Ask(AGENT, Word.LEAVE), Kill(ZYGOTE), Kill(AGENT)]


def test_stop_asks_an_agent_that_comes_up(story: Story) -> None:
    """It may have masterships already: it is asked to leave, and killed only when it does not."""
    story.do(Died(AGENT, 1))
    assert story.do(StopRequested()) == [Became(Phase.STOPPING), Ask(AGENT, Word.LEAVE)]
    story.do(Ready(AGENT), Beat(WEB), Beat(ZYGOTE), at=5 * SECOND)
    assert story.tick() == [Kill(AGENT)]


def test_restart(story: Story) -> None:
    """The supervisor ends at once and kills nobody; while stopping it goes on stopping."""
    assert story.do(RestartRequested()) == [Became(Phase.STOPPING), Exit(0, orphans=True)]
    assert story.do(RestartRequested()) == []
    assert story.said[-1].text == "no restart: the service is stopping"


def test_restart_during_a_reload(story: Story) -> None:
    """What has not taken over does not outlive the supervisor; what has is the agent."""
    story.do(reload(), Configured(CANDIDATE, NEW))
    assert story.do(RestartRequested()) == [
        Became(Phase.STOPPING),
        Kill(SUCCESSOR),
        Kill(CANDIDATE),
        Exit(0, orphans=True),
    ]
    other = Story()
    other.do(Started(), Configured(ZYGOTE, SPECS), Ready(AGENT), Ready(WEB))
    other.do(reload(), Configured(CANDIDATE, NEW), Died(AGENT, 0))
    assert other.do(RestartRequested()) == [Became(Phase.STOPPING), Succeed(), Kill(CANDIDATE), Exit(0, orphans=True)]


def test_stop_during_a_reload(story: Story) -> None:
    """What is passing goes first, then the agent leaves as always."""
    story.do(reload(), Configured(CANDIDATE, NEW))
    assert story.do(StopRequested()) == [Became(Phase.STOPPING), Kill(SUCCESSOR), Kill(CANDIDATE)]
    assert story.do(Died(CANDIDATE, -9)) == []
    assert story.do(Died(SUCCESSOR, -9)) == [Ask(AGENT, Word.LEAVE)]


def test_stop_while_the_successor_has_taken_over(story: Story) -> None:
    """It is the agent, and is asked to leave."""
    story.do(reload(), Configured(CANDIDATE, NEW), Died(AGENT, 0))
    assert story.do(StopRequested()) == [Became(Phase.STOPPING), Succeed(), Kill(CANDIDATE)]
    assert story.do(Died(CANDIDATE, -9)) == [Ask(AGENT, Word.LEAVE)]


def test_stop_while_the_successor_waits(story: Story) -> None:
    """It is forgotten."""
    story.do(Died(AGENT, 1), reload(), Configured(CANDIDATE, NEW))
    effects = story.do(StopRequested())
    assert effects == [Became(Phase.STOPPING), Kill(CANDIDATE)]
    assert SUCCESSOR not in story.watchdog.children


def test_names_of_requests() -> None:
    """The log says what was asked, how, and by whom where that says more."""
    assert Request({}).name == "reload"
    assert Request({"how": "SIGHUP", "who": "SIGHUP"}).name == "reload (SIGHUP)"
    assert UPGRADE.name == "upgrade (upgrade by root)"
