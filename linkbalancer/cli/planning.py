"""The plan of a configuration that is not written yet: what applying it would change, against what is in force."""

import importlib
from collections.abc import Mapping
from pathlib import Path

from linkbalancer.cli.client import RefusedError
from linkbalancer.cli.output import write


def show_plan(config: Path, instead: Mapping[Path, bytes], run_dir: Path) -> None:
    """Show what applying a configuration would change, with other contents for some of its files."""
    try:
        changing = importlib.import_module("linkbalancer.cli.changing")
        compare = importlib.import_module("linkbalancer.config.difference")
    except ImportError:
        return
    try:
        old, new = changing.files_of(changing.in_force(run_dir)), changing.files_at(config, instead)
        found = compare.difference(old.side, new.side, changing.present(run_dir))
    except (RefusedError, changing.BadFilesError, OSError) as error:
        write(f"\nno plan: {error}\n")
    else:
        write(f"\nto apply it would change:\n{changing.drawn(found, same_texts=False)}\n")
