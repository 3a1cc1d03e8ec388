"""Whether anything in a directory may have another name, or none: asked many times a second, so by one look alone."""

from pathlib import Path


class Place:
    """A directory whose names somebody else may change.

    A name that comes, goes or changes moves the directory's time of change, and another directory has another number.
    The kernel's time moves by a few milliseconds at once, so a change may hide behind another one that has been seen:
    after each one the next look counts as a change too.
    """

    def __init__(self, path: Path) -> None:
        self._path = path
        self._seen: tuple[int, int, int] | None = None
        self._settled = False

    def has_changed(self) -> bool:
        """Return whether a name may be another one than at the look before the last; of what is not there, always."""
        try:
            status = self._path.stat()
        except OSError:
            self.forget()
            return True
        seen = status.st_dev, status.st_ino, status.st_mtime_ns
        known, before = self._settled, self._seen
        self._settled, self._seen = seen == before, seen
        return not (known and self._settled)

    def forget(self) -> None:
        """Take the next look for a change: what was to be done after the last one has failed."""
        self._seen, self._settled = None, False
