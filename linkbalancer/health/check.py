"""A periodic check: when it is begun, when it has taken too long, and what is believed after each result.

It never runs twice at a time. One that takes too long has failed at that moment; where it is a process it is asked to
end, and killed when it does not, and the next one begins only when it is gone.
"""

from dataclasses import dataclass, field
from typing import Final, TypeAlias, assert_never

from linkbalancer.clock import SECOND, Duration, Instant, in_words, is_due
from linkbalancer.health.counter import Counter

KILL_AFTER: Duration = 2 * SECOND
"""How long a process that was asked to end may take."""


_JUST: Final = 8
"""Up to this part of an interval late, a turn is taken at once."""


@dataclass(frozen=True, slots=True, kw_only=True)
class Schedule:
    """How a check is made: how often, for how long at most, and how many results change what is believed.

    `init` is what is believed before the first result. `kill_after` None: it is no process, so it ends when told.
    """

    interval: Duration = SECOND
    timeout: Duration = SECOND
    rise: int = 1
    fall: int = 1
    init: bool | None = None
    kill_after: Duration | None = None


@dataclass(frozen=True, slots=True)
class Tick:
    """A deadline has come."""


@dataclass(frozen=True, slots=True)
class Ended:
    """What was begun is over: whether it passed, and what it said."""

    passed: bool
    text: str = ""


Event: TypeAlias = Tick | Ended


@dataclass(frozen=True, slots=True)
class Begin:
    """Begin the check."""


@dataclass(frozen=True, slots=True)
class Terminate:
    """Give the check up; a process is asked to end."""


@dataclass(frozen=True, slots=True)
class Kill:
    """End the check's process, whatever it does."""


@dataclass(frozen=True, slots=True)
class Told:
    """There is a result; `changed` where something else is believed now."""

    passed: bool
    text: str
    changed: bool


Effect: TypeAlias = Begin | Terminate | Kill | Told


@dataclass(frozen=True, slots=True)
class Idle:
    """Nothing runs; the next check is due."""

    due: Instant


@dataclass(frozen=True, slots=True)
class Running:
    """A check runs, and may do so until an instant."""

    since: Instant
    until: Instant


@dataclass(frozen=True, slots=True)
class Ending:
    """A check was given up; its process is killed at an instant (None: it has been) and waited for."""

    since: Instant
    kill_at: Instant | None


State: TypeAlias = Idle | Running | Ending


@dataclass(slots=True)
class Check:
    """The machine; `ok` and `text` say what is believed, and what was said last."""

    schedule: Schedule
    state: State
    counter: Counter = field(init=False)
    text: str = ""

    def __post_init__(self) -> None:
        self.counter = Counter(self.schedule.rise, self.schedule.fall, self.schedule.init)

    @property
    def ok(self) -> bool | None:
        """What is believed: it passes, it fails, or nothing yet."""
        return self.counter.ok

    def handle(self, now: Instant, event: Event) -> list[Effect]:
        """Take one event; return, in order, what must be done."""
        match event:
            case Tick():
                return self._tick(now)
            case Ended(passed, text):
                return self._ended(now, passed=passed, text=text)
            case _:
                assert_never(event)

    def deadline(self) -> Instant | None:
        """Return when the next `Tick` is due, None while only an end is waited for."""
        match self.state:
            case Idle(due) | Running(_, due):
                return due
            case Ending(_, kill_at):
                return kill_at
            case _:
                assert_never(self.state)

    def _tick(self, now: Instant) -> list[Effect]:
        if not is_due(now, self.deadline()):
            return []
        match self.state:
            case Idle():
                self.state = Running(now, now + self.schedule.timeout)
                return [Begin()]
            case Running(since, _):
                told = self._result(passed=False, text=f"not done within {in_words(self.schedule.timeout)}")
                if self.schedule.kill_after is None:
                    self.state = self._rest(now, since)
                else:
                    self.state = Ending(since, now + self.schedule.kill_after)
                return [Terminate(), told]
            case Ending(since, _):
                self.state = Ending(since, None)
                return [Kill()]
            case _:
                assert_never(self.state)

    def _ended(self, now: Instant, *, passed: bool, text: str) -> list[Effect]:
        match self.state:
            case Running(since, _):
                self.state = self._rest(now, since)
                return [self._result(passed=passed, text=text)]
            case Ending(since, _):
                self.state = self._rest(now, since)
                return []  # it has failed already, by its time
            case Idle():
                return []
            case _:
                assert_never(self.state)

    def _rest(self, now: Instant, since: Instant) -> Idle:
        """Return when the next one is due: on the grid of the interval, turns that were missed left out.

        A turn that has just come is not missed: what is given up at its end is always told a moment late.
        """
        interval = self.schedule.interval
        turns, late = divmod(now - since, interval)
        return Idle(since + interval * max(1, turns + (late > interval // _JUST)))

    def _result(self, *, passed: bool, text: str) -> Told:
        self.text = text
        return Told(passed, text, self.counter.count(passed=passed))
