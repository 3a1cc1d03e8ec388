"""The watchdog as recordings: who is started, asked, killed, when, and how often."""

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from linkbalancer.clock import MILLISECOND, SECOND, Instant
from linkbalancer.engine.supervision import (
    AGENT,
    CANDIDATE,
    REFUSED,
    ZYGOTE,
    Ask,
    Beat,
    Became,
    Configured,
    Died,
    Down,
    Effect,
    Event,
    Exit,
    Kill,
    Killed,
    Leaving,
    Patience,
    Phase,
    Promote,
    Ready,
    ReloadRequested,
    Resumed,
    Running,
    Say,
    Spawn,
    Started,
    Starting,
    StopRequested,
    Tick,
    Word,
)
from linkbalancer.engine.watchdog import Watchdog

WEB, DNS = "app:web", "app:dns"
WORKERS = (AGENT, WEB)


class Story:
    """A watchdog with a clock; what it says is left out of the effects unless asked for."""

    def __init__(self, patience: Patience | None = None) -> None:
        """Start at instant 0."""
        self.watchdog = Watchdog(patience or Patience())
        self.now: Instant = 0
        self.said: list[Say] = []

    def do(self, *events: Event, at: Instant | None = None) -> list[Effect]:
        """Hand in events, now or at a later instant; return what is to be done."""
        self.now = self.now if at is None else at
        effects = [effect for event in events for effect in self.watchdog.handle(self.now, event)]
        self.said += [effect for effect in effects if isinstance(effect, Say)]
        return [effect for effect in effects if not isinstance(effect, Say)]

    def tick(self) -> list[Effect]:
        """Let the deadline come."""
        deadline = self.watchdog.deadline()
        assert deadline is not None
        return self.do(Tick(), at=deadline)

    def live(self) -> list[Effect]:
        """Let the next deadline come, everybody who works having beaten just before."""
        deadline = self.watchdog.deadline()
        assert deadline is not None
        return self.do(Resumed(), Tick(), at=deadline)

    def state(self, name: str) -> object:
        """Return a child's state."""
        return self.watchdog.children[name].state


@pytest.fixture
def story() -> Story:
    """Return a service of agent and one application that is ready at instant 0."""
    ready = Story()
    ready.do(Started(), Configured(ZYGOTE, WORKERS), Ready(AGENT), Ready(WEB))
    assert ready.watchdog.phase is Phase.READY
    return ready


def test_start_order() -> None:
    """The zygote first, then the agent, then the applications, then the service is ready; nobody waits for a timer."""
    story = Story()
    assert story.watchdog.deadline() is None
    assert story.do(Started()) == [Spawn(ZYGOTE)]
    assert story.watchdog.deadline() == 60 * SECOND
    assert story.do(Configured(ZYGOTE, WORKERS)) == [Spawn(AGENT)]
    assert story.do(Ready(AGENT)) == [Spawn(WEB)]
    assert story.watchdog.phase is Phase.STARTING
    assert story.do(Ready(WEB)) == [Became(Phase.READY)]
    assert story.watchdog.summary() == "ready: 3 processes at work"


def test_bad_configuration_at_the_start_ends_the_service() -> None:
    """A first zygote that refuses ends everything with the status of a refusal; one that crashes is tried again."""
    story = Story()
    story.do(Started())
    assert story.do(Died(ZYGOTE, 70)) == [Spawn(ZYGOTE)]
    assert story.do(Died(ZYGOTE, REFUSED)) == [Exit(REFUSED)]


def test_a_beat_moves_the_deadline(story: Story) -> None:
    """Two seconds after its last beat a child is silent; beats of unknown or unborn children mean nothing."""
    assert story.watchdog.deadline() == 2 * SECOND
    story.do(Beat(AGENT), Beat(WEB), Beat(ZYGOTE), Beat("nobody"), at=1 * SECOND)
    assert story.watchdog.deadline() == 3 * SECOND
    story.do(Died(WEB, 1))
    assert story.do(Beat(WEB)) == []
    assert story.state(WEB) == Starting(61 * SECOND)


def test_a_silent_child_is_killed_before_its_replacement_is_spawned(story: Story) -> None:
    """Silence: Kill alone; only its death brings Spawn; killed, it is not killed again."""
    story.do(Beat(AGENT), Beat(ZYGOTE), at=1 * SECOND)
    assert story.tick() == [Kill(WEB)]
    assert story.now == 2 * SECOND
    assert story.state(WEB) == Killed(12 * SECOND)
    assert story.do(Tick(), Beat(WEB), Ready(WEB)) == []
    assert story.do(Died(WEB, -9)) == [Spawn(WEB)]
    assert [said.text for said in story.said] == ["silent for 2 s: killed", "ended by signal 9; comes back at once"]


def test_a_child_that_does_not_even_die(story: Story) -> None:
    """A killed child that stays is said once and makes the service unhealthy; its death mends that."""
    story.do(Beat(AGENT), Beat(ZYGOTE), at=1 * SECOND)
    story.tick()
    story.do(Beat(AGENT), Beat(ZYGOTE), at=12 * SECOND)
    assert story.watchdog.healthy()
    assert story.do(Tick()) == []
    assert not story.watchdog.healthy()
    assert story.state(WEB) == Killed(None)
    assert story.do(Tick()) == []
    story.do(Died(WEB, -9))
    assert story.watchdog.healthy()


def test_a_child_that_does_not_come_up_is_killed() -> None:
    """The first word is due within `birth`."""
    story = Story()
    story.do(Started())
    assert story.tick() == [Kill(ZYGOTE)]
    assert story.now == 60 * SECOND


def test_the_host_slept(story: Story) -> None:
    """After a pause of the supervisor itself nobody's silence counts; unborn and dead children are as they were."""
    story.do(Died(WEB, 1), at=1 * SECOND)
    assert story.do(Resumed(), Tick(), at=30 * SECOND) == []
    assert story.state(AGENT) == Running(0, 32 * SECOND)
    assert story.state(WEB) == Starting(61 * SECOND)


def test_back_off() -> None:
    """At once, then 100 ms doubling to 5 s; ten seconds of health begin anew."""
    story = Story(Patience(deaths=100))
    story.do(Started(), Configured(ZYGOTE, WORKERS), Ready(AGENT), Ready(WEB))
    delays = []
    for _ in range(8):
        died_at = story.now
        effects = story.do(Died(WEB, 1))
        while Spawn(WEB) not in effects:
            effects = story.live()
        delays.append((story.now - died_at) // MILLISECOND)
        story.do(Ready(WEB))
    assert delays == [0, 100, 200, 400, 800, 1600, 3200, 5000]
    story.do(Resumed(), at=story.now + 10 * SECOND)
    assert story.do(Died(WEB, 1)) == [Spawn(WEB)]


def die_often(story: Story, name: str) -> None:
    """Let a child die as soon as it is started, until it is left down."""
    effects: list[Effect] = [Spawn(name)]
    for _ in range(10):
        while Spawn(name) not in effects:
            effects = story.live()
        effects = story.do(Died(name, 1))


def test_crash_loop_limit(story: Story) -> None:
    """Ten deaths within 60 s: left down for 30 s, said loudly, and then tried again; the service stays healthy."""
    die_often(story, WEB)
    assert story.said[-1] == Say(
        WEB, "ended with status 1; died 10 times within 1 min 00 s: left down for 30 s", grave=True
    )
    assert story.watchdog.healthy()
    assert story.watchdog.summary() == "ready: 2 processes at work, not at work: app:web"
    died_at, effects = story.now, story.live()
    while Spawn(WEB) not in effects:
        effects = story.live()
    assert story.now == died_at + 30 * SECOND


def test_an_agent_that_is_left_down_makes_the_service_unhealthy(story: Story) -> None:
    """Without an agent the service cannot mend itself, and the service manager is to know."""
    die_often(story, AGENT)
    assert not story.watchdog.healthy()


def test_a_start_with_a_resting_application_is_ready() -> None:
    """An application that crashes from the start does not keep the service from being ready; the agent would."""
    story = Story(Patience(deaths=1))
    story.do(Started(), Configured(ZYGOTE, WORKERS), Ready(AGENT))
    assert story.do(Died(WEB, 1)) == [Became(Phase.READY)]


def test_deaths_far_apart_are_no_loop() -> None:
    """The limit counts deaths within the window only."""
    story = Story(Patience(deaths=2))
    story.do(Started(), Configured(ZYGOTE, WORKERS), Ready(AGENT), Ready(WEB))
    assert story.do(Died(WEB, 1)) == [Spawn(WEB)]
    story.do(Ready(WEB))
    story.do(Resumed(), at=60 * SECOND)
    assert story.do(Died(WEB, 1)) == [Spawn(WEB)]


def test_a_dead_zygote_is_replaced_alone(story: Story) -> None:
    """Agent and application are not touched; who dies meanwhile waits for the new zygote, without a deadline."""
    assert story.do(Died(ZYGOTE, -9)) == [Spawn(ZYGOTE)]
    assert story.do(Died(WEB, -9)) == []
    assert isinstance(story.state(WEB), Down)
    assert story.watchdog.deadline() == 2 * SECOND  # the agent's beat
    assert story.do(Configured(ZYGOTE, WORKERS)) == [Spawn(WEB)]


def test_reload(story: Story) -> None:
    """The candidate takes over; kept workers make room, the agent first; new ones start, old ones end; then ready."""
    assert story.do(ReloadRequested()) == [Spawn(CANDIDATE)]
    assert story.do(Configured(CANDIDATE, (AGENT, WEB, DNS))) == [
        Kill(ZYGOTE),
        Promote(),
        Became(Phase.RELOADING),
        Ask(AGENT, Word.RENEW),
        Spawn(DNS),
    ]
    assert story.do(Ready(DNS)) == []
    assert story.do(Died(AGENT, 0)) == [Spawn(AGENT)]
    assert story.do(Ready(AGENT)) == [Ask(WEB, Word.RENEW)]
    assert story.state(WEB) == Leaving(1 * SECOND)
    assert story.do(Died(WEB, 0)) == [Spawn(WEB)]
    assert story.do(Ready(WEB)) == [Became(Phase.READY)]
    assert [said.grave for said in story.said] == [False, False]


def test_reload_without_an_application(story: Story) -> None:
    """An application that is gone from the configuration is ended and does not come back."""
    story.do(ReloadRequested())
    effects = story.do(Configured(CANDIDATE, (AGENT,)))
    assert Ask(WEB, Word.END) in effects
    story.do(Died(AGENT, 0), Ready(AGENT))
    assert story.watchdog.phase is Phase.RELOADING
    assert story.do(Died(WEB, 0)) == [Became(Phase.READY)]
    assert WEB not in story.watchdog.children


def test_a_worker_that_does_not_make_room_is_killed(story: Story) -> None:
    """Who is asked has one second; killed, it comes back of the new configuration."""
    story.do(ReloadRequested(), Configured(CANDIDATE, WORKERS))
    assert story.tick() == [Kill(AGENT)]
    assert story.now == 1 * SECOND
    assert story.do(Died(AGENT, -9)) == [Spawn(AGENT)]


@pytest.mark.parametrize("name", [AGENT, WEB])
def test_reload_meets_workers_in_every_state(story: Story, name: str) -> None:
    """A starting worker is killed, one that is down starts at once of the new configuration, a dying one comes back."""
    story.do(Died(name, 1), ReloadRequested())
    effects = story.do(Configured(CANDIDATE, WORKERS))
    if name == WEB:
        effects += story.do(Died(AGENT, 0), Ready(AGENT))
    assert Kill(name) in effects
    assert story.do(Died(name, -9)) == []
    assert isinstance(story.state(name), Down)


def test_reload_brings_back_a_worker_that_waits(story: Story) -> None:
    """A worker in its back-off needs to wait no longer: the new configuration may have mended it."""
    story.do(Died(WEB, 1), Died(WEB, 1), ReloadRequested())
    assert story.state(WEB) == Down(100 * MILLISECOND)
    story.do(Configured(CANDIDATE, WORKERS), Died(AGENT, 0))
    assert story.do(Ready(AGENT)) == [Spawn(WEB)]


def test_reload_while_a_worker_is_dying(story: Story) -> None:
    """A worker that was killed for its silence needs no second word."""
    story.do(Beat(AGENT), Beat(ZYGOTE), at=1 * SECOND)
    story.tick()
    story.do(ReloadRequested(), Configured(CANDIDATE, WORKERS), Died(AGENT, 0))
    assert story.do(Ready(AGENT)) == []
    assert story.do(Died(WEB, -9)) == [Spawn(WEB)]


@pytest.mark.parametrize("deaths", [1, 2])
def test_reload_ends_what_is_not_wanted_in_every_state(story: Story, deaths: int) -> None:
    """Unwanted: a starting worker is killed, one that is down is forgotten at once."""
    story.do(*[Died(WEB, 1)] * deaths, ReloadRequested())
    effects = story.do(Configured(CANDIDATE, (AGENT,)))
    assert (Kill(WEB) in effects) == (deaths == 1)
    assert (WEB in story.watchdog.children) == (deaths == 1)


def test_reload_ends_an_unwanted_worker_that_is_dying(story: Story) -> None:
    """Nothing more is to be done about it, and it does not come back."""
    story.do(Beat(AGENT), Beat(ZYGOTE), at=1 * SECOND)
    story.tick()
    story.do(ReloadRequested())
    assert Kill(WEB) not in story.do(Configured(CANDIDATE, (AGENT,)))
    assert story.do(Died(WEB, -9)) == []
    assert WEB not in story.watchdog.children


def test_a_refused_reload_changes_nothing(story: Story) -> None:
    """The candidate dies of the errors that it told; zygote and workers are as they were, and one may ask again."""
    story.do(ReloadRequested())
    assert story.do(Died(CANDIDATE, REFUSED)) == []
    assert story.said[-1].text == "ended with status 1: the old configuration stays in force"
    assert story.watchdog.phase is Phase.READY
    assert story.do(ReloadRequested()) == [Spawn(CANDIDATE)]


def test_a_reload_asked_for_while_one_is_refused(story: Story) -> None:
    """What was edited after the first reading began is read as soon as that is over; asked twice, once."""
    assert story.do(ReloadRequested(), ReloadRequested(), ReloadRequested()) == [Spawn(CANDIDATE)]
    assert story.said[-1].text == "the configuration is read once more after this: the service is reading it already"
    assert story.do(Died(CANDIDATE, REFUSED)) == [Spawn(CANDIDATE)]
    assert story.do(Died(CANDIDATE, REFUSED)) == []


def test_a_reload_asked_for_while_one_takes_over(story: Story) -> None:
    """It is read when the service is ready again, and takes over in its turn."""
    story.do(ReloadRequested(), ReloadRequested(), Configured(CANDIDATE, WORKERS), ReloadRequested())
    story.do(Died(AGENT, 0), Ready(AGENT), Died(WEB, 0))
    assert story.do(Ready(WEB)) == [Became(Phase.READY), Spawn(CANDIDATE)]
    assert Promote() in story.do(Configured(CANDIDATE, WORKERS))


def test_a_reload_asked_for_before_the_service_is_ready() -> None:
    """It is not lost: what the starting service has read may be older than what is asked for."""
    story = Story()
    story.do(Started(), ReloadRequested(), Configured(ZYGOTE, WORKERS), Ready(AGENT))
    assert story.said[-1].text == "the configuration is read once more after this: the service is starting"
    assert story.do(Ready(WEB)) == [Became(Phase.READY), Spawn(CANDIDATE)]


def test_a_reload_asked_for_while_stopping(story: Story) -> None:
    """It is refused aloud, and one that waited is forgotten."""
    story.do(ReloadRequested(), ReloadRequested(), StopRequested())
    assert Spawn(CANDIDATE) not in story.do(Died(CANDIDATE, -9), ReloadRequested(), Tick())
    assert story.said[-1].text == "cannot reload now: the service is stopping"


def test_a_candidate_that_comes_too_late(story: Story) -> None:
    """A candidate that was killed meanwhile, or forgotten, does not take over."""
    story.do(ReloadRequested(), StopRequested())
    assert story.do(Configured(CANDIDATE, WORKERS), Configured("nobody", WORKERS)) != [Promote()]
    other = Story()
    other.do(Started())
    other.tick()
    assert other.do(Configured(ZYGOTE, WORKERS), Configured("nobody", WORKERS)) == []


def test_stop(story: Story) -> None:
    """The agent hands over, then the applications end, then the zygote, then the service, with status 0."""
    assert story.do(StopRequested()) == [Became(Phase.STOPPING), Ask(AGENT, Word.LEAVE)]
    assert story.state(AGENT) == Leaving(6 * SECOND)
    assert story.do(Died(AGENT, 0)) == [Ask(WEB, Word.END)]
    assert story.do(Died(WEB, 0)) == [Ask(ZYGOTE, Word.END)]
    assert story.do(Died(ZYGOTE, 0)) == [Exit(0)]
    assert story.watchdog.deadline() is None


def test_stop_with_patience(story: Story) -> None:
    """An agent that does not hand over in six seconds is killed; nothing is started again while stopping."""
    story.do(StopRequested())
    story.do(Beat(WEB), Beat(ZYGOTE), at=5 * SECOND)
    assert story.do(Died(WEB, 1)) == []
    assert story.tick() == [Kill(AGENT)]
    assert story.now == 6 * SECOND
    assert story.do(Died(AGENT, -9)) == [Ask(ZYGOTE, Word.END)]


def test_stop_forgets_who_waits(story: Story) -> None:
    """A child in its back-off is not started any more, and the death of one that nobody knows means nothing."""
    story.do(Died(WEB, 1), Died(WEB, 1))
    story.do(StopRequested())
    assert story.do(Tick(), Died("nobody", 0), at=1 * SECOND) == []
    assert story.do(Died(AGENT, 0)) == [Ask(ZYGOTE, Word.END)]


def test_stop_said_twice(story: Story) -> None:
    """The second request kills everybody, once."""
    story.do(StopRequested())
    assert story.do(StopRequested()) == [Kill(ZYGOTE), Kill(AGENT), Kill(WEB)]
    assert all(isinstance(child.state, Killed) for child in story.watchdog.children.values())
    assert story.do(StopRequested()) == []


def test_stop_in_the_middle_of_everything() -> None:
    """Starting children are killed, those that are down are forgotten, and the end comes all the same."""
    story = Story()
    story.do(Started())
    assert story.do(StopRequested()) == [Became(Phase.STOPPING), Kill(ZYGOTE)]
    assert story.do(Died(ZYGOTE, -9)) == [Exit(0)]
    idle = Story()
    assert idle.do(StopRequested()) == [Became(Phase.STOPPING), Exit(0)]


NAMES = (ZYGOTE, CANDIDATE, AGENT, WEB, DNS)
EVENTS = st.one_of(
    st.builds(Configured, st.sampled_from((ZYGOTE, CANDIDATE)), st.sampled_from((WORKERS, (AGENT, WEB, DNS)))),
    st.builds(Ready, st.sampled_from(NAMES)),
    st.builds(Beat, st.sampled_from(NAMES)),
    st.builds(Died, st.sampled_from(NAMES), st.sampled_from((0, 1, -9))),
    st.just(Resumed()),
    st.just(ReloadRequested()),
    st.just(Tick()),
)


@settings(max_examples=200, deadline=None)
@given(st.lists(st.tuples(st.integers(0, 3 * SECOND), EVENTS), max_size=40))
def test_nobody_is_ever_there_twice(story_events: list[tuple[int, Event]]) -> None:
    """Whatever happens, a child is spawned only when it is not there, and a deadline that has passed is acted on."""
    watchdog = Watchdog()
    present = {effect.name for effect in watchdog.handle(0, Started()) if isinstance(effect, Spawn)}
    now = 0
    for wait, event in story_events:
        now += wait
        if isinstance(event, Died) and event.name not in present:
            continue
        if isinstance(event, Configured | Ready | Beat) and event.name not in present:
            continue
        for happened in (event, Tick()):
            if isinstance(happened, Died):
                present.remove(happened.name)
            for effect in watchdog.handle(now, happened):
                if isinstance(effect, Spawn):
                    assert effect.name not in present
                    present.add(effect.name)
                if isinstance(effect, Promote):
                    present.discard(CANDIDATE)
                    present.add(ZYGOTE)
        deadline = watchdog.deadline()
        assert deadline is None or deadline > now
