"""What rules of iptables write into marks: nft shows that they are there, but not what they write."""

import re
from collections.abc import Iterator
from contextlib import suppress
from typing import Final

from linkbalancer.engine.preflight.observed import MarkWrite
from linkbalancer.host.preflight.program import UnseenError, ask

_ALL: Final = 0xFFFFFFFF
_SET: Final = re.compile(r"--set-(?:x)?mark (0x[0-9a-f]+|\d+)(?:/(0x[0-9a-f]+|\d+))?", re.IGNORECASE)
_COPY: Final = re.compile(r"--(save|restore)-mark")
_MASKS: Final = re.compile(r"--(nf|ct)mask (0x[0-9a-f]+|\d+)", re.IGNORECASE)


def read() -> tuple[MarkWrite, ...]:
    """Return the writes of all tables; none where there is no iptables, or it cannot be asked."""
    with suppress(UnseenError):
        return tuple(parse(ask("iptables-save")))
    return ()


def parse(text: str) -> Iterator[MarkWrite]:
    """Yield the writes of `iptables-save`."""
    table = ""
    for line in text.splitlines():
        if line.startswith("*"):
            table = line[1:].strip()
        elif line.startswith("-A ") and (" -j MARK " in line or " -j CONNMARK " in line):
            connection = " -j CONNMARK " in line
            place = f"iptables {table} {line.split()[1]}"
            given, copied = _SET.search(line), _COPY.search(line)
            masks = {which.lower(): int(number, 0) for which, number in _MASKS.findall(line)}
            if given is not None:
                bits = int(given[2], 0) if given[2] else _ALL
                yield MarkWrite(place, line, bits, connection)
            elif copied is not None:
                save = copied[1] == "save"
                yield MarkWrite(place, line, masks.get("ct" if save else "nf", _ALL), connection=save)
