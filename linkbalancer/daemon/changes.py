"""What the api asks the supervisor for on people's behalf: reload, upgrade; and how that ended.

A request has an id, drawn by who asks. The outcome is kept for a while: whoever lost the connection (the api itself may
be replaced by what was asked for) asks for it by that id.
"""

import json
import os
import re
import uuid
from collections.abc import Callable, Mapping
from typing import Any, TypeAlias

from linkbalancer.clock import Instant
from linkbalancer.daemon.lifeline import Lifeline, Spoken, enclosed
from linkbalancer.daemon.requests import Request
from linkbalancer.daemon.verbs import Argument, Verb

KEPT = 64
"""Outcomes that are remembered."""

BY_CALLER = re.compile(r"[A-Za-z0-9-]{1,64}")
"""What an id may look like."""

Heard: TypeAlias = Callable[[Mapping[str, Any]], None]
"""Called with an outcome: id, result, lines, notice, took_ms."""


class Changes:
    """Requests under way, and the outcomes of the last ones.

    `told`: called with every outcome, whoever asked (a signal has no caller).
    """

    def __init__(self, lifeline: Lifeline, told: Heard | None = None) -> None:
        self.told = told
        self._lifeline = lifeline
        self._waiting: dict[str, list[Heard]] = {}
        self._outcomes: dict[str, Mapping[str, Any]] = {}

    def verbs(self) -> dict[str, Verb]:
        """Return the verbs."""
        name = {"id": Argument("text", "what to ask for the outcome by: up to 64 letters, digits and dashes")}
        return {
            "reload": Verb(
                take=self.reload,
                about="Reads the files again; the answer says what came of it.",
                arguments=name,
                changes=True,
            ),
            "upgrade": Verb(
                take=self.upgrade,
                about="Lets the program that is installed now take over in place.",
                arguments=name,
                changes=True,
            ),
            "outcome": Verb(
                take=self.outcome,
                about="Tells how a reload, an apply, a rollback or an upgrade ended; null while that is not known.",
                arguments=name,
            ),
        }

    def ask(self, kind: str, words: Mapping[str, Any], heard: Heard) -> None:
        """Ask for a `reload` or an `upgrade` in these words (docs/ARCHITECTURE.md); `id` and `who` are among them."""
        asked = str(words["id"])
        self._waiting.setdefault(asked, []).append(heard)
        if not self._lifeline.tell(kind, json.dumps(words).encode()):
            why = "the supervisor does not listen; ask again in a second"
            self._conclude({"id": asked, "result": "failed", "lines": [why], "notice": {}, "took_ms": 0})

    def hear(self, spoken: Spoken) -> bool:
        """Take a word of the supervisor; False when it is not about this."""
        if spoken.word != "outcome" or spoken.descriptor is None:
            return False
        try:
            self._conclude(json.loads(enclosed(spoken.descriptor)))
        finally:
            os.close(spoken.descriptor)
        return True

    def reload(self, _now: Instant, request: Request) -> None:
        """Answer the verb `reload`: the files are read again."""
        words = {"source": "files", "entry": None, "how": "reload", "confirm_s": None, "again": False}
        self._serve("reload", words, request)

    def upgrade(self, _now: Instant, request: Request) -> None:
        """Answer the verb `upgrade`: refused here, or answered by the new program (`outcome`)."""
        self._serve("upgrade", {"how": "upgrade"}, request)

    def outcome(self, _now: Instant, request: Request) -> None:
        """Answer the verb `outcome`: how the request of an id ended, nothing while that is not known."""
        request.answer({"outcome": self._outcomes.get(str(request.arguments.get("id")))})

    def _serve(self, kind: str, words: Mapping[str, Any], request: Request) -> None:
        asked = request.arguments.get("id", uuid.uuid4().hex)
        if not isinstance(asked, str) or BY_CALLER.fullmatch(asked) is None:
            request.refuse("usage", "an id is up to 64 letters, digits and dashes", "leave it out")
        else:
            self.ask(kind, {**words, "id": asked, "who": request.who}, request.answer)

    def _conclude(self, outcome: Mapping[str, Any]) -> None:
        asked = str(outcome["id"])
        self._outcomes[asked] = outcome
        while len(self._outcomes) > KEPT:
            del self._outcomes[next(iter(self._outcomes))]
        if self.told is not None:
            self.told(outcome)
        for heard in self._waiting.pop(asked, ()):
            heard(outcome)
