"""Which configuration comes into force: at a start, once more, or by request."""

import json
from collections.abc import Mapping
from typing import Any

from linkbalancer.daemon.reloading import Reload
from linkbalancer.daemon.scope import Chosen, Scope
from linkbalancer.daemon.starting import Start
from linkbalancer.daemon.texts import Texts


def choose(scope: Scope, texts: bytes | None, request: Mapping[str, Any] | None) -> Chosen:
    """Choose: at a start (None, None), once more (texts in force, None), by request (texts in force, request).

    Raises:
        RefusedError: with a line for each reason.
    """
    if texts is None:
        return Start(scope).chosen()
    bundle = json.loads(texts)
    old = Chosen(scope.judge(Texts(bundle["files"])), bundle["notice"])
    return old if request is None else Reload(scope, old, request).chosen()
