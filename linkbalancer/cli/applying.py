"""Applying a configuration that another command has written: by the command that does it."""

from pathlib import Path

from linkbalancer.cli.output import complain


def apply(config: Path | None, *words: str) -> int:
    """Run `linkbalancer apply`; return its exit status."""
    from linkbalancer.cli.main import COMMANDS, main  # noqa: PLC0415 - main imports the commands by name

    if "apply" not in COMMANDS:
        complain("it is written, but this program has no `apply`; reload the service: systemctl reload linkbalancer")
        return 1
    return main(["apply", *words, *([] if config is None else [str(config)])])
