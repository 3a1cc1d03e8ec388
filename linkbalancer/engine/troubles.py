"""Which plug-ins nothing can be had of, as records: one when it begins, one when all is well again."""

from collections.abc import Iterable

from linkbalancer.clock import SECOND, Duration, Instant
from linkbalancer.engine.effects import Record
from linkbalancer.weights.question import Key, Reply

QUIET: Duration = 60 * SECOND
"""At most so often one plug-in's troubles begin: one that fails at every second question is no flood of records."""


class Troubles:
    """The plug-ins of a gateway."""

    def __init__(self) -> None:
        self._about: dict[str, set[Key]] = {}
        self._said: dict[str, Instant] = {}
        self._open: set[str] = set()

    def take(self, now: Instant, replies: Iterable[Reply]) -> list[Record]:
        """Take in answers; return what is to be said."""
        words: dict[str, str] = {}
        for reply in replies:
            about = self._about.setdefault(reply.name, set())
            key = reply.link, reply.group
            (about.add if reply.answer.trouble else about.discard)(key)
            words[reply.name] = words.get(reply.name) or reply.answer.trouble
        return [record for name, trouble in words.items() for record in self._changed(now, name, trouble)]

    def _changed(self, now: Instant, name: str, trouble: str) -> Iterable[Record]:
        said = self._said.get(name)
        if name in self._open and not self._about[name]:
            self._open.discard(name)
            yield Record("plugin", f"plug-in {name}", "answers again")
        elif trouble and name not in self._open and (said is None or now - said >= QUIET):
            self._open.add(name)
            self._said[name] = now
            yield Record("plugin", f"plug-in {name}", f"{trouble}; what it weighs is unknown until it answers")
