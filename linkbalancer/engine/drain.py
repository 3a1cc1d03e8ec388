"""What is drained: links, VIDs or the whole gateway taken out of service on purpose, by somebody, for a reason.

The set is always handed over whole, so that saying it twice, or to a new agent, changes nothing. What names no link or
VID of this gateway is kept, and drains nothing.
"""

from collections.abc import Mapping, Sequence
from contextlib import suppress
from dataclasses import dataclass, field
from typing import Any

from linkbalancer.links import GroupState, LinkName, Vid
from linkbalancer.lvrrp.rules import Stance

LIMIT = 1024
"""Entries at most: every link, every VID and the node fit in."""

WORDS_MAX = 200
"""Characters of a name or a reason."""

KINDS = ("link", "vid", "node")

WORDS = {"link": "link", "vid": "VID", "node": "gateway"}
"""What people call them."""


@dataclass(frozen=True, slots=True)
class Drained:
    """The whole of what is drained at this gateway: each with the words that its peers are told (`by root: ...`)."""

    links: Mapping[LinkName, str] = field(default_factory=dict)
    vids: Mapping[Vid, str] = field(default_factory=dict)
    node: str | None = None

    def reason(self, vid: Vid, link: LinkName | None) -> str | None:
        """Say why a VID must not be served here, None when it may: itself, its link or the node is drained."""
        by = self.vids.get(vid) or self.links.get(link or "") or self.node
        return None if by is None else f"drained {by}"

    def subjects(self) -> dict[str, str]:
        """Return what is drained, as people call it, each with its words."""
        named = {_called("link", name): by for name, by in self.links.items()}
        named |= {_called("vid", vid): by for vid, by in self.vids.items()}
        return named if self.node is None else {_called("node", ""): self.node, **named}

    def to_json(self) -> dict[str, Any]:
        """Return it as JSON-able values, for a successor."""
        return {"links": dict(self.links), "vids": {str(vid): by for vid, by in self.vids.items()}, "node": self.node}

    @classmethod
    def from_json(cls, left: object) -> "Drained":
        """Return what a predecessor left; what makes no sense is nothing."""
        match left:
            case {"links": dict(links), "vids": dict(vids), "node": None | str() as node}:
                with suppress(ValueError):
                    return cls(links, {int(vid): by for vid, by in vids.items()}, node)
            case _:
                pass
        return cls()

    def changes(self, before: "Drained") -> list[tuple[str, str, str]]:
        """Return what is news since `before`: kind (drained, resumed), subject, words."""
        was, now = before.subjects(), self.subjects()
        fresh = [("drained", subject, by) for subject, by in now.items() if was.get(subject) != by]
        return fresh + [("resumed", subject, f"was drained {by}") for subject, by in was.items() if subject not in now]


def as_recorded(entry: Mapping[str, Any]) -> str:
    """Return what the log and the history call what an entry names."""
    return _called(entry["kind"], entry["name"])


def _called(kind: str, name: object) -> str:
    return "this gateway" if kind == "node" else f"{WORDS[kind]} {name}"


def read(entries: object) -> Drained:
    """Return the set that a list of entries means.

    An entry has `kind` (link, vid, node), `name`, `who`, and perhaps `reason`; what else it has is for others.

    Raises:
        ValueError: they are no such list; the text says what is wrong.
    """
    if not isinstance(entries, Sequence) or len(entries) > LIMIT:
        raise ValueError(f"what is drained is a list of at most {LIMIT} entries")
    links: dict[LinkName, str] = {}
    vids: dict[Vid, str] = {}
    node: str | None = None
    for entry in entries:
        kind, name, by = _entry(entry)
        if kind == "link":
            links[name] = by
        elif kind == "vid":
            vids[int(name)] = by
        else:
            node = by
    return Drained(links, vids, node)


def _entry(entry: object) -> tuple[str, str, str]:
    if not isinstance(entry, Mapping) or entry.get("kind") not in KINDS:
        raise ValueError(f"an entry's kind is one of {', '.join(KINDS)}")
    texts: dict[str, Any] = {key: entry.get(key) for key in ("name", "who")}
    reason = entry.get("reason") or ""
    if not (all(texts.values()) and all(map(is_text, (*texts.values(), reason)))):
        raise ValueError(f"an entry has name, who and reason as printable texts of at most {WORDS_MAX} characters")
    if entry["kind"] == "vid" and not (texts["name"].isascii() and texts["name"].isdecimal()):
        raise ValueError(f"a VID is a number, not {texts['name']!r}")
    by = f"by {texts['who']}"
    return str(entry["kind"]), texts["name"], f"{by}: {reason}" if reason else by


def is_text(value: object) -> bool:
    """Tell whether something is a text that may reach a log and a peer."""
    return isinstance(value, str) and value.isprintable() and len(value) <= WORDS_MAX


def stance(reason: str) -> Stance:
    """Return the stance of a VID that is drained: not running, stated as a fault, so that it moves at both ends."""
    return Stance(runs=False, priority=0, stopped_as=GroupState.FAULT, tier=None, reason=reason)
