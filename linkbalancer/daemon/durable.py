"""A small file that is on disk as a whole or not at all, whatever happens meanwhile."""

import os
from pathlib import Path


def replace_file(path: Path, text: str) -> None:
    """Put a text in a file's place by a rename, so that a crash leaves the old one or the new one; raises OSError."""
    fresh = path.with_suffix(".new")
    with fresh.open("w") as file:
        file.write(text)
        file.flush()
        os.fsync(file.fileno())
    fresh.replace(path)
