"""A rule of iptables as a value, and as people write it."""

from typing import NamedTuple, TypeAlias

Options: TypeAlias = tuple[tuple[str, str], ...]
"""Names without their dashes and values, `("dst-type", "LOCAL")`; a value that begins with `!` is turned round."""


class Rule(NamedTuple):
    """What a packet must be, and what becomes of it then; without a `target`, `chain` is where it goes on.

    It comes back from there only where `returns`.
    """

    chain: str = ""
    returns: bool = False
    target: str = ""
    options: Options = ()
    device: str = ""
    source: str = ""
    destination: str = ""
    protocol: int | None = None
    matches: tuple[tuple[str, Options], ...] = ()

    def __str__(self) -> str:
        """Write it as `iptables-save` does."""
        words = [
            *(("-s", self.source) if self.source else ()),
            *(("-d", self.destination) if self.destination else ()),
            *(("-i", self.device) if self.device else ()),
            *(() if self.protocol is None else ("-p", str(self.protocol))),
        ]
        for name, options in self.matches:
            words += ["-m", name, *_written(options)]
        words += ["-j", self.target] if self.target else ["-j" if self.returns else "-g", self.chain]
        return " ".join([*words, *_written(self.options)])


def _written(options: Options) -> list[str]:
    found = []
    for name, value in options:
        found += [*(["!"] if value.startswith("!") else []), f"--{name}", value.removeprefix("!")]
    return found
