"""Key files: who may read one and what it must hold; `check` and `run` judge by the same words."""

import stat
from dataclasses import dataclass
from typing import Final

from linkbalancer.lvrrp.keys import parse_keys

REMEDY: Final = "put `1 HEX` in it (HEX: 16 random bytes or more)"


@dataclass(frozen=True, slots=True)
class Doubt:
    """What is wrong with a key file, and the remedy; `refused` where it is no secret any more, whatever it holds."""

    what: str
    remedy: str = REMEDY
    refused: bool = False


MISSING: Final = Doubt("is missing")
NO_TEXT: Final = Doubt("holds other characters than a key's")


def exposure(mode: int) -> Doubt | None:
    """Say what is wrong with a key file's permissions (`st_mode`), None when it is its owner's alone."""
    if mode & (stat.S_IROTH | stat.S_IWOTH):
        return Doubt("can be read or written by everybody", "chmod o= it", refused=True)
    if mode & (stat.S_IRGRP | stat.S_IWGRP):
        return Doubt("can be read or written by its group", "chmod g= it unless that is meant")
    return None


def content(text: str) -> Doubt | None:
    """Say why a key file's text holds no key, None when it does; never with anything of the text."""
    try:
        parse_keys(text)
    except ValueError as error:
        return Doubt(f"holds no key: {error}")
    return None
