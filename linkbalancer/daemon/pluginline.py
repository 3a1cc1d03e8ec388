"""The line between the agent and whoever asks plug-ins for it: questions one way, replies the other, as JSON.

One message of questions is under way at most: the asker gives leave for the next one by whatever it says, an empty list
at least. So nothing is queued, and of questions about the same the newest is asked.
"""

import json
from collections.abc import Iterable, Sequence
from typing import Final

from linkbalancer.weights.question import Question, Reply

SOCKET: Final = "weights.sock"

LIMIT: Final = 128 << 10
"""Bytes of a message."""

QUESTIONS: Final = 32
"""Questions of a message at most: one is a kilobyte or two."""

REPLIES: Final = 128


def encode(some: Iterable[Question | Reply]) -> bytes:
    """Return a message."""
    return json.dumps([one.to_json() for one in some], separators=(",", ":")).encode()


def questions(message: bytes) -> list[Question] | None:
    """Return what a message asks, None where it makes no sense."""
    try:
        return [Question.from_json(one) for one in json.loads(message)]
    except (ArithmeticError, AttributeError, LookupError, RecursionError, TypeError, ValueError):
        return None


def replies(message: bytes) -> Sequence[Reply] | None:
    """Return what a message says, None where it makes no sense."""
    try:
        return tuple(Reply.from_json(one) for one in json.loads(message))
    except (ArithmeticError, AttributeError, LookupError, RecursionError, TypeError, ValueError):
        return None
