"""Where a gateway's files are when a command is told nothing else, and which file a word on the command line means."""

from collections.abc import Iterable
from pathlib import Path
from typing import Final

from linkbalancer.cli.client import RefusedError, ask
from linkbalancer.config.document import parse
from linkbalancer.config.findings import ConfigErrors, Finding
from linkbalancer.config.reading import read_text

GATEWAY_FILE: Final = "linkbalancer.yaml"
DEFAULT_CONFIG: Final = Path("/etc/linkbalancer") / GATEWAY_FILE
DEFAULT: Final = f"the running daemon's, else {DEFAULT_CONFIG}"
"""What is meant where no configuration is named, for a `--help`."""
RULE_FILES: Final = ".conf"
"""How the name of a rule file ends."""


def in_use(run_dir: Path) -> Path:
    """Return the configuration that is meant when none is named: the running daemon's, else the usual one."""
    try:
        running = ask(run_dir, "status")["configuration"]["path"]
    except (RefusedError, KeyError, TypeError):
        running = None
    return Path(str(running)) if running else DEFAULT_CONFIG


def gateway_file(path: Path) -> Path:
    """Return the configuration that a path means: a directory means the one in it."""
    return path / GATEWAY_FILE if path.is_dir() else path


def rule_file(config: Path) -> Path:
    """Return the rule file that a configuration names.

    Raises:
        ConfigErrors: it names none, or is no YAML.
        OSError: it cannot be read.
    """
    document = parse(read_text(str(config), lambda path: Path(path).read_text("utf-8-sig")), str(config))
    values = document.values if isinstance(document.values, dict) else {}
    name = values.get("applications")
    if not isinstance(name, str) or not name:
        place = Finding(str(config), 1, 1, "names no rule file", "add a key such as applications: apps.conf")
        raise ConfigErrors([*document.errors, place])
    return config.parent / name


def configuration_of(rules: Path, places: Iterable[Path]) -> Path | None:
    """Return the first configuration of some places that has a file as its rule file."""
    for config in places:
        try:
            if rule_file(config).resolve() == rules.resolve():
                return config
        except (OSError, ConfigErrors):
            continue
    return None
