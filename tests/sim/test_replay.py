"""A recording runs again with the decisions of then, from any moment on; and what is not the same is found."""

from random import Random

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from linkbalancer.engine.events import Event, Tick
from linkbalancer.engine.flight.digest import Digester, failure
from linkbalancer.engine.flight.inputs import Input, RecordingError
from linkbalancer.engine.flight.tape import Lost, Tape, lost
from linkbalancer.sim.faults import Cut, Lossy, Silent
from linkbalancer.sim.replay import Replay, Step
from linkbalancer.sim.shape import Shape
from tests.engine.flight.flown import Recorder, flown, sealed

FAULTS = (Cut("l1"), Silent("l2"), Lossy("l1", 20, 10, 5))


def story(seed: int) -> list[Recorder]:
    """Record every gateway of a world from several moments of a story of faults."""
    recorders = []
    chance = Random(seed)
    with flown(Shape(), seed) as flights:
        world = flights.world
        world.start()
        world.run(3000)
        for _ in range(3):
            recorders += [flights.record(name) for name in world.nodes]
            world.begin(chance.choice(FAULTS))
            world.run(chance.randrange(100, 2500))
            recorders += [flights.record(name) for name in world.nodes]
            world.heal()
            world.run(chance.randrange(100, 2500))
    return recorders


@settings(max_examples=4, deadline=None)
@given(st.integers(0, 10_000))
def test_what_was_decided_is_decided_again(seed: int) -> None:
    """Whoever was recorded, and from whatever moment on: every effect is the same one, in the same order."""
    for recorder in story(seed):
        replay = Replay(recorder.tape())
        steps = list(replay.steps())

        assert [step for step in steps if step.differs] == []
        assert len(steps) == len(recorder.inputs) == replay.handled
        for step, (now, event, effects) in zip(steps, recorder.inputs, strict=True):
            assert (step.now, type(step.input.event)) == (now, type(event))
            assert len(step.effects) == len(effects)
            assert [type(one) for one in step.effects] == [type(one) for one in effects]
            assert step.words() == step.then()


@pytest.fixture(scope="module")
def recorder() -> Recorder:
    """Return a recording of a Backup's claim: b2, while link 1 is cut."""
    with flown(Shape(), 1) as flights:
        flights.world.start()
        flights.world.run(4000)
        recorder = flights.record("b2")
        flights.world.begin(Cut("l1"))
        flights.world.run(2000)
    return recorder


@pytest.fixture(scope="module")
def lines(recorder: Recorder) -> list[str]:
    """Return its lines without the sum."""
    return [line.decode().rstrip("\n") for line in recorder.lines()[:-1]]


def run(lines: list[str]) -> tuple[Replay, list[str]]:
    """Replay lines; return the run, and what differed."""
    replay = Replay(Tape(sealed(lines)))
    return replay, [step.differs for step in replay.steps() if step.differs]


def test_it_stops_at_an_instant(lines: list[str]) -> None:
    """What came later is not handled, so that the agent is what it was then."""
    tape = Tape(sealed(lines))
    steps = list(Replay(tape).steps(until=tape.head.at + 500 * 10**6))

    assert 0 < len(steps) < len(list(Replay(tape).steps()))
    assert steps[-1].now <= tape.head.at + 500 * 10**6


def test_what_is_lost_ends_it(lines: list[str]) -> None:
    """It says how many inputs are missing, and runs no further."""
    replay, differs = run([*lines[:10], lost(7), *lines[10:]])

    assert (replay.lost, differs) == (7, [])


def test_an_input_that_was_taken_away_is_missed(lines: list[str]) -> None:
    """Without a line something is decided otherwise, though the sums are right."""
    found = [bool(run([*lines[:at], *lines[at + 1 :]])[1]) for at in (2, len(lines) // 2)]

    assert any(found)


def test_another_digest_is_found(recorder: Recorder) -> None:
    """The step says what was decided then and now; nothing after it is looked at."""
    tape = recorder.tape()
    tampered = [_altered(one) for one in tape.items()]
    replay = Replay(tape)
    with pytest.MonkeyPatch.context() as patch:
        patch.setattr(tape, "items", lambda: iter(tampered))
        steps = list(replay.steps())

    assert steps[-1].differs == "other decisions"
    assert all(not step.differs for step in steps[:-1])


def _altered(item: Input | Lost) -> Input | Lost:
    if isinstance(item, Input) and item.words:
        return Input(item.now, item.event, item.digest ^ 1, item.draws, item.words)
    return item


@pytest.mark.parametrize(
    ("draws", "words"),
    [((), "a random number is drawn where none was"), ((150 * 10**6, 3, 4), "2 random numbers fewer are drawn")],
)
def test_other_draws_are_found(recorder: Recorder, draws: tuple[int, ...], words: str) -> None:
    """Fewer or more random numbers than then: it is another program."""
    tape = recorder.tape()
    items = [
        Input(one.now, one.event, one.digest, draws) if isinstance(one, Input) and one.draws else one
        for one in tape.items()
    ]
    replay = Replay(tape)
    with pytest.MonkeyPatch.context() as patch:
        patch.setattr(tape, "items", lambda: iter(items))
        last = list(replay.steps())[-1]

    assert last.differs == words


def test_what_an_agent_died_of_it_dies_of_again(recorder: Recorder) -> None:
    """The failure takes the place of decisions: the same one is the same, another one differs."""
    tape = recorder.tape()
    event: Event = Tick()
    steps: list[Step] = []
    for _ in range(2):
        replay = Replay(tape)
        with pytest.MonkeyPatch.context() as patch:
            patch.setattr(replay, "agent", _Faulty())
            patch.setattr(tape, "items", lambda event=event, steps=steps: iter([_died(event, steps)]))
            steps += list(replay.steps())

    assert [step.differs for step in steps] == ["other decisions", ""]
    assert steps[0].words() == ("died KeyError: 'eth7'",)


def _died(event: Event, steps: list[Step]) -> Input:
    digest = Digester().digest([failure(KeyError("eth7"))]) if steps else 0
    return Input(10**12, event, digest)


class _Faulty:
    """An agent with a mistake."""

    def handle(self, _now: int, _event: Event) -> list[object]:
        """Fail."""
        raise KeyError("eth7")


def test_a_line_that_makes_no_sense_is_damage(lines: list[str]) -> None:
    """It is said, and nothing is raised but RecordingError."""
    with pytest.raises(RecordingError, match="an input makes no sense"):
        run([*lines, "[0,9999]"])
