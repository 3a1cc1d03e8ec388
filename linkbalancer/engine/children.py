"""The supervisor's children one by one: how each is started, heard, asked, killed and buried (see engine.watchdog)."""

from collections import deque
from dataclasses import dataclass
from typing import assert_never

from linkbalancer.clock import Duration, Instant, in_words
from linkbalancer.engine.patience import Patience
from linkbalancer.engine.supervision import (
    AGENT,
    Ask,
    Down,
    Effect,
    Kill,
    Killed,
    Leaving,
    Running,
    Say,
    Starting,
    State,
    Word,
)


@dataclass(slots=True)
class Child:
    """One child: its state, its recent deaths, and whether it is still `wanted`."""

    state: State
    deaths: deque[Instant]
    delay: Duration = 0
    wanted: bool = True


class Children(dict[str, Child]):
    """All of them by name."""

    def __init__(self, patience: Patience) -> None:
        super().__init__()
        self.patience = patience

    def add(self, now: Instant, name: str) -> None:
        """Have a child that is to be started now."""
        self[name] = Child(Down(now), deque(maxlen=self.patience.deaths))

    def runs(self, name: str) -> bool:
        """Return whether a child is at work."""
        child = self.get(name)
        return child is not None and isinstance(child.state, Running)

    def comes(self, name: str) -> bool:
        """Return whether a child is coming up."""
        child = self.get(name)
        return child is not None and isinstance(child.state, Starting)

    def drop(self, now: Instant, name: str) -> list[Effect]:
        """End a passing child without a word: it holds no office."""
        child = self.get(name)
        if child is None or isinstance(child.state, Killed):
            return []
        child.wanted = False
        if isinstance(child.state, Down):
            del self[name]
            return []
        return self.kill(now, name)

    def beat(self, now: Instant, name: str) -> None:
        """Take note that a child is alive."""
        child = self.get(name)
        if child is not None and isinstance(child.state, Running):
            child.state = Running(child.state.since, now + self.patience.between_beats(name))

    def forgive(self, now: Instant) -> None:
        """Count nobody's silence so far."""
        for name in self:
            self.beat(now, name)

    def renew(self, now: Instant, name: str) -> list[Effect]:
        """Make room for a successor of the new configuration; who is going already comes back as one anyway."""
        child = self[name]
        match child.state:
            case Running():
                child.state = Leaving(now + self.patience.obey)
                return [Ask(name, Word.RENEW)]
            case Starting():
                return self.kill(now, name)
            case Down():
                child.state = Down(now)
                return []
            case Leaving() | Killed():
                return []
            case _:
                assert_never(child.state)

    def dismiss(self, now: Instant, name: str, word: Word, patience: Duration) -> list[Effect]:
        """End a child that is wanted no more: asked where it can hear, killed where it cannot yet.

        An agent that comes up is asked too: it may have taken over masterships already, and hears when it can.
        """
        child = self[name]
        child.wanted = False
        match child.state:
            case Starting() if name == AGENT:
                child.state = Leaving(now + patience)
                return [Ask(name, word)]
            case Running():
                child.state = Leaving(now + patience)
                return [Ask(name, word)]
            case Starting():
                return self.kill(now, name)
            case Down():
                del self[name]
                return []
            case Leaving() | Killed():
                return []
            case _:
                assert_never(child.state)

    def kill(self, now: Instant, name: str) -> list[Effect]:
        """End a child, whatever it does."""
        self[name].state = Killed(now + self.patience.death)
        return [Kill(name)]

    def overdue(self, now: Instant, name: str) -> list[Effect]:
        """Judge a child whose time may be up."""
        child = self[name]
        match child.state:
            case Starting(due) if due <= now:
                return [Say(name, "did not come up in time: killed", grave=True), *self.kill(now, name)]
            case Running(_, due) if due <= now:
                silent = in_words(now - due + self.patience.between_beats(name))
                return [Say(name, f"silent for {silent}: killed", grave=True), *self.kill(now, name)]
            case Leaving(due) if due <= now:
                return [Say(name, "did not end in time: killed", grave=True), *self.kill(now, name)]
            case Killed(due) if due is not None and due <= now:
                child.state = Killed(None)
                return [Say(name, "was killed and does not die: the kernel holds it", grave=True)]
            case _:
                return []

    def bury(self, now: Instant, name: str, child: Child, status: int) -> list[Effect]:
        """Say when an unexpectedly dead child comes back."""
        patience = self.patience
        if isinstance(child.state, Running) and now - child.state.since >= patience.health:
            child.delay = 0
        child.deaths.append(now)
        if len(child.deaths) == patience.deaths and now - child.deaths[0] < patience.window:
            child.deaths.clear()
            child.state = Down(now + patience.rest, resting=True)
            text = f"{ended(status)}; died {patience.deaths} times within {in_words(patience.window)}: left down for "
            return [Say(name, text + in_words(patience.rest), grave=True)]
        child.state = Down(now + child.delay)
        text = f"{ended(status)}; comes back " + (f"in {in_words(child.delay)}" if child.delay else "at once")
        child.delay = min(max(2 * child.delay, patience.delay), patience.delay_max)
        return [Say(name, text, grave=True)]


def ended(status: int) -> str:
    """Say how a process ended."""
    return f"ended by signal {-status}" if status < 0 else f"ended with status {status}"


def is_resting(state: State) -> bool:
    """Return whether a child is left down because it died too often."""
    return isinstance(state, Down) and state.resting
