"""The supervisor's mind: which of its children lives, is silent, is due to be started, or is left down for a while.

Children have names: the zygote, from which the others are forked; the agent; one `app:<name>` an application. A child
speaks (`Beat`) or is silent; a silent one is killed *before* its replacement is asked for, so that what was merely
stopped never speaks again once thawed. A dead zygote is replaced without touching its offspring. A new configuration is
read by a second zygote, the candidate, which takes the first one's place only when it found no error. A request that
comes while that cannot begin waits until it can: what it is about may have been edited after the last reading began.
"""

from collections import deque
from dataclasses import dataclass, field
from typing import assert_never

from linkbalancer.clock import Duration, Instant, earliest, in_words
from linkbalancer.engine.supervision import (
    AGENT,
    ASIDE,
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
    State,
    StopRequested,
    Tick,
    Word,
)


@dataclass(slots=True)
class Child:
    """One child: its state, its recent deaths, and whether it is still `wanted` and of the present configuration."""

    state: State
    deaths: deque[Instant]
    delay: Duration = 0
    wanted: bool = True
    stale: bool = False


@dataclass(slots=True)
class Watchdog:
    """The machine; `children` and `phase` may be read by anybody."""

    patience: Patience = field(default_factory=Patience)
    children: dict[str, Child] = field(default_factory=dict)
    phase: Phase = Phase.STARTING
    configured: bool = False
    _once_more: bool = False
    _agent_was_ready: bool = False

    def handle(self, now: Instant, event: Event) -> list[Effect]:
        """Take one event; return what the supervisor must do, in order."""
        effects = self._judge(now, event)
        effects += self._start_due(now)
        if self.phase in {Phase.STARTING, Phase.RELOADING} and self._complete():
            effects += self._enter(Phase.READY)
        if self._once_more and self._may_reload():
            effects += self._reload(now)
            effects += self._start_due(now)
        return effects

    def deadline(self) -> Instant | None:
        """Return when the next child is due for something; children that wait for a zygote are not."""
        return earliest(*(self._due(name, child) for name, child in self.children.items()))

    def healthy(self) -> bool:
        """Return whether the service can still mend itself: the agent is not left down, and what is killed dies."""
        agent = self.children.get(AGENT)
        return not (agent is not None and _is_resting(agent.state)) and not any(
            child.state == Killed(None) for name, child in self.children.items() if name not in ASIDE
        )

    def summary(self) -> str:
        """Return one line on the whole service, for people."""
        down = sorted(name for name, child in self.children.items() if not isinstance(child.state, Running))
        return f"{self.phase}: {len(self.children) - len(down)} processes at work" + (
            f", not at work: {', '.join(down)}" if down else ""
        )

    def _judge(self, now: Instant, event: Event) -> list[Effect]:
        match event:
            case Started():
                self._add(now, ZYGOTE)
                return []
            case Configured(name, workers):
                return self._configured(now, name, workers)
            case Ready(name):
                return self._ready(now, name)
            case Beat(name):
                return self._beat(now, name)
            case Died(name, status):
                return self._died(now, name, status)
            case Resumed():
                return self._forgive(now)
            case ReloadRequested():
                return self._reload(now)
            case StopRequested():
                return self._stop(now)
            case Tick():
                return [effect for name in tuple(self.children) for effect in self._overdue(now, name)]
            case _:
                assert_never(event)

    # -- births --------------------------------------------------------------------------------------------------------

    def _add(self, now: Instant, name: str) -> None:
        self.children[name] = Child(Down(now), deque(maxlen=self.patience.deaths))

    def _may_start(self, name: str) -> bool:
        """A worker needs a zygote; an application also an agent that has been ready once, so that it finds the feed."""
        if self.phase is Phase.STOPPING:
            return False
        if name in {ZYGOTE, CANDIDATE}:
            return True
        zygote = self.children.get(ZYGOTE)
        born = zygote is not None and isinstance(zygote.state, Running)
        return born and (name == AGENT or name in ASIDE or self._agent_was_ready)

    def _start_due(self, now: Instant) -> list[Effect]:
        effects: list[Effect] = []
        for name, child in self.children.items():
            if isinstance(child.state, Down) and child.state.start_at <= now and self._may_start(name):
                child.state = Starting(now + self.patience.birth)
                effects.append(Spawn(name))
        return effects

    def _due(self, name: str, child: Child) -> Instant | None:
        match child.state:
            case Down(start_at):
                return start_at if self._may_start(name) else None
            case Starting(due) | Leaving(due) | Killed(due) | Running(_, due):
                return due
            case _:
                assert_never(child.state)

    def _complete(self) -> bool:
        """Everything works, or is known to be left down; the agent must work."""
        agent = self.children.get(AGENT)
        return (
            agent is not None
            and isinstance(agent.state, Running)
            and all(
                not child.stale and (isinstance(child.state, Running) or _is_resting(child.state))
                for child in self.children.values()
            )
        )

    def _enter(self, phase: Phase) -> list[Effect]:
        self.phase = phase
        return [Became(phase)]

    # -- words of the children -----------------------------------------------------------------------------------------

    def _beat(self, now: Instant, name: str) -> list[Effect]:
        child = self.children.get(name)
        if child is not None and isinstance(child.state, Running):
            child.state = Running(child.state.since, now + self.patience.silence)
        return []

    def _ready(self, now: Instant, name: str) -> list[Effect]:
        child = self.children.get(name)
        if child is None or not isinstance(child.state, Starting):
            return []  # it was told to end meanwhile
        child.state = Running(now, now + self.patience.silence)
        if name != AGENT:
            return []
        self._agent_was_ready = True
        return [effect for other, app in self.children.items() if app.stale for effect in self._renew(now, other)]

    def _configured(self, now: Instant, name: str, workers: tuple[str, ...]) -> list[Effect]:
        child = self.children.get(name)
        if child is None or not isinstance(child.state, Starting):
            return []  # it was killed meanwhile
        self._ready(now, name)
        if name == CANDIDATE:
            self.children[ZYGOTE] = self.children.pop(CANDIDATE)
            for worker, other in self.children.items():
                other.stale = worker != ZYGOTE
            return [
                Kill(ZYGOTE),
                Promote(),
                Say(ZYGOTE, "the new configuration is good and takes over"),
                *self._enter(Phase.RELOADING),
                *self._employ(now, workers),
                *(self._renew(now, AGENT)),
            ]
        if not self.configured:
            self.configured = True
            return self._employ(now, workers)
        return []  # the same configuration, read again after the zygote's death

    def _employ(self, now: Instant, workers: tuple[str, ...]) -> list[Effect]:
        """Have these workers and no others."""
        effects: list[Effect] = []
        for worker in tuple(self.children):
            if worker not in {ZYGOTE, *workers}:
                effects += self._dismiss(now, worker, Word.END, self.patience.obey)
        for worker in workers:
            if worker not in self.children:
                self._add(now, worker)
            self.children[worker].wanted = True
        return effects

    # -- ends ----------------------------------------------------------------------------------------------------------

    def _renew(self, now: Instant, name: str) -> list[Effect]:
        """Make room for a successor of the new configuration; who is going already comes back as one anyway."""
        child = self.children[name]
        child.stale = False
        match child.state:
            case Running():
                child.state = Leaving(now + self.patience.obey)
                return [Ask(name, Word.RENEW)]
            case Starting():
                return self._kill(now, name)
            case Down():
                child.state = Down(now)
                return []
            case Leaving() | Killed():
                return []
            case _:
                assert_never(child.state)

    def _dismiss(self, now: Instant, name: str, word: Word, patience: Duration) -> list[Effect]:
        """End a child that is wanted no more: asked where it can hear, killed where it cannot yet."""
        child = self.children[name]
        child.wanted = child.stale = False
        match child.state:
            case Running():
                child.state = Leaving(now + patience)
                return [Ask(name, word)]
            case Starting():
                return self._kill(now, name)
            case Down():
                del self.children[name]
                return []
            case Leaving() | Killed():
                return []
            case _:
                assert_never(child.state)

    def _kill(self, now: Instant, name: str) -> list[Effect]:
        self.children[name].state = Killed(now + self.patience.death)
        return [Kill(name)]

    def _overdue(self, now: Instant, name: str) -> list[Effect]:
        child = self.children[name]
        match child.state:
            case Starting(due) if due <= now:
                return [Say(name, "did not come up in time: killed", grave=True), *self._kill(now, name)]
            case Running(_, due) if due <= now:
                silent = in_words(now - due + self.patience.silence)
                return [Say(name, f"silent for {silent}: killed", grave=True), *self._kill(now, name)]
            case Leaving(due) if due <= now:
                return [Say(name, "did not end in time: killed", grave=True), *self._kill(now, name)]
            case Killed(due) if due is not None and due <= now:
                child.state = Killed(None)
                return [Say(name, "was killed and does not die: the kernel holds it", grave=True)]
            case _:
                return []

    def _died(self, now: Instant, name: str, status: int) -> list[Effect]:
        child = self.children.get(name)
        if child is None:
            return []
        if self.phase is Phase.STOPPING:
            del self.children[name]
            return self._stop_next(now)
        if name == CANDIDATE:
            del self.children[name]
            return [Say(name, f"{_why(status)}: the old configuration stays in force", grave=True)]
        if name == ZYGOTE and status == REFUSED and not self.configured:
            return [Exit(REFUSED)]
        if not child.wanted:
            del self.children[name]
            return []
        if isinstance(child.state, Leaving):
            child.state = Down(now)
            return []
        return self._bury(now, name, child, status)

    def _bury(self, now: Instant, name: str, child: Child, status: int) -> list[Effect]:
        """Say when an unexpectedly dead child comes back."""
        patience = self.patience
        if isinstance(child.state, Running) and now - child.state.since >= patience.health:
            child.delay = 0
        child.deaths.append(now)
        if len(child.deaths) == patience.deaths and now - child.deaths[0] < patience.window:
            child.deaths.clear()
            child.state = Down(now + patience.rest, resting=True)
            text = f"{_why(status)}; died {patience.deaths} times within {in_words(patience.window)}: left down for "
            return [Say(name, text + in_words(patience.rest), grave=True)]
        child.state = Down(now + child.delay)
        text = f"{_why(status)}; comes back " + (f"in {in_words(child.delay)}" if child.delay else "at once")
        child.delay = min(max(2 * child.delay, patience.delay), patience.delay_max)
        return [Say(name, text, grave=True)]

    # -- the whole service ---------------------------------------------------------------------------------------------

    def _forgive(self, now: Instant) -> list[Effect]:
        for child in self.children.values():
            if isinstance(child.state, Running):
                child.state = Running(child.state.since, now + self.patience.silence)
        return []

    def _reload(self, now: Instant) -> list[Effect]:
        """Read the configuration again, now or as soon as that can be done."""
        if self.phase is Phase.STOPPING:
            return [Say(CANDIDATE, "cannot reload now: the service is stopping", grave=True)]
        self._once_more = not self._may_reload()
        if self._once_more:
            busy = "reading it already" if CANDIDATE in self.children else self.phase
            return [Say(CANDIDATE, f"the configuration is read once more after this: the service is {busy}")]
        self._add(now, CANDIDATE)
        return [Say(CANDIDATE, "reading the configuration again")]

    def _may_reload(self) -> bool:
        return self.phase is Phase.READY and CANDIDATE not in self.children

    def _stop(self, now: Instant) -> list[Effect]:
        if self.phase is Phase.STOPPING:
            names = [name for name, child in self.children.items() if not isinstance(child.state, Killed)]
            return [effect for name in names for effect in self._kill(now, name)]
        return [*self._enter(Phase.STOPPING), *self._stop_next(now)]

    def _stop_next(self, now: Instant) -> list[Effect]:
        """End the agent first (applications steer until it has handed over), then them, those aside, the zygotes."""
        effects: list[Effect] = []
        for stage in (self._names(AGENT), self._applications(), self._names(*ASIDE), self._names(ZYGOTE, CANDIDATE)):
            for name in stage:
                word, patience = (Word.LEAVE, self.patience.leave) if name == AGENT else (Word.END, self.patience.obey)
                effects += self._dismiss(now, name, word, patience)
            if any(name in self.children for name in stage):
                return effects
        return [*effects, Exit(0)]

    def _names(self, *names: str) -> list[str]:
        return [name for name in names if name in self.children]

    def _applications(self) -> list[str]:
        return [name for name in self.children if name not in {AGENT, ZYGOTE, CANDIDATE, *ASIDE}]


def _why(status: int) -> str:
    return f"ended by signal {-status}" if status < 0 else f"ended with status {status}"


def _is_resting(state: State) -> bool:
    return isinstance(state, Down) and state.resting
