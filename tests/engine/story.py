"""A watchdog with a clock, and what is asked of it."""

from linkbalancer.clock import Instant
from linkbalancer.engine.orders import Kind, Request, Result
from linkbalancer.engine.patience import Patience
from linkbalancer.engine.supervision import AGENT, Effect, Event, Requested, Resumed, Say, Tell, Tick
from linkbalancer.engine.watchdog import Watchdog

WEB, DNS = "app:web", "app:dns"
SPECS = {AGENT: "a", WEB: "w"}
NEW = {AGENT: "a2", WEB: "w"}


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


def reload(number: int = 1, **words: object) -> Requested:
    """Return a request for a reload."""
    return Requested(request(number, **words))


def request(number: int = 1, **words: object) -> Request:
    """Return a reload as its asker words it."""
    return Request({"id": f"r{number}", "how": "apply", "who": "anna", **words})


UPGRADE = Request({"id": "u1", "how": "upgrade", "who": "root"}, Kind.UPGRADE)


def told(effects: list[Effect]) -> list[tuple[str, Result]]:
    """Return the outcomes that are told."""
    return [(effect.outcome.id, effect.outcome.result) for effect in effects if isinstance(effect, Tell)]
