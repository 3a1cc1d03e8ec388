"""What people have this gateway do, told to the history: configurations and what became of them, drains and their end.

The supervisor and the agent tell what they did about it, and refusals; what it was and how it ended, the api's process.
"""

from collections.abc import Mapping, Sequence
from typing import Any, Final, Protocol

from linkbalancer.clock import MILLISECOND, Duration, in_words

SERVICE: Final = "service"
"""What the supervisor calls the whole of it."""

CONFIGURATION: Final = "config"
DRAIN: Final = "drain"


class Tell(Protocol):
    """`Recording.tell`, as far as it is used here."""

    def __call__(self, kind: str, text: str, /, *, follows: Mapping[str, str | int | list[str]] | None = ...) -> object:
        """Have something remembered."""


def tell_nobody(kind: str, text: str, /, *, follows: Mapping[str, str | int | list[str]] | None = None) -> None:
    """Be the `Tell` of somebody who has no history."""


class Deeds:
    """The words for it."""

    def __init__(self, tell: Tell = tell_nobody) -> None:
        self._tell = tell

    # -- configurations ------------------------------------------------------------------------------------------------

    def applied(self, in_force: Mapping[str, Any], summary: str) -> None:
        """Tell of a configuration that came into force (as `Keeper.configuration` tells of it)."""
        left = in_force["confirm_left_ms"]
        trial = "" if left is None else f", on trial for {in_words(left * MILLISECOND)}"
        lines = f": {summary}" if summary else ""
        number = in_force["entry"]
        which = "a configuration that could not be kept" if number is None else f"configuration {number}"
        text = f"{which} came into force ({in_force['how']} by {in_force['who']}{trial}){lines}"
        self._tell(CONFIGURATION, text, follows={"teller": "supervisor", "subject": SERVICE})

    def back(self, number: int | None) -> None:
        """Tell that a trial is over, and what is in force again."""
        text = f"configuration {number} is in force again"
        self._tell(CONFIGURATION, text, follows={"teller": "supervisor", "subject": SERVICE})

    def confirmed(self, number: int, who: str) -> None:
        """Tell that a trial has ended well."""
        self._tell(CONFIGURATION, f"configuration {number} confirmed by {who}")

    def taken_back(self, number: int, reason: str) -> None:
        """Tell that a trial has ended, and why; what is in force instead is told when it is."""
        self._tell(CONFIGURATION, f"configuration {number} is taken back: {reason}")

    # -- drains --------------------------------------------------------------------------------------------------------

    def drained(self, subject: str, unserved: Sequence[int | str], took: Duration) -> None:
        """Tell that a drain counts from now on: what it moved is gone from here."""
        left = f"; no other gateway has taken VID {', '.join(map(str, unserved))}" if unserved else ""
        self._tell(DRAIN, f"{subject} stays drained, after {in_words(took)}{left}", follows=_order(subject))

    def not_drained(self, subject: str, why: str) -> None:
        """Tell that a drain was taken back."""
        self._tell(DRAIN, f"{subject} is not drained: {why}", follows=_order(subject))


def _order(subject: str) -> dict[str, str | int | list[str]]:
    return {"kind": "drained", "subject": subject}
