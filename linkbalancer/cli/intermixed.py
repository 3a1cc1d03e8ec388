"""A parser whose optional last positional may stand after options: `rules move web --top CONFIG`.

Before Python 3.12, argparse takes such a positional as absent as soon as an option follows the first one.
"""

from argparse import ArgumentParser, Namespace
from collections.abc import Sequence


class IntermixedParser(ArgumentParser):
    """An ArgumentParser for subcommands that reads positionals and options in any order."""

    _inside = False

    def parse_known_args(  # type: ignore[override]  # argparse's own overloads say the same at more length
        self,
        args: Sequence[str] | None = None,
        namespace: Namespace | None = None,
    ) -> tuple[Namespace, list[str]]:
        """Parse in any order; argparse calls this again for its parts."""
        if self._inside:
            return super().parse_known_args(args, namespace)
        self._inside = True
        try:
            return self.parse_known_intermixed_args(args, namespace)
        finally:
            self._inside = False
