"""Asking the daemon while a screen lives on: the same requests as `linkbalancer.cli.client`, without blocking."""

import asyncio
import json
from pathlib import Path
from typing import Any, Final

from linkbalancer.cli.client import CONTROL, QUERY, RefusedError

PATIENCE_S: Final = 5.0
ANSWER_LIMIT: Final = 64 << 20
"""Bytes of an answer; a longer one is none."""


async def ask(
    run_dir: Path, verb: str, *, change: bool = False, patience_s: float = PATIENCE_S, **arguments: object
) -> dict[str, Any]:
    """Return the daemon's answer.

    Raises:
        RefusedError: no daemon answers, the socket is not ours to use, or the daemon refuses.
    """
    path = run_dir / (CONTROL if change else QUERY)
    try:
        async with asyncio.timeout(patience_s):
            reply = await _exchange(path, {"api": 1, "verb": verb, **arguments})
    except PermissionError:
        remedy = f"do it as root, or as a member of the {'operators' if change else 'readers'}' group"
        raise RefusedError({"kind": "rights", "what": f"{path} is not yours to ask", "remedy": remedy}) from None
    except (OSError, ValueError) as error:  # TimeoutError is an OSError
        absent = isinstance(error, FileNotFoundError | ConnectionRefusedError)
        why = "nobody listens there" if absent else str(error) or "no answer in time"
        raise RefusedError({"kind": "unavailable", "what": f"no daemon answers on {path} ({why})"}) from None
    if not reply["ok"]:
        raise RefusedError(reply["error"])
    return dict(reply["answer"])


async def _exchange(path: Path, request: dict[str, Any]) -> dict[str, Any]:
    """Send one request, read one reply; raises OSError, ValueError."""
    reader, writer = await asyncio.open_unix_connection(path, limit=ANSWER_LIMIT)
    try:
        writer.write(json.dumps(request).encode() + b"\n")
        await writer.drain()
        reply = json.loads(await reader.readline())
    finally:
        writer.close()
    if not isinstance(reply, dict) or not {"answer", "error"} & reply.keys() or "ok" not in reply:
        raise ValueError("what answers is no linkbalancer")
    return reply
