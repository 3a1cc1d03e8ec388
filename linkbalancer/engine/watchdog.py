"""The supervisor's mind: which of its children lives, is silent, is due to be started, or is left down for a while.

Children have names: the zygote, from which the others are forked; the agent; one `app:<name>` an application. A child
speaks (`Beat`) or is silent; a silent one is killed *before* its replacement is asked for, so that what was merely
stopped never speaks again once thawed. A dead zygote is replaced without touching its offspring.

A new configuration is read by a second zygote, the candidate. Workers whose spec it changes are replaced and nobody
else: the agent by a successor (`agent+`), which the candidate forks while the agent works on and which takes everything
over from it. Only when the successor is ready does the candidate become the zygote; whatever fails before that leaves
all as it was. A new program is tried in a child first (the trial).
"""

from collections import deque
from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field
from typing import assert_never

from linkbalancer.clock import Instant, earliest, in_words
from linkbalancer.engine.children import Child, Children, ended, is_resting
from linkbalancer.engine.orders import Kind, Orders, Outcome, Request, Result
from linkbalancer.engine.patience import Patience
from linkbalancer.engine.supervision import (
    AGENT,
    API,
    ASIDE,
    CANDIDATE,
    NOTIFIER,
    PASSING,
    REFUSED,
    SUCCESSOR,
    TRIAL,
    ZYGOTE,
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
    NotReplaced,
    Phase,
    Promote,
    Ready,
    Refused,
    Replace,
    Requested,
    RestartRequested,
    Resumed,
    Running,
    Say,
    Spawn,
    Started,
    Starting,
    StopRequested,
    Succeed,
    Tell,
    Tick,
)

TRIES = 2
"""How often a reload is begun: once more when the agent died of its own while its successor was coming up."""

UNTOLD = 64
"""Outcomes kept at most for an api that is not there."""

LINES = 3
"""How many lines of an outcome go to the log; who asked gets all of them."""

NAMES = 8
"""How many names a line gives."""

SERVICE = "service"
PLAINLY = {CANDIDATE: "the reading", SUCCESSOR: "the agent's successor", TRIAL: "the new program"}


@dataclass(slots=True)
class Watchdog:
    """The machine; `children`, `phase` and `orders` may be read by anybody."""

    patience: Patience = field(default_factory=Patience)
    children: Children = field(init=False)
    phase: Phase = Phase.STARTING
    orders: Orders = field(default_factory=Orders)
    specs: Mapping[str, str] = field(default_factory=dict)
    _offered: Configured | None = None
    _why: tuple[str, ...] = ()
    _done: tuple[str, ...] = ()
    _last: str = ""
    _untold: deque[Outcome] = field(default_factory=lambda: deque(maxlen=UNTOLD))
    _agent_was_ready: bool = False
    _stop_then: bool = False

    def __post_init__(self) -> None:
        """Have no children yet."""
        self.children = Children(self.patience)

    def handle(self, now: Instant, event: Event) -> list[Effect]:
        """Take one event; return what the supervisor must do, in order."""
        effects = self._judge(now, event)
        if isinstance(event, Beat):
            return effects  # a hundred processes say it twice a second each, and nothing follows from it
        effects += self._start_due(now)
        if self.phase in {Phase.STARTING, Phase.RELOADING} and self._complete():
            effects += [*self._enter(Phase.READY), *self._conclude(now, Result.APPLIED, self._done)]
            if self._stop_then:
                effects += self._stop(now)
        if self.phase is Phase.READY and self.children.keys().isdisjoint(PASSING):
            effects += [*self._begin(now), *self._start_due(now)]
        return effects

    def deadline(self) -> Instant | None:
        """Return when the next child is due for something; children that wait for a zygote are not."""
        return earliest(*(self._due(name, child) for name, child in self.children.items()))

    def healthy(self) -> bool:
        """Return whether the service can still mend itself: the agent is not left down, and what is killed dies."""
        agent = self.children.get(AGENT)
        return not (agent is not None and is_resting(agent.state)) and not any(
            child.state == Killed(None) for child in self.children.values()
        )

    def summary(self) -> str:
        """Return one line on the whole service, for people."""
        down = sorted(name for name, child in self.children.items() if not isinstance(child.state, Running))
        return f"{self.phase}: {len(self.children) - len(down)} processes at work" + (
            (f", not at work: {', '.join(down)}" if down else "") + (f"; {self._last}" if self._last else "")
        )

    def _judge(self, now: Instant, event: Event) -> list[Effect]:
        match event:
            case Started(run, lines, waiting):
                self.orders.current, self._done = run, lines
                self.orders.waiting.extend(waiting)
                self.children.add(now, ZYGOTE)
                return []
            case Configured() | Refused() | Ready() | Beat() | Died():
                return self._hear(now, event)
            case Resumed():
                self.children.forgive(now)
                return []
            case Requested(request):
                return self._requested(now, request)
            case NotReplaced(why):
                return self._conclude(now, Result.FAILED, (why,))
            case StopRequested():
                return self._stop_requested(now)
            case RestartRequested():
                return self._restart(now)
            case Tick():
                return [effect for name in tuple(self.children) for effect in self._overdue(now, name)]
            case _:
                assert_never(event)

    def _hear(self, now: Instant, event: Configured | Refused | Ready | Beat | Died) -> list[Effect]:
        match event:
            case Configured():
                return self._configured(now, event)
            case Refused(_, lines):
                self._why += lines
                return []
            case Ready(name):
                return self._ready(now, name)
            case Beat(name):
                self.children.beat(now, name)
                return []
            case Died(name, status):
                return self._died(now, name, status)
            case _:
                assert_never(event)

    # -- births --------------------------------------------------------------------------------------------------------

    def _may_start(self, name: str) -> bool:
        """A worker needs a zygote; an application also an agent that has been ready once, so that it finds the feed.

        A successor needs the candidate, and an agent that has made up its mind: one that works, or one that is down.
        """
        if self.phase is Phase.STOPPING:
            return False
        if name in {ZYGOTE, CANDIDATE, TRIAL}:
            return True
        if name == SUCCESSOR:
            return self.children.runs(CANDIDATE) and isinstance(self.children[AGENT].state, Running | Down)
        if name == AGENT and SUCCESSOR in self.children:
            return False
        return self.children.runs(ZYGOTE) and (name == AGENT or name in ASIDE or self._agent_was_ready)

    def _start_due(self, now: Instant) -> list[Effect]:
        effects: list[Effect] = []
        for name, child in self.children.items():
            if isinstance(child.state, Down) and child.state.start_at <= now and self._may_start(name):
                child.state = Starting(now + self.patience.birth)
                run = self.orders.current if name in PASSING else None
                effects.append(Spawn(name, None if run is None else run.request))
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
        """Everything works, or is known to be left down; the agent must work, and nothing passing is about."""
        return (
            self.children.runs(AGENT)
            and self.children.keys().isdisjoint(PASSING)
            and all(isinstance(child.state, Running) or is_resting(child.state) for child in self.children.values())
        )

    def _enter(self, phase: Phase) -> list[Effect]:
        self.phase = phase
        return [Became(phase)]

    # -- words of the children -----------------------------------------------------------------------------------------

    def _ready(self, now: Instant, name: str) -> list[Effect]:
        child = self.children.get(name)
        if child is None or not isinstance(child.state, Starting):
            return []  # it was told to end meanwhile
        child.state = Running(now, now + self.patience.between_beats(name))
        if name == SUCCESSOR:
            return self._commit(now)
        self._agent_was_ready |= name == AGENT
        untold = [*self._untold] if name == API else []
        if untold:
            self._untold.clear()
        return [Tell(outcome) for outcome in untold]

    def _configured(self, now: Instant, offer: Configured) -> list[Effect]:
        child = self.children.get(offer.name)
        if child is None or not isinstance(child.state, Starting):
            return []  # it was killed meanwhile
        self._ready(now, offer.name)
        if offer.name == CANDIDATE:
            return self._offer(now, offer)
        if not self.specs:
            self.specs = offer.specs
            return self._employ(now)
        return []  # the same configuration, read again after the zygote's death

    def _employ(self, now: Instant) -> list[Effect]:
        """Have the workers of the specs and no others."""
        effects: list[Effect] = []
        for worker in tuple(self.children):
            if worker not in {ZYGOTE, *self.specs}:
                effects += self.children.dismiss(now, worker, *self.patience.for_end(worker))
        for worker in self.specs:
            if worker not in self.children:
                self.children.add(now, worker)
            self.children[worker].wanted = True
        return effects

    # -- a new configuration, a new program ----------------------------------------------------------------------------

    def _requested(self, now: Instant, request: Request) -> list[Effect]:
        """Have a request wait for its turn; it begins at once when nothing else goes on."""
        if self.phase is Phase.STOPPING:
            why = "the service is stopping"
        elif self.orders.ask(now, request):
            idle = self.phase is Phase.READY and self.orders.current is None
            waits = "" if idle else f" waits: the service is {self.phase}"
            return [Say(SERVICE, f"{request.name} is asked for" + waits)]
        else:
            why = "too many requests wait already"
        refusal = Outcome(request.id, Result.REFUSED, (why,), {}, 0)
        return [Say(SERVICE, f"{request.name} is refused: {why}", grave=True), *self._tell([refusal])]

    def _begin(self, now: Instant) -> list[Effect]:
        """Begin the next run, if one waits."""
        run = self.orders.begin()
        if run is not None:
            self._offered, self._why, self._done = None, (), ()
            self.children.add(now, TRIAL if run.request.kind is Kind.UPGRADE else CANDIDATE)
        return []

    def _offer(self, now: Instant, offer: Configured) -> list[Effect]:
        """Take a good configuration: nothing to do, a successor to wait for, or in force at once."""
        self._offered = offer
        if offer.specs == self.specs:
            effects = self._promote(now)
            return [*effects, *self._conclude(now, Result.UNCHANGED, ("nothing that matters has changed",))]
        begun = self._enter(Phase.RELOADING)
        if offer.specs.get(AGENT) == self.specs.get(AGENT):
            return [*begun, *self._commit(now)]
        self.children.add(now, SUCCESSOR)
        return begun

    def _commit(self, now: Instant) -> list[Effect]:
        """Put the new configuration in force: replace whoever is of another spec, end whoever is wanted no more."""
        assert self._offered is not None
        effects: list[Effect] = []
        if SUCCESSOR in self.children:
            effects += self._succeed()
        effects += self._promote(now)
        before, self.specs = self.specs, self._offered.specs
        changed = [name for name, spec in self.specs.items() if before.get(name, spec) != spec]
        new = [name for name in self.specs if name not in before]
        gone = [name for name in before if name not in self.specs]
        told = (("replaced", changed), ("added", new), ("removed", gone))
        self._done = tuple(f"{what}: {_some(names)}" for what, names in told if names)
        effects += self._employ(now)
        return effects + [effect for name in changed if name != AGENT for effect in self.children.renew(now, name)]

    def _promote(self, now: Instant) -> list[Effect]:
        """Make the candidate the zygote; where it died meanwhile, another one comes up of what it had read."""
        candidate = self.children.pop(CANDIDATE, None)
        if candidate is None:
            self.children.add(now, ZYGOTE)
        else:
            self.children[ZYGOTE] = candidate
        return [Kill(ZYGOTE), Promote()]

    def _succeed(self) -> list[Effect]:
        """Make the successor the agent; the old one has said its last word, whether it has ended yet or not."""
        ends: list[Effect] = [] if isinstance(self.children[AGENT].state, Down) else [Kill(AGENT)]
        self.children[AGENT] = self.children.pop(SUCCESSOR)
        return [*ends, Succeed()]

    def _conclude(self, now: Instant, result: Result, lines: tuple[str, ...]) -> list[Effect]:
        """End the run that goes on, if one does, and say how it ended."""
        run = self.orders.current
        if run is None:
            return []
        notice = {} if self._offered is None else self._offered.notice
        outcomes = self.orders.conclude(now, result, lines, notice)
        grave = result in {Result.REFUSED, Result.FAILED}
        self._last = f"{run.request.name}: {result}" + (f": {lines[0]}" if grave and lines else "")
        text = f"{run.request.name}: {result} after {in_words(now - run.askers[0][1])}"
        said = Say(SERVICE, "; ".join((text, *lines[:LINES])), grave=grave)
        return [said, *self._tell(outcomes)]

    def _tell(self, outcomes: list[Outcome]) -> list[Effect]:
        if self.children.runs(API):
            return [Tell(outcome) for outcome in outcomes]
        self._untold += outcomes
        return []

    def _passed_away(self, now: Instant, name: str, status: int) -> list[Effect]:
        """Judge the end of a child that was there for the run that goes on only."""
        child = self.children.pop(name)
        if name == TRIAL and status == 0 and child.wanted and self.orders.current is not None:
            return [Replace(self.orders.current)]
        if name == CANDIDATE and self.children.comes(SUCCESSOR):
            return [Say(name, f"{ended(status)}; its successor of the agent goes on", grave=True)]
        effects = self.children.drop(now, CANDIDATE)
        if name == CANDIDATE:
            effects += self.children.drop(now, SUCCESSOR)
        if not child.wanted:
            return effects
        refused = name == TRIAL or (name == CANDIDATE and status == REFUSED)
        result = Result.REFUSED if refused else Result.FAILED
        why = self._why or (f"{PLAINLY[name]} {ended(status)}",)
        return [*effects, *self._conclude(now, result, (*why, "everything is as it was"))]

    # -- ends ----------------------------------------------------------------------------------------------------------

    def _overdue(self, now: Instant, name: str) -> list[Effect]:
        effects = self.children.overdue(now, name)
        if name in PASSING:
            self._why += tuple(f"{PLAINLY[name]}: {effect.text}" for effect in effects if isinstance(effect, Say))
        return effects

    def _died(self, now: Instant, name: str, status: int) -> list[Effect]:
        child = self.children.get(name)
        if child is None:
            return []
        if self.phase is Phase.STOPPING:
            del self.children[name]
            return self._stop_next(now)
        if name in PASSING:
            return self._passed_away(now, name, status)
        if name == ZYGOTE and status == REFUSED and not self.specs:
            return [Exit(REFUSED)]
        if not child.wanted:
            del self.children[name]
            return []
        if isinstance(child.state, Leaving):
            child.state = Down(now)
            return []
        if name == AGENT and self.children.comes(SUCCESSOR):
            return self._lost_agent(now, child, status)
        return self.children.bury(now, name, child, status)

    def _lost_agent(self, now: Instant, child: Child, status: int) -> list[Effect]:
        """Judge an agent that ends while its successor comes up: with 0 it has handed over, else it comes back."""
        if status == 0:
            child.state = Down(now)
            return []
        effects = self.children.bury(now, AGENT, child, status)
        run = self.orders.current
        if run is not None and run.tries < TRIES:
            self.orders.put_back()
        else:
            effects += self._conclude(now, Result.FAILED, (f"the agent {ended(status)} meanwhile",))
        return [*effects, *self.children.drop(now, SUCCESSOR), *self.children.drop(now, CANDIDATE)]

    # -- the whole service ---------------------------------------------------------------------------------------------

    def _stop_requested(self, now: Instant) -> list[Effect]:
        """Stop; an upgraded supervisor first takes over from the orphans, so that they leave in order too."""
        if self.phase is Phase.STARTING and self.orders.current is not None and not self._stop_then:
            self._stop_then = True
            return [Say(SERVICE, "stops as soon as the new program has taken over; once more: at once")]
        at_once = self._stop(now) if self._stop_then and self.phase is Phase.STARTING else []
        return [*at_once, *self._stop(now)]

    def _stop(self, now: Instant) -> list[Effect]:
        if self.phase is Phase.STOPPING:
            names = [name for name, child in self.children.items() if not isinstance(child.state, Killed)]
            return [effect for name in names for effect in self.children.kill(now, name)]
        return [*self._enter(Phase.STOPPING), *self._give_up(now), *self._stop_next(now)]

    def _give_up(self, now: Instant) -> list[Effect]:
        """Change nothing more; a successor that the agent has handed over to is the agent."""
        outcomes = self.orders.give_up(now, "the service is stopping")
        effects = self._tell(outcomes)
        if self.children.comes(SUCCESSOR) and isinstance(self.children[AGENT].state, Down):
            effects += self._succeed()
            self.children[AGENT].state = Running(now, now + self.patience.silence)
        for name in sorted(PASSING):
            effects += self.children.drop(now, name)
        return effects

    def _restart(self, now: Instant) -> list[Effect]:
        """End at once; agent and applications work on without us until the next supervisor's take over from them."""
        if self.phase is Phase.STOPPING:
            return [Say(SERVICE, "no restart: the service is stopping", grave=True)]
        return [*self._enter(Phase.STOPPING), *self._give_up(now), Exit(0, orphans=True)]

    def _stop_next(self, now: Instant) -> list[Effect]:
        """End the agent first (applications steer until it has handed over), then them, those aside, the zygote."""
        effects: list[Effect] = []
        for stage in (
            self._names(*PASSING),
            self._names(AGENT),
            self._applications(),
            self._names(NOTIFIER),
            self._names(*ASIDE),
            self._names(ZYGOTE),
        ):
            for name in stage:
                effects += self.children.dismiss(now, name, *self.patience.for_end(name))
            if any(name in self.children for name in stage):
                return effects
        return [*effects, Exit(0)]

    def _names(self, *names: str) -> list[str]:
        return [name for name in names if name in self.children]

    def _applications(self) -> list[str]:
        return [name for name in self.children if name not in {AGENT, ZYGOTE, *PASSING, *ASIDE}]


def _some(names: Sequence[str]) -> str:
    return ", ".join(names[:NAMES]) + (f" and {len(names) - NAMES} more" if len(names) > NAMES else "")
