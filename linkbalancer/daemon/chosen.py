"""Which configuration comes into force: at a start, once more, or by request."""

import json
from collections.abc import Mapping
from dataclasses import dataclass
from typing import Any

from linkbalancer.daemon.reloading import Reload
from linkbalancer.daemon.scope import Chosen, Scope
from linkbalancer.daemon.starting import Start
from linkbalancer.daemon.texts import Texts


@dataclass(slots=True)
class Known:
    """What this process, or the one that it was forked of, chose last, with the texts that say it."""

    texts: bytes = b""
    chosen: Chosen | None = None

    def note(self, texts: bytes, chosen: Chosen) -> None:
        """Remember a choice."""
        self.texts, self.chosen = texts, chosen


def choose(scope: Scope, texts: bytes | None, request: Mapping[str, Any] | None, known: Known | None = None) -> Chosen:
    """Choose: at a start (None, None), once more (texts in force, None), by request (texts in force, request).

    What is in force is read anew unless it is `known`, by these very texts.

    Raises:
        RefusedError: with a line for each reason.
    """
    if texts is None:
        return Start(scope).chosen()
    if known is not None and known.chosen is not None and known.texts == texts:
        old = known.chosen
    else:
        bundle = json.loads(texts)
        old = Chosen(scope.judge(Texts(bundle["files"])), bundle["notice"])
    return old if request is None else Reload(scope, old, request).chosen()
