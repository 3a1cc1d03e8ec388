"""What rules of iptables write into marks: nft shows that they are there, but not what they write."""

import re
from collections.abc import Iterator
from contextlib import suppress
from typing import Final

from linkbalancer.engine.preflight.observed import MarkWrite
from linkbalancer.host.preflight.program import UnseenError, ask

_ALL: Final = 0xFFFFFFFF
_SET: Final = re.compile(r"--set-(?:x)?mark (0x[0-9a-f]+|\d+)(?:/(0x[0-9a-f]+|\d+))?", re.IGNORECASE)
_PORTS: Final = re.compile(r" --dports? ([\d:]*\d[\d:,]*\d|\d)(?: |$)")
_OURS: Final = re.compile(r"LB-(?:[AL]\d+|PREROUTING|OUTPUT|MEMBERS|LAN|LINK|NEW|BACK)")
"""The chains of `firewall: iptables` (`drivers.iptables.render`)."""
_COPY: Final = re.compile(r"--(save|restore)-mark")
_MASKS: Final = re.compile(r"--(nf|ct)mask (0x[0-9a-f]+|\d+)", re.IGNORECASE)


def read() -> str:
    """Return every rule as `iptables-save` writes it; nothing where there is no iptables, or it cannot be asked."""
    with suppress(UnseenError):
        return asked()
    return ""


def asked() -> str:
    """Return every rule as `iptables-save` writes it. Raises UnseenError."""
    return ask("iptables-save")


def ports(text: str) -> Iterator[int]:
    """Yield the UDP destination ports that rules name."""
    for line in text.splitlines():
        named = _PORTS.search(line) if " -p udp " in line else None
        for part in named[1].split(",") if named else ():
            first, _, last = part.partition(":")
            yield from range(int(first), int(last or first) + 1)


def reverse(text: str) -> Iterator[tuple[str, str]]:
    """Yield place and text of rules that drop by the way back to a source."""
    for place, line in _rules(text):
        if " -m rpfilter " in line and " --invert " in line and line.endswith(("-j DROP", "-j REJECT")):
            yield place, line


def untracked(text: str) -> Iterator[tuple[str, str]]:
    """Yield place and text of rules that keep flows out of connection tracking."""
    for place, line in _rules(text):
        if line.endswith((" -j CT --notrack", " -j NOTRACK")):
            yield place, line


def _rules(text: str) -> Iterator[tuple[str, str]]:
    """Yield each rule with its place."""
    table = ""
    for line in text.splitlines():
        if line.startswith("*"):
            table = line[1:].strip()
        elif line.startswith("-A ") and not _OURS.fullmatch(line.split()[1]):
            yield f"iptables {table} {line.split()[1]}", line


def writes(text: str) -> Iterator[MarkWrite]:
    """Yield what rules write into marks."""
    for place, line in _rules(text):
        if " -j MARK " in line or " -j CONNMARK " in line:
            connection = " -j CONNMARK " in line
            given, copied = _SET.search(line), _COPY.search(line)
            masks = {which.lower(): int(number, 0) for which, number in _MASKS.findall(line)}
            if given is not None:
                bits = int(given[2], 0) if given[2] else _ALL
                yield MarkWrite(place, line, bits, connection)
            elif copied is not None:
                save = copied[1] == "save"
                yield MarkWrite(place, line, masks.get("ct" if save else "nf", _ALL), connection=save)
