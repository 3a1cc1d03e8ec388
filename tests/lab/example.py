"""The example directory, and small variations of it."""

import shutil
from pathlib import Path

EXAMPLE = Path(__file__).parents[2] / "conf/examples/two-links"


def varied(target: Path, file: str, old: str, new: str) -> Path:
    """Copy the example to `target` with one text of one file replaced, and return the copy."""
    shutil.copytree(EXAMPLE, target)
    text = (target / file).read_text()
    assert old in text
    (target / file).write_text(text.replace(old, new))
    return target
