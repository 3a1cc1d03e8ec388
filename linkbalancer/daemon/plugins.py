"""The agent's end of the plug-ins' line: questions go to the checker's process, what comes back is an event.

The agent waits for nothing: who is asked may never answer.
"""

from collections.abc import Callable, Iterable
from functools import partial
from pathlib import Path
from typing import TypeAlias

from linkbalancer.clock import Instant
from linkbalancer.daemon import pluginline
from linkbalancer.daemon.loop import Loop
from linkbalancer.daemon.partner import Partner
from linkbalancer.engine.effects import Ask
from linkbalancer.engine.events import Answered
from linkbalancer.weights.question import Key, Question

Take: TypeAlias = Callable[[Instant, Iterable[Answered]], None]

_OPERATION = "ask plug-ins"


class PluginServer:
    """Listens in the run directory.

    Args:
        loop: what turns.
        run_dir: where.
        take: told what plug-ins answer.
        complain: where goes what is wrong.
    """

    def __init__(self, loop: Loop, run_dir: Path, take: Take, complain: Callable[[str, str], None]) -> None:
        """Listen; raises OSError."""
        self._take, self._complain = take, complain
        self._questions: dict[tuple[str, Key], Question] = {}
        self._waiting: dict[tuple[str, Key], Question] = {}
        self._may_ask = False
        self._asker = Partner(
            loop,
            run_dir / pluginline.SOCKET,
            pluginline.LIMIT,
            greeting=self._greet,
            heard=self._hear,
            turned_away=partial(complain, _OPERATION),
        )
        self.keep, self.close = self._asker.keep, self._asker.close

    def ask(self, effect: Ask) -> None:
        """Have these asked as soon as may be."""
        some = {(question.name, question.key): question for question in effect.questions}
        self._questions |= some
        self._waiting |= some
        self._send()

    def _greet(self) -> bytes:
        """Ask whoever connects everything anew; its leave to do so comes first."""
        self._waiting, self._may_ask = dict(self._questions), False
        return pluginline.encode(())

    def _send(self) -> None:
        if not self._may_ask or not self._waiting:
            return
        some = [self._waiting.pop(key) for key in list(self._waiting)[: pluginline.QUESTIONS]]
        self._may_ask = False
        self._asker.say(pluginline.encode(some))

    def _hear(self, now: Instant, message: bytes) -> bool:
        replies = pluginline.replies(message)
        if replies is None:
            self._complain(_OPERATION, "the checker sent no replies")
            return False
        self._may_ask = True
        self._send()
        if replies:
            self._take(now, [Answered(tuple(replies))])
        return True
