"""What is drained, remembered on disk: replaced as a whole or not at all, so that a restart finds it as it was said."""

import json
import os
from collections.abc import Sequence
from pathlib import Path
from typing import Any

from linkbalancer.daemon import logs
from linkbalancer.daemon.requests import Request
from linkbalancer.engine import drain
from linkbalancer.engine.drain import Drained

NAME = "drained.json"
SCHEMA = 1


class DrainFile:
    """`drained.json` in the state directory."""

    def __init__(self, state_dir: Path) -> None:
        self.path = state_dir / NAME
        self._next = state_dir / f"{NAME}.new"

    def read(self) -> list[dict[str, Any]]:
        """Return the entries, none where there is no file.

        Raises:
            ValueError, OSError: it cannot be read; the text says why.
        """
        try:
            kept = json.loads(self.path.read_bytes())
        except FileNotFoundError:
            return []
        if not isinstance(kept, dict) or kept.get("schema") != SCHEMA:
            raise ValueError("it is of another version, or no such file")
        entries = kept.get("drained")
        drain.read(entries)
        return [dict(entry) for entry in entries or ()]

    def prepare(self, entries: Sequence[dict[str, Any]]) -> None:
        """Write the next contents beside the file, safely on disk; raises OSError (a full disk shows here)."""
        self.path.parent.mkdir(parents=True, exist_ok=True)
        with self._next.open("w") as file:
            json.dump({"schema": SCHEMA, "drained": list(entries)}, file, indent=1)
            file.flush()
            os.fsync(file.fileno())

    def commit(self) -> None:
        """Let what was prepared count; raises OSError."""
        self._next.replace(self.path)
        directory = os.open(self.path.parent, os.O_RDONLY)
        try:
            os.fsync(directory)
        finally:
            os.close(directory)


def remembered(state_dir: Path, log: logs.Log) -> Drained:
    """Return what an agent that starts finds drained; what cannot be read is said, and drains nothing."""
    file = DrainFile(state_dir)
    try:
        return drain.read(file.read())
    except (OSError, ValueError) as error:
        log.warning("nothing is drained", why=f"{file.path} cannot be read: {error}")
        return Drained()


def asked_for(request: Request) -> Drained | None:
    """Return the whole of what is drained, as the api has it; None where the request is wrong, and refused."""
    try:
        return drain.read(request.arguments.get("drained"))
    except ValueError as error:
        request.refuse("usage", str(error))
        return None


def is_of(entry: dict[str, Any], kind: str, name: str) -> bool:
    """Tell whether an entry is the one of this kind and name."""
    return (entry["kind"], entry["name"]) == (kind, name)
