"""The watchdog as recordings: who is started, asked, killed, when, and how often."""

from hypothesis import given, settings
from hypothesis import strategies as st

from linkbalancer.clock import MILLISECOND, SECOND
from linkbalancer.engine.patience import Patience
from linkbalancer.engine.supervision import (
    AGENT,
    CANDIDATE,
    NOTIFIER,
    RECORDER,
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
    Effect,
    Event,
    Exit,
    Kill,
    Killed,
    Leaving,
    Phase,
    Promote,
    Ready,
    Requested,
    Resumed,
    Running,
    Say,
    Spawn,
    Started,
    Starting,
    StopRequested,
    Succeed,
    Tick,
    Word,
)
from linkbalancer.engine.watchdog import Watchdog
from tests.engine.story import DNS, NEW, SPECS, UPGRADE, WEB, Story, reload


def test_start_order() -> None:
    """The zygote first, then the agent, then the applications, then the service is ready; nobody waits for a timer."""
    story = Story()
    assert story.watchdog.deadline() is None
    assert story.do(Started()) == [Spawn(ZYGOTE)]
    assert story.watchdog.deadline() == 60 * SECOND
    assert story.do(Configured(ZYGOTE, SPECS)) == [Spawn(AGENT)]
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


def test_who_says_less_often_that_it_is_alive_may_be_silent_for_longer(story: Story) -> None:
    """No packet depends on the zygote, or on the api."""
    story.do(Beat(AGENT), Beat(WEB), Beat(ZYGOTE), at=1 * SECOND)
    while story.now < 15 * SECOND:
        story.do(Beat(AGENT), Beat(WEB), at=story.now + SECOND)
    assert story.said == []
    assert story.do(Tick(), at=16 * SECOND) == [Kill(ZYGOTE)]
    assert [said.text for said in story.said] == ["silent for 15 s: killed"]


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
    story.do(Started(), Configured(ZYGOTE, SPECS), Ready(AGENT), Ready(WEB))
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
    story.do(Started(), Configured(ZYGOTE, SPECS), Ready(AGENT))
    assert story.do(Died(WEB, 1)) == [Became(Phase.READY)]


def test_deaths_far_apart_are_no_loop() -> None:
    """The limit counts deaths within the window only."""
    story = Story(Patience(deaths=2))
    story.do(Started(), Configured(ZYGOTE, SPECS), Ready(AGENT), Ready(WEB))
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
    assert story.do(Configured(ZYGOTE, SPECS)) == [Spawn(WEB)]


def test_stop(story: Story) -> None:
    """The agent hands over, then the applications end, then the zygote, then the service, with status 0."""
    assert story.do(StopRequested()) == [Became(Phase.STOPPING), Ask(AGENT, Word.LEAVE)]
    assert story.state(AGENT) == Leaving(6 * SECOND)
    assert story.do(Died(AGENT, 0)) == [Ask(WEB, Word.END)]
    assert story.do(Died(WEB, 0)) == [Ask(ZYGOTE, Word.END)]
    assert story.do(Died(ZYGOTE, 0)) == [Exit(0)]
    assert story.watchdog.deadline() is None


def test_the_notifier_tells_the_end_before_the_recorder_ends() -> None:
    """After everybody who tells it something, and before the one that remembers; it has time for that."""
    story = Story()
    specs = {AGENT: "a", NOTIFIER: "n", RECORDER: "r"}
    story.do(Started(), Configured(ZYGOTE, specs), *map(Ready, specs))
    story.do(StopRequested())

    assert story.do(Died(AGENT, 0)) == [Ask(NOTIFIER, Word.END)]
    assert story.state(NOTIFIER) == Leaving(3 * SECOND)
    assert story.do(Died(NOTIFIER, 0)) == [Ask(RECORDER, Word.END)]


def test_a_notifier_that_nobody_wants_any_more_has_its_time() -> None:
    """When its last notification is taken out of the configuration."""
    story = Story()
    story.do(Started(), Configured(ZYGOTE, {AGENT: "a", NOTIFIER: "n"}), Ready(AGENT), Ready(NOTIFIER), reload())

    assert Ask(NOTIFIER, Word.END) in story.do(Configured(CANDIDATE, {AGENT: "a"}))
    assert story.state(NOTIFIER) == Leaving(3 * SECOND)


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


NAMES = (ZYGOTE, CANDIDATE, TRIAL, SUCCESSOR, AGENT, WEB, DNS)
EVENTS = st.one_of(
    st.builds(Configured, st.sampled_from((ZYGOTE, CANDIDATE)), st.sampled_from((SPECS, NEW, {**NEW, DNS: "d"}))),
    st.builds(Ready, st.sampled_from(NAMES)),
    st.builds(Beat, st.sampled_from(NAMES)),
    st.builds(Died, st.sampled_from(NAMES), st.sampled_from((0, 1, -9))),
    st.just(Resumed()),
    st.just(reload()),
    st.just(Requested(UPGRADE)),
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
                note(present, effect)
        deadline = watchdog.deadline()
        assert deadline is None or deadline > now


def note(present: set[str], effect: Effect) -> None:
    """Do with names what the supervisor does with processes."""
    match effect:
        case Spawn(name):
            assert name not in present
            present.add(name)
        case Promote():
            present.discard(ZYGOTE)
            if CANDIDATE in present:
                present.remove(CANDIDATE)
                present.add(ZYGOTE)
        case Succeed():
            present.remove(SUCCESSOR)
            present.add(AGENT)
        case _:
            pass
