"""Flight recordings: a file that somebody else sends, from which a whole agent is made."""

import contextlib

from linkbalancer.engine.flight.inputs import RecordingError
from linkbalancer.engine.flight.tape import Tape
from linkbalancer.sim.replay import Replay
from linkbalancer.sim.shape import Shape
from tests.engine.flight.flown import flown

STEPS = 200


def _recorded() -> bytes:
    with flown(Shape(), 1) as flights:
        flights.world.start()
        flights.world.run(2000)
        recorder = flights.record("b1")
        flights.world.run(300)
    return b"".join(line for line in recorder.lines() if not line.startswith(b'{"sum"'))


SEEDS = [_recorded(), b'{"linkbalancer":"0.1.0","format":1}\n[0,[0]]\n', b'{"lost":1}\n']


def take(data: bytes) -> None:
    """Read it, make the agent, and run it for some inputs."""
    with contextlib.suppress(RecordingError):
        replay = Replay(Tape(data.splitlines(keepends=True)))
        for step, _ in zip(replay.steps(), range(STEPS), strict=False):
            step.words()
