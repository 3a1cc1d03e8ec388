"""A flight recording runs again: the same agent, the same inputs, and every decision compared with the recorded one."""

from collections.abc import Iterator
from dataclasses import dataclass

from linkbalancer.clock import Instant
from linkbalancer.engine.agent import Agent
from linkbalancer.engine.effects import Effect
from linkbalancer.engine.flight.chance import DrawsError, RepeatedChance
from linkbalancer.engine.flight.digest import FAILURES, Digester, failure, in_words
from linkbalancer.engine.flight.inputs import Input
from linkbalancer.engine.flight.tape import Lost, Tape


@dataclass(frozen=True, slots=True)
class Step:
    """One input, and what was decided of it now; `differs` says how that is not what was decided then.

    `number` counts from 1.
    """

    number: int
    input: Input
    effects: tuple[Effect, ...]
    differs: str = ""

    @property
    def now(self) -> Instant:
        """When it was, on the gateway's CLOCK_BOOTTIME."""
        return self.input.now

    def then(self) -> tuple[str, ...]:
        """Return in words what was decided then."""
        return self.input.words

    def words(self) -> tuple[str, ...]:
        """Return in words what was decided now."""
        return tuple(in_words(self.effects))


class Replay:
    """One run of a recording.

    Attributes:
        agent: as it is after the last step.
        handled: how many inputs it has handled.
        lost: how many inputs are missing where it ended, 0 where it has not met such a place.

    Raises:
        RecordingError: the recording begins with what makes no sense.
    """

    def __init__(self, tape: Tape) -> None:
        self._tape, self._chance, self._digester = tape, RepeatedChance(), Digester()
        self.agent: Agent = tape.agent(self._chance)
        self.handled = self.lost = 0

    def steps(self, until: Instant | None = None) -> Iterator[Step]:
        """Yield every step up to an instant, to the end, or to the first that differs.

        Raises RecordingError where the recording makes no sense.
        """
        for item in self._tape.items():
            if isinstance(item, Lost):
                self.lost = item.inputs
                return
            if until is not None and item.now > until:
                return
            step = self._step(item)
            yield step
            if step.differs:
                return

    def _step(self, recorded: Input) -> Step:
        self._chance.give(recorded.draws)
        self.handled += 1
        differs = ""
        try:
            effects = self.agent.handle(recorded.now, recorded.event)
        except DrawsError as error:  # a ValueError as well
            effects, differs = [], str(error)
        except FAILURES as error:  # what a daemon dies of is recorded, and compared like a decision
            effects = [failure(error)]
        if not differs and self._chance.left:
            differs = f"{self._chance.left} random numbers fewer are drawn"
        if not differs and self._digester.digest(effects) != recorded.digest:
            differs = "other decisions"
        return Step(self.handled, recorded, tuple(effects), differs)
