"""The addresses of a vrrp_instance: which, how long their prefix is, on which device."""

import re
from collections.abc import Iterator
from dataclasses import dataclass
from typing import Final

from linkbalancer.config.findings import FieldError, shown
from linkbalancer.config.groupfields import parse_host, parse_virtual_ip
from linkbalancer.config.keepalived.statements import Ledger, Statement
from linkbalancer.config.keepalived.words import Word
from linkbalancer.links import Address, Interface

_DEVICE: Final = re.compile(r"[A-Za-z0-9_][A-Za-z0-9_.:-]{0,14}", re.ASCII)
_WITH_VALUE: Final = {
    "brd": ("sets the broadcast address", "nothing to do: hosts use that of the prefix"),
    "broadcast": ("sets the broadcast address", "nothing to do: hosts use that of the prefix"),
    "scope": ("sets the address's scope", "nothing to do, unless a program asks for it"),
    "label": ("gives the address a label", "have what looks for the label look for the address"),
    "peer": ("makes the address one end of a pair", "set it where the host's network is configured"),
    "preferred_lft": ("says whether own packets leave with it", "ours is never the first choice"),
    "track_group": ("is for static addresses", "remove it"),
}
_ALONE: Final = {
    "home": ("is a flag of mobile IPv6", "nothing to do"),
    "-nodad": ("has the kernel look for another host with it first", "ours is there at once"),
    "mngtmpaddr": ("is a flag for temporary addresses", "nothing to do"),
    "noprefixroute": ("keeps the prefix's route out", "give it a full-length prefix (/32 or /128)"),
    "autojoin": ("joins a multicast group", "nothing to do"),
    "no_track": ("lets others remove the address", "ours is put back; stop what removes it"),
    "use_vmac": ("gives this address a virtual MAC", "make a group of its own for its device"),
}


@dataclass(frozen=True, slots=True)
class Placed:
    """An address with its prefix length, and the device that it has instead of the group's; `word` names it."""

    interface: Interface
    device: str | None
    word: Word

    def written(self, own: str | None) -> str:
        """Write it as linkbalancer.yaml does; `own` is the group's device."""
        return str(self.interface) if self.device in {None, own} else f"{self.interface} dev {self.device}"


def placed(ledger: Ledger, statement: Statement) -> Iterator[Placed]:
    """Yield the addresses of a block, one a line; remarks say what else its lines say."""
    ledger.carried(statement)
    for line in statement.inner():
        try:
            found = _interface(line.keyword)
        except FieldError as error:
            ledger.lost(line, error.what, error.remedy)
            continue
        ledger.carried(line, 1)
        yield Placed(found, _device(ledger, line), line.words[0])


def _interface(word: str) -> Interface:
    """Read an address as Keepalived does: without a prefix length it stands alone. Raises FieldError."""
    alone = "" if "/" in word else "/128" if ":" in word else "/32"
    return parse_virtual_ip(word + alone).interface


def host(word: str) -> Address | None:
    """Return the address of a host, None where a word is none."""
    try:
        return parse_host(word)
    except FieldError:
        return None


def is_device(name: str) -> bool:
    """Whether a device may have that name."""
    return _DEVICE.fullmatch(name) is not None


def _device(ledger: Ledger, line: Statement) -> str | None:
    """Return the device that a line names; remarks say what else it says."""
    device = None
    waiting = list(reversed(line.words[1:]))
    while waiting:
        word = waiting.pop()
        if word.text == "dev" and waiting:
            value = waiting.pop()
            if is_device(value.text):
                device = value.text
                ledger.carried_words(word, value)
            else:
                ledger.lost_words([word, value], f"{shown(value.text)} cannot be a device", "name the device")
        elif word.text in _WITH_VALUE:
            value_words = [waiting.pop()] if waiting else []
            what, remedy = _WITH_VALUE[word.text]
            said = " ".join(one.text for one in (word, *value_words))
            ledger.lost_words([word, *value_words], f"{said} {what}", remedy)
        elif word.text in _ALONE:
            what, remedy = _ALONE[word.text]
            ledger.lost_words([word], f"{word.text} {what}", remedy)
    return device
