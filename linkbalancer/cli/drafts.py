"""A private copy of a file while it is edited: beside it, hidden, and there until its text is saved or given up."""

import contextlib
import os
from dataclasses import dataclass
from datetime import datetime
from pathlib import Path

from linkbalancer.cli.sources import Source, SourceError, replace


@dataclass(slots=True)
class Draft:
    """A file as it was read, and the copy that the editor works on."""

    source: Source
    copy: Path

    @classmethod
    def of(cls, source: Source) -> "Draft":
        """Return the draft of a file; its copy is named so that editors still know the kind of file."""
        return cls(source, source.real.parent / f".{source.real.name}.new")

    def left_over(self) -> str | None:
        """Say from when a copy is that somebody left unfinished, None where there is none."""
        try:
            state = self.copy.lstat()
        except OSError:
            return None
        return datetime.fromtimestamp(state.st_mtime).astimezone().isoformat(" ", "seconds")

    def begin(self) -> None:
        """Make the copy; raises SourceError, and then there is none."""
        try:
            descriptor = os.open(self.copy, os.O_WRONLY | os.O_CREAT | os.O_EXCL | os.O_NOFOLLOW | os.O_CLOEXEC, 0o600)
            try:
                with os.fdopen(descriptor, "wb") as file:
                    file.write(self.source.content)
                    file.flush()
                    os.fsync(descriptor)
            except OSError:
                self.drop()
                raise
        except OSError as error:
            raise SourceError(f"cannot make a copy to edit, {self.copy}: {error.strerror}") from None

    def content(self) -> bytes:
        """Return what the copy holds; raises SourceError."""
        try:
            return self.copy.read_bytes()
        except OSError as error:
            raise SourceError(f"cannot read the edited copy {self.copy}: {error.strerror}") from None

    def is_changed(self) -> bool:
        """Return whether the copy differs from the file as it was read; raises SourceError."""
        return self.content() != self.source.content

    def is_worth_keeping(self) -> bool:
        """Return whether there is a copy that says anything else than the file."""
        try:
            return self.is_changed()
        except SourceError:
            return False

    def save(self) -> None:
        """Put the copy's text in the file's place; raises ChangedError, SourceError, and then the copy stays."""
        self.source = replace(self.source, self.content())

    def drop(self) -> None:
        """Remove the copy."""
        with contextlib.suppress(OSError):
            self.copy.unlink()
