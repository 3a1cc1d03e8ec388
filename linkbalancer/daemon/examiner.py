"""A child that looks at the host when it is asked to, with the rights that its parent had when it was forked (`aide`).

It is asked by a configuration, and answers with a report.
"""

from collections.abc import Callable
from typing import Any, Final, TypeAlias

from linkbalancer.clock import SECOND, Duration
from linkbalancer.config.model import Config
from linkbalancer.daemon.aide import Aide
from linkbalancer.daemon.loop import Loop
from linkbalancer.daemon.preflight import examine

PATIENCE: Final[Duration] = 90 * SECOND
"""How long an answer may take: some of the programs that are asked may hang, each for its own patience."""

Heard: TypeAlias = Callable[[dict[str, Any] | None, str], None]
"""Called with a report, or with None and what went wrong."""


class Examiner:
    """The child, seen from its parent; at most one question at a time.

    Args:
        loop: what turns meanwhile.
        heard: told the answer to each question.
        patience: how long an answer may take.
    """

    def __init__(self, loop: Loop, heard: Heard, patience: Duration = PATIENCE) -> None:
        """Fork; raises OSError."""
        self._heard = heard
        self.aide = Aide(loop, "lb:doctor", _answer, self._answered, patience)

    @property
    def busy(self) -> bool:
        """Whether an answer is awaited."""
        return self.aide.busy

    @property
    def pid(self) -> int | None:
        """The child's id, None while there is none."""
        return self.aide.pid

    def ask(self, config: Config) -> None:
        """Ask what is wrong for a configuration, unless an answer is awaited already."""
        self.aide.ask(config.model_dump_json(by_alias=True).encode())

    def close(self) -> None:
        """End the child; nobody is told."""
        self.aide.close()

    def _answered(self, answer: dict[str, Any] | None, why: str) -> None:
        if answer is None:
            self._heard(None, why)
        else:
            self._heard(answer.get("report"), str(answer.get("why")))


def _answer(question: bytes) -> dict[str, Any]:
    try:
        return {"report": examine(Config.model_validate_json(question), running=True).to_json()}
    except (LookupError, OSError, TypeError, ValueError) as error:  # a fault of ours, on somebody's strange host
        return {"why": f"{type(error).__name__}: {error}"}
