"""What the plug-ins of one link have been asked and have answered; an answer stands until there is another one."""

from collections.abc import Callable, Iterable, Mapping

from linkbalancer.clock import SECOND, Duration, Instant, in_words
from linkbalancer.links import GroupId, LinkName
from linkbalancer.weights.plugin import Plugged
from linkbalancer.weights.question import Question, Reply
from linkbalancer.weights.settings import WeigherSettings
from linkbalancer.weights.view import Answer, View

PATIENCE: Duration = 5 * SECOND
"""A question that was answered by nothing for so long is mentioned: nobody may be there to ask the plug-in."""

_NONE: Mapping[str, Answer] = {}


class Counsel:
    """Every plug-in that weighs the link for some VID, and what it said."""

    def __init__(self, settings: WeigherSettings) -> None:
        self._link: LinkName = settings.link
        self._plugged: dict[GroupId, tuple[Plugged, ...]] = {
            group: one.plugged for group, one in settings.groups.items() if one.plugged
        }
        self._answers: dict[GroupId, dict[str, Answer]] = {group: {} for group in self._plugged}
        self._asked: dict[tuple[GroupId, str], View] = {}
        self._since: dict[tuple[GroupId, str], Instant] = {}

    def __bool__(self) -> bool:
        """Tell whether there is any plug-in."""
        return bool(self._plugged)

    def of(self, group: GroupId) -> Mapping[str, Answer]:
        """Return the last answer of each plug-in about a VID."""
        return self._answers.get(group, _NONE)

    def answered(self, replies: Iterable[Reply]) -> None:
        """Take in answers; one to what was never asked is none."""
        for reply in replies:
            if (reply.group, reply.name) in self._asked:
                self._answers[reply.group][reply.name] = reply.answer
                self._since.pop((reply.group, reply.name), None)

    def questions(self, now: Instant, view: Callable[[GroupId], View]) -> tuple[Question, ...]:
        """Return what is to be asked: each plug-in about each VID of which something is seen otherwise."""
        found = []
        for group, some in self._plugged.items():
            seen = view(group)
            for one in some:
                shown = one.shown(seen)
                if self._asked.get((group, one.name)) != shown:
                    self._asked[group, one.name] = shown
                    self._since.setdefault((group, one.name), now)
                    found.append(Question(self._link, one.name, shown))
        return tuple(found)

    def missing(self, now: Instant, group: GroupId) -> tuple[str, ...]:
        """Say which plug-ins have not answered for long."""
        waits = ((one.name, self._since.get((group, one.name))) for one in self._plugged.get(group, ()))
        return tuple(
            f"{name} has not answered for {in_words(now - since)}"
            for name, since in waits
            if since is not None and now - since >= PATIENCE
        )
