"""The plan of a configuration that is not written yet."""

from collections.abc import Mapping
from pathlib import Path


def show_plan(config: Path, instead: Mapping[Path, bytes]) -> None:
    """Show what applying a configuration would change, with other contents for some of its files."""
