"""Reading the files of a configuration, and the words of a line."""

from collections.abc import Callable, Iterator
from dataclasses import dataclass

from linkbalancer.config.findings import ConfigErrors, Finding


@dataclass(frozen=True, slots=True)
class Word:
    """A word of a line and the column where it starts, from 1."""

    text: str
    column: int

    def parts(self) -> Iterator["Word"]:
        """Yield what stands between its commas."""
        column = self.column
        for part in self.text.split(","):
            yield Word(part, column)
            column += len(part) + 1


def said(line: str) -> str:
    """Return a line of a rule file without its comment."""
    return line.partition("#")[0].rstrip()


def read_text(path: str, read: Callable[[str], str]) -> str:
    """Read a file of the configuration.

    Raises:
        ConfigErrors: It is not UTF-8.
        OSError: `read` cannot read it.
    """
    try:
        return read(path)
    except UnicodeDecodeError as error:
        place = Finding(path, 1, 1, f"is not UTF-8 text (byte {error.start})", "save it as UTF-8")
        raise ConfigErrors([place]) from None
