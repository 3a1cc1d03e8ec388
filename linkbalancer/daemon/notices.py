"""What the api knows of notifications: how each goes, and what a test of one says."""

from collections.abc import Mapping
from pathlib import Path
from typing import Any

from linkbalancer.clock import SECOND, Duration, Instant
from linkbalancer.daemon.loop import Loop
from linkbalancer.daemon.mailbag import counts_of
from linkbalancer.daemon.notifier import ASK
from linkbalancer.daemon.questions import Questions
from linkbalancer.daemon.requests import Request
from linkbalancer.daemon.verbs import Argument, Verb

PATIENCE: Duration = 100 * SECOND
"""How long a test may take; the request server's patience is a little longer."""


class Notices:
    """The verb, and the status's part.

    Args:
        loop: what turns.
        run_dir: where the notifier is.
    """

    def __init__(self, loop: Loop, run_dir: Path) -> None:
        self._run_dir = run_dir
        self._notifier = Questions(loop, run_dir / ASK, PATIENCE)

    def part(self, _status: Mapping[str, Any]) -> Mapping[str, Any]:
        """Return how each notification goes, for a status; empty where nobody is to be told."""
        counts = counts_of(self._run_dir)
        counts.pop("", None)
        return {"notifications": counts}

    def verbs(self) -> dict[str, Verb]:
        """Return the verb."""
        about = (
            "Tells one receiver that this is a test, beside everything that waits for it, and answers how that ended."
        )
        arguments = {"name": Argument("text", "the notification's name", required=True)}
        return {"notify-test": Verb(take=self._take, about=about, arguments=arguments, changes=True)}

    def close(self) -> None:
        """Ask no more."""
        self._notifier.close()

    def _take(self, _now: Instant, request: Request) -> None:
        def heard(answer: dict[str, Any] | None, why: str) -> None:
            if answer is not None:
                request.answer(answer)
            elif why.startswith("there is no notification") or not counts_of(self._run_dir):
                known = ", ".join(self.part({})["notifications"])
                remedy = f"there are: {known}" if known else "configure one: `notifications` in linkbalancer.yaml"
                request.refuse("usage", f"there is no notification {request.arguments['name']!r}", remedy)
            else:
                request.refuse("unavailable", f"the notifier does not answer: {why}", "see the log")

        self._notifier.ask("test", heard, name=request.arguments["name"], who=request.who)
