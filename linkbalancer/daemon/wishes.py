"""The reloads that are wished for: each is asked of the supervisor, and its outcome told to who asked for it."""

import uuid
from collections.abc import Callable, Mapping
from typing import Any

from linkbalancer.daemon.configurations import Configurations, NotKeptError
from linkbalancer.daemon.requests import Request

WAITING_MAX = 64
"""Requests whose outcome is awaited."""


class Wishes:
    """What is asked for and has not ended; true while there is any.

    Args:
        kept: where is kept what is to be applied on trial.
        reload: asks the supervisor; False where it does not listen.
    """

    def __init__(self, kept: Configurations, reload: Callable[[dict[str, Any]], bool]) -> None:
        self._kept, self._reload = kept, reload
        self._waiting: dict[str, Request | None] = {}

    def __len__(self) -> int:
        return len(self._waiting)

    def ask(self, wish: Mapping[str, Any], who: str, asked: Request | None) -> str | None:
        """Ask for a reload; return its name, None where it cannot be asked for."""
        name = f"{asked.arguments.get('id') or uuid.uuid4().hex}"[:64] if asked is not None else uuid.uuid4().hex
        request = {"id": name, "entry": None, "confirm_s": None, "again": False, **wish, "who": who}
        if len(self._waiting) >= WAITING_MAX or name in self._waiting:
            if asked is not None:
                asked.refuse("busy", "too many changes are under way", "ask again in a moment")
            return None
        self._waiting[name] = asked
        if self._reload(request):
            return name
        del self._waiting[name]
        if asked is not None:
            asked.refuse("unavailable", "the supervisor does not listen", "ask again in a moment")
        return None

    def over(self, name: str) -> Request | None:
        """Forget a wish that has ended; return who asked."""
        return self._waiting.pop(name, None)

    def intend(self, wish: Mapping[str, Any] | None, asked: Request | None = None) -> bool:
        """Keep what is to be applied on trial for the case that everybody dies; False where that cannot be."""
        try:
            self._kept.intend(wish)
        except NotKeptError as error:
            if asked is not None:
                asked.refuse("refused", f"the trial cannot be kept: {error}", "make room, then apply it again")
            return False
        return True


def tell(asked: Request, told: Mapping[str, Any], *, good: bool) -> None:
    """Tell who asked for a reload how it has ended."""
    if good:
        asked.answer(dict(told))
    else:
        lines = told["lines"]
        asked.refuse("refused", lines[0] if lines else "it did not come into force; see the log", **told)
