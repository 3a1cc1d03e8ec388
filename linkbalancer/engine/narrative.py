"""Tells a chain of records as a person would: what began it, what came of it, and each step in a sentence.

A record is here what the history holds of it: `id`, `cause`, `kind`, `subject`, `text`, and `fields`.
"""

import re
from collections.abc import Iterable, Mapping, Sequence
from typing import Any, Final, TypeAlias

from linkbalancer.clock import MICROSECOND, MILLISECOND, in_words
from linkbalancer.links import Family, GroupId

Row: TypeAlias = Mapping[str, Any]

_ENDED: Final = re.compile(": (applied|unchanged|refused|failed) after ")
"""How the supervisor says that something it was asked for has ended."""

_TOLD_OF: Final = frozenset(("heard", "peer", "adjusted", "weight", "rules", "gateway", "advert", "started", "service"))
"""Kinds whose text says something of their subject."""

_NAMES: Final = 6
"""How many names a list has before the rest is counted."""


def sentence(record: Row) -> str:
    """Return what happened, in one sentence."""
    subject, text = str(record["subject"]), str(record["text"])
    match record["kind"]:
        case "link-closed" | "link-opened":
            return f"link {subject} {record['kind'].removeprefix('link-')}: {text}"
        case "alarm":
            return f"alarm: {subject}: {text}"
        case "vid":
            state, _, reason = text.partition(": ")
            return f"{subject} {state} here: {reason}"
        case "heard" | "peer" | "adjusted" | "weight" | "rules" | "gateway" | "advert" | "started" | "service" if (
            subject
        ):
            return f"{subject}: {text}"
        case "next-hop":
            return f"{subject} goes nowhere: {text}" if text == "unreachable" else f"{subject} goes by {text}"
        case "kernel":
            return text
        case "drained":
            return f"{subject} drained {text}"
        case "resumed" if text.startswith("was drained"):
            return f"{subject} serves again: it {text}"
        case "application":
            return f"{subject} goes {text}"
        case _:
            return f"{subject} {text}" if subject and subject not in text else text


def measured(record: Row) -> str:
    """Return the figures that belong to a record, empty when there are none."""
    fields = record["fields"]
    parts = []
    if record["kind"] == "link-closed":
        if "last_proof_ms" in fields:
            parts.append(f"last round trip proven {in_words(fields['last_proof_ms'] * MILLISECOND)} before")
        if fields.get("misses"):
            parts.append(f"{fields['misses']} {'query' if fields['misses'] == 1 else 'queries'} unanswered")
        if "detect_ms" in fields:
            parts.append(f"detect time {in_words(fields['detect_ms'] * MILLISECOND)}")
    if "took_us" in fields:
        parts.append(f"the kernel took {in_words(fields['took_us'] * MICROSECOND)}")
    return ", ".join(parts)


def headline(chain: Sequence[Row]) -> str:
    """Return what began a chain; what one neighbour said of several VIDs is one thing."""
    root = chain[0]
    if root["kind"] not in {"heard", "peer"}:
        return sentence(root)
    alike = [one for one in chain if (one["kind"], one["text"]) == (root["kind"], root["text"])]
    return f"VID {_list(sorted(set(map(_group, alike))))}: {root['text']}"


def consequences(chain: Sequence[Row]) -> list[str]:
    """Return what came of a chain's root, summed up: links, VIDs, applications, flows; where each was in the end."""
    links: dict[str, str] = {}
    vids: dict[GroupId, str] = {}
    applications: dict[str, str] = {}
    flows = put_back = 0
    dead: set[GroupId] = set()
    # What is heard at first tells where a VID is, unless nothing came of it.
    begin = 0 if chain[0]["kind"] == "heard" and len(chain) > 1 else 1
    for one in chain[begin:]:
        fields = one["fields"]
        match one["kind"]:
            case "link-closed" | "link-opened":
                links[one["subject"]] = one["kind"].removeprefix("link-")
            case "vid" | "resumed" if "vid" in fields:
                vids[_group(one)] = _place(one["text"].partition(":")[0], vids.get(_group(one), ""))
            case "heard" if " is Master" in one["text"]:
                vids[_group(one)] = f"to {fields['source']}"
            case "verdict" if one["text"].startswith("does not work"):
                dead.add(_group(one))
            case "verdict":
                dead.discard(_group(one))
                vids.setdefault(_group(one), "works again")
            case "application":
                applications[one["subject"]] = f"to VID {fields['vid']}" if "vid" in fields else "nowhere"
            case "flows":
                flows += fields["flows"]
            case "put-back":
                put_back += 1
            case _:
                pass
    vids |= dict.fromkeys(dead, "works no more")
    return [
        *_said(chain[1:]),
        *(f"link {_list(names)} {state}" for state, names in _by_place(links)),
        *(f"VID {_list(sorted(names))} {place}" for place, names in _by_place(vids)),
        *(f"{_list(names)} {place}" for place, names in _by_place(applications)),
        *([_flows({"flows": flows})] if flows else []),
        *([f"{put_back} put back"] if put_back else []),
    ]


def _group(record: Row) -> GroupId:
    fields = record["fields"]
    return GroupId(fields.get("vid", 0), Family(fields.get("family", Family.IPV4)))


def _said(steps: Sequence[Row]) -> Iterable[str]:
    """Return how what people asked for has ended; of a configuration that came into force, which it is."""
    said = {
        one["kind"]: str(one["text"])
        for one in steps
        if one["kind"] in {"config", "drain"} or (one["kind"] == "service" and _ENDED.search(one["text"]))
    }
    if "config" in said:
        said.pop("service", None)
    return said.values()


def _place(state: str, before: str) -> str:
    """Return where a VID is whose state here changed; a Backup's is where it was heard."""
    if state == "backup" and before.startswith("to "):
        return before
    return "mastered here" if state == "master" else f"{state} here"


def _by_place(places: Mapping[Any, str]) -> Iterable[tuple[str, list[Any]]]:
    """Turn things with a place into places with their things."""
    grouped: dict[str, list[Any]] = {}
    for name, place in places.items():
        grouped.setdefault(place, []).append(name)
    return grouped.items()


def _list(names: Sequence[object]) -> str:
    shown = ", ".join(map(str, names[:_NAMES]))
    return shown + (f" and {len(names) - _NAMES} more" if len(names) > _NAMES else "")


def _flows(fields: Mapping[str, Any]) -> str:
    return f"{fields['flows']} {'flow' if fields['flows'] == 1 else 'flows'} moved"
