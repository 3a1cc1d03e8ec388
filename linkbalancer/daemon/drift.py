"""Drift: whether the files on disk are still those of the configuration in force.

A look costs a `stat` of each file; a file is read only when it was touched since the last look.
"""

import hashlib
from collections.abc import Mapping
from pathlib import Path
from typing import TypeAlias

from linkbalancer.daemon.texts import read_text

_Stamp: TypeAlias = tuple[int, int, int] | None


class Drift:
    """Looks at the files of a configuration, by path with the digests of their texts."""

    def __init__(self, sums: Mapping[str, str]) -> None:
        self._sums = sums
        self._stamps: dict[str, _Stamp] = {}
        self._words: dict[str, str] = {}
        self.look()

    def look(self) -> None:
        """See which files differ."""
        for path, wanted in self._sums.items():
            stamp = _stamp(path)
            if path not in self._stamps or self._stamps[path] != stamp:
                self._stamps[path] = stamp
                self._words[path] = _difference(path, wanted)

    def lines(self) -> list[str]:
        """Return a line where files differ, none where they do not."""
        words = [f"{Path(path).name}{word}" for path, word in self._words.items() if word != "same"]
        if not words:
            return []
        what = f"the files differ from the configuration in force ({', '.join(words)})"
        remedy = "`linkbalancer apply` puts them in force, `linkbalancer rollback --files` puts them back"
        return [f"{what}; {remedy}"]


def _stamp(path: str) -> _Stamp:
    try:
        found = Path(path).stat()
    except OSError:
        return None
    return found.st_mtime_ns, found.st_size, found.st_ino


def _difference(path: str, wanted: str) -> str:
    """Return `same`, nothing where the text is another, or why it cannot be read."""
    try:
        text = read_text(path)
    except (OSError, UnicodeDecodeError) as error:
        return f" cannot be read: {getattr(error, 'strerror', None) or 'not UTF-8'}"
    return "same" if hashlib.sha256(text.encode()).hexdigest() == wanted else ""
