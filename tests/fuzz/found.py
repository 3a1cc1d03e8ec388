"""Which decoders there are."""

import importlib
import pkgutil
from collections.abc import Callable, Sequence
from typing import NamedTuple

from tests.fuzz import decoders


class Decoder(NamedTuple):
    """A decoder's name, good inputs, and what takes any bytes without raising anything."""

    name: str
    seeds: Sequence[bytes]
    take: Callable[[bytes], None]


def names() -> list[str]:
    """Return the names of all decoders."""
    return sorted(module.name for module in pkgutil.iter_modules(decoders.__path__))


def decoder(name: str) -> Decoder:
    """Return one; a name with dots is that of any module of this form."""
    module = importlib.import_module(name if "." in name else f"{decoders.__name__}.{name}")
    return Decoder(name, module.SEEDS, module.take)
