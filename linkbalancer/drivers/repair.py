"""What `doctor --fix` does, step by step: each was shown before, and none touches what is not listed there."""

import os
import subprocess
import tempfile
from contextlib import suppress
from pathlib import Path
from typing import Final, assert_never

from linkbalancer.drivers import sysctl
from linkbalancer.drivers.errors import DriverError
from linkbalancer.engine.preflight.finding import RunCommand, SetSwitch, Step, WriteFile

_PATIENCE_S: Final = 60
_READABLE: Final = 0o644


def perform(step: Step) -> None:
    """Do one step; doing it again changes nothing. Raises DriverError."""
    match step:
        case SetSwitch(path, value):
            sysctl.write(path, value)
        case WriteFile(path, text):
            _write(Path(path), text)
        case RunCommand(words):
            _run(words)
        case _:
            assert_never(step)


def _write(path: Path, text: str) -> None:
    """Write a file whole or not at all."""
    temporary: str | None = None
    try:
        path.parent.mkdir(parents=True, exist_ok=True)
        descriptor, temporary = tempfile.mkstemp(dir=path.parent, prefix=f".{path.name}.")
        with os.fdopen(descriptor, "w") as file:
            file.write(text)
            file.flush()
            os.fchmod(file.fileno(), _READABLE)
            os.fsync(file.fileno())
        Path(temporary).replace(path)
    except OSError as error:
        if temporary is not None:
            with suppress(OSError):
                Path(temporary).unlink()
        raise DriverError(f"write {path}", error.errno or 0) from error


def _run(words: tuple[str, ...]) -> None:
    operation = " ".join(words)
    try:
        done = subprocess.run(
            words, stdin=subprocess.DEVNULL, capture_output=True, text=True, timeout=_PATIENCE_S, check=False
        )
    except OSError as error:
        raise DriverError(operation, error.errno or 0) from error
    except subprocess.TimeoutExpired as error:
        raise DriverError(f"{operation}: not done within {_PATIENCE_S} s", 0, retry=False) from error
    if done.returncode:
        raise DriverError(f"{operation}: {' '.join(done.stderr.split()) or f'status {done.returncode}'}", 0)
