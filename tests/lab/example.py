"""The example directory, and small variations of it."""

import shutil
from pathlib import Path

EXAMPLES = Path(__file__).parents[2] / "conf/examples"
EXAMPLE = EXAMPLES / "two-links"
THREE = EXAMPLES / "three-links"
EIGHT = EXAMPLES / "eight-links"
CAMPUS = EXAMPLES / "campus"


def varied(target: Path, file: str, old: str, new: str, example: Path = EXAMPLE) -> Path:
    """Copy an example to `target` with one text of one file replaced, and return the copy."""
    shutil.copytree(example, target)
    text = (target / file).read_text()
    assert old in text
    (target / file).write_text(text.replace(old, new))
    return target
