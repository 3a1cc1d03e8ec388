"""Programs that are asked: bounded in time, and never by a shell."""

import json
import shutil
import subprocess
from typing import Any, Final, TypeAlias

PATIENCE_S: Final = 10
_WORDS_MAX: Final = 200
_PATH: Final = "/usr/local/sbin:/usr/local/bin:/usr/sbin:/usr/bin:/sbin:/bin"


Json: TypeAlias = Any
"""What a program wrote as JSON, in its own words."""


class UnseenError(Exception):
    """Something cannot be seen; the argument says why."""


def find(name: str) -> str | None:
    """Return where a program is, also where a user's PATH leaves out the administrators' folders."""
    return shutil.which(name) or shutil.which(name, path=_PATH)


def ask(*words: str) -> str:
    """Return what a program writes. Raises UnseenError with its own words."""
    program = find(words[0])
    if program is None:
        raise UnseenError(f"the program {words[0]} is missing")
    try:
        done = subprocess.run(
            [program, *words[1:]],
            stdin=subprocess.DEVNULL,
            capture_output=True,
            text=True,
            errors="replace",
            timeout=PATIENCE_S,
            check=False,
        )
    except (OSError, subprocess.TimeoutExpired) as error:
        raise UnseenError(f"{' '.join(words)}: {error}") from error
    if done.returncode:
        reason = " ".join(done.stderr.split())[:_WORDS_MAX] or f"status {done.returncode}"
        raise UnseenError(f"{' '.join(words)}: {reason}")
    return done.stdout


def ask_json(*words: str) -> Json:
    """Return what a program writes as JSON; nothing written is an empty list. Raises UnseenError."""
    text = ask(*words)
    try:
        return json.loads(text or "[]")
    except ValueError:
        raise UnseenError(f"{' '.join(words)}: what it writes is no JSON") from None
