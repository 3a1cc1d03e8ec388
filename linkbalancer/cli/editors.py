"""The operator's editor: which one it is, whether it opens at a line, and running it in this terminal."""

import contextlib
import os
import shlex
import shutil
import signal
import subprocess
import sys
import termios
from collections.abc import Callable, Iterator, Mapping
from pathlib import Path
from types import FrameType
from typing import Final

FALLBACKS: Final = ("sensible-editor", "editor", "nano", "vi")
AT_LINE: Final = (
    *("vi", "vim", "nvim", "nano", "pico", "emacs", "emacsclient", "sensible-editor"),
    *("joe", "jed", "mg", "ne", "micro", "kak", "mcedit"),
)
"""Editors that open at a line when `+LINE` stands before the file."""


class NoEditorError(Exception):
    """There is no editor to be started; the argument says what to do."""


class HangUpError(Exception):
    """The terminal is gone, or somebody wants this program to end."""


def chosen(environment: Mapping[str, str]) -> list[str]:
    """Return the words that start the editor: $VISUAL, else $EDITOR, else what Debian means by one.

    Raises:
        NoEditorError: there is none, or its words have an open quote.
    """
    for variable in ("VISUAL", "EDITOR"):
        try:
            words = shlex.split(environment.get(variable, ""))
        except ValueError as error:
            raise NoEditorError(f"${variable} cannot be read ({error}); set it to an editor's name") from None
        if words:
            return words
    for name in FALLBACKS:
        if shutil.which(name) is not None:
            return [name]
    raise NoEditorError("there is no editor; install one (apt install nano), or set $EDITOR")


def opens_at_line(editor: str) -> bool:
    """Tell whether an editor takes `+LINE`, by the name of what is behind all its links."""
    found = shutil.which(editor)
    names = {Path(editor).name, Path(os.path.realpath(found)).name if found is not None else ""}
    return any(name.partition(".")[0] in AT_LINE for name in names)


def edit(editor: list[str], path: Path, line: int | None) -> str | None:
    """Have a file edited; return None when the editor ended well, else how it ended.

    Raises:
        NoEditorError: it cannot be started.
        HangUpError: the terminal went away meanwhile.
    """
    at = [f"+{line}"] if line is not None and opens_at_line(editor[0]) else []
    with _left_alone(), _terminal_kept():
        try:
            process = subprocess.Popen([*editor, *at, str(path)])
        except OSError as error:
            raise NoEditorError(f"cannot start {editor[0]}: {error.strerror}; set $EDITOR to another") from None
        status = process.wait()
    if status == 0:
        return None
    return f"with status {status}" if status > 0 else f"by the signal {signal.Signals(-status).name}"


@contextlib.contextmanager
def hang_up_raises() -> Iterator[None]:
    """Turn SIGHUP and SIGTERM into HangUpError meanwhile."""

    def handler(_number: int, _frame: FrameType | None) -> None:
        raise HangUpError

    with _handled({signal.SIGHUP: handler, signal.SIGTERM: handler}):
        yield


@contextlib.contextmanager
def _left_alone() -> Iterator[None]:
    """Leave ^C to the editor: by a handler that does nothing, for a new program would inherit SIG_IGN."""

    def handler(_number: int, _frame: FrameType | None) -> None:
        pass

    with _handled({signal.SIGINT: handler, signal.SIGQUIT: handler}):
        yield


@contextlib.contextmanager
def _handled(handlers: Mapping[signal.Signals, Callable[[int, FrameType | None], None]]) -> Iterator[None]:
    before = {number: signal.signal(number, handler) for number, handler in handlers.items()}
    try:
        yield
    finally:
        for number, handler in before.items():
            signal.signal(number, handler)


@contextlib.contextmanager
def _terminal_kept() -> Iterator[None]:
    """Give the terminal back its settings: an editor that crashed leaves it without echo."""
    descriptor = sys.stdin.fileno()
    try:
        settings = termios.tcgetattr(descriptor)
    except termios.error:
        yield
        return
    try:
        yield
    finally:
        with contextlib.suppress(termios.error):
            termios.tcsetattr(descriptor, termios.TCSADRAIN, settings)
