"""The next hop's neighbour entry: whether packets find a MAC, and the one that they should."""

from collections.abc import Iterator, Mapping
from typing import Any, Final

from linkbalancer.clock import MILLISECOND, in_words
from linkbalancer.engine.crosscheck.line import Line, differs, note, same
from linkbalancer.engine.crosscheck.observed import Neighbour, Seen

_LOST: Final = {"failed", "incomplete"}


def judge(seen: Seen, hop: Mapping[str, Any] | None) -> Iterator[Line]:
    """Yield the line about the neighbour that the packet would be handed to."""
    answer, entry = seen.answer, seen.neighbour
    if answer.gateway is None:
        return
    at = f"{answer.gateway} dev {answer.device}"
    if hop is not None and hop["kind"] == "master" and str(answer.gateway) == hop["gateway"]:
        yield _pinned(f"{hop['mac']} pinned", entry, at)
    elif entry is None:
        yield note("neighbour", "no entry: it is asked for with the first packet")
    elif entry.state in _LOST:
        asked = "ARP" if answer.gateway.version == 4 else "neighbour solicitation"
        why = f"{answer.gateway} answers no {asked} on {answer.device}: packets wait for it, and are lost."
        look = f"ip neigh show {at}"
        yield differs("neighbour", "answers", _in_words(entry), why, look, f"ip neigh del {at}  # asked for anew")
    elif entry.state == "permanent" and not entry.ours:
        why = "Somebody has pinned the neighbour by hand; if its MAC changes, packets go nowhere."
        yield note("neighbour", _in_words(entry), why)
    else:
        yield same("neighbour", "answers", _in_words(entry))


def _pinned(wanted: str, entry: Neighbour | None, at: str) -> Line:
    """Compare with the pin: the Master's MAC, as its adverts bear it."""
    if entry is not None and entry.mac is not None and f"{entry.mac.hex(':')} pinned" == wanted:
        if entry.ours and entry.state == "permanent":
            return same("neighbour", wanted, _in_words(entry))
        why = "The entry is right and not pinned by us: ARP may change it, to a former Master too."
        return differs("neighbour", wanted, _in_words(entry), why, f"ip neigh show {at}", "linkbalancer history")
    why = "Packets are handed to another machine than the Master, or to none."
    kernel = "no entry" if entry is None else _in_words(entry)
    return differs("neighbour", wanted, kernel, why, f"ip neigh del {at}", "systemctl restart linkbalancer")


def _in_words(entry: Neighbour) -> str:
    state = "pinned by us" if entry.ours and entry.state == "permanent" else entry.state
    words = [state] if entry.mac is None else [entry.mac.hex(":"), state]
    if entry.state in _LOST:
        age, said = entry.updated_ms, "for"
    else:
        age, said = entry.confirmed_ms, "confirmed"
    if age is None or entry.state in {"permanent", "noarp"}:
        return " ".join(words)
    ago = in_words(age * MILLISECOND)
    return f"{' '.join(words)}, {said} {ago}" + (" ago" if said == "confirmed" else "")
