"""Applying a configuration that another command has written: by the command that does it."""

import importlib
from pathlib import Path

from linkbalancer.cli.client import RefusedError, ask
from linkbalancer.cli.output import complain


def apply(config: Path | None, run_dir: Path, *words: str) -> int:
    """Run `linkbalancer apply` with some more words; return its exit status."""
    main = importlib.import_module("linkbalancer.cli.main")  # it imports the commands by name, too
    if "apply" not in main.COMMANDS:
        complain("it is written, but this program has no `apply`; reload the service: systemctl reload linkbalancer")
        return 1
    try:
        running = ask(run_dir, "configuration").get("path")
    except RefusedError:
        running = None  # `apply` says it better
    if config is not None and running is not None and Path(str(running)).resolve() != config.resolve():
        complain(f"it is written, but not applied: the daemon runs {running}, not {config}")
        return 1
    return int(main.main(["apply", "--yes", "--run-dir", str(run_dir), *words]))
