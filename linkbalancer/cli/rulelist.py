"""How `linkbalancer rules list` shows rules: columns, and where each application is now."""

from collections.abc import Sequence
from typing import Any, Final

from linkbalancer.config.rulelines import RuleLine

HEADER: Final = (
    "line",
    "is called",
    "application",
    "source",
    "destination",
    "TOS",
    "sport",
    "dport",
    "protocol",
    "VIDs",
    "options",
    "is on",
    "comment",
)
_OPTIONS: Final = HEADER.index("options")
WIDE: Final = 24
"""Characters of a list that are shown; programs are told all of it."""
_FIELDS: Final = ("source", "destination", "tos", "source_port", "destination_port", "protocol")


def facts(lines: Sequence[RuleLine], status: dict[str, Any] | None) -> list[dict[str, Any]]:
    """Return the rules for programs."""
    return [
        {
            "line": line.number,
            "identity": line.identity,
            "application": line.application,
            "enabled": line.enabled,
            "valid": bool(line.rules),
            **dict(zip(_FIELDS, line.fields, strict=False)),
            "vids": line.vids,
            "options": line.options,
            "comment": line.comment,
            "vid": _vid(line, status),
        }
        for line in lines
    ]


def plain(lines: Sequence[RuleLine], status: dict[str, Any] | None) -> str:
    """Return the rules as text in columns; that of options only where there are any."""
    if not lines:
        return "there are no rules"
    rows = [HEADER, *(_cells(line, status) for line in lines)]
    if not any(line.options for line in lines):
        rows = [row[:_OPTIONS] + row[_OPTIONS + 1 :] for row in rows]
    widths = [max(map(len, column)) for column in zip(*rows, strict=True)]
    return "\n".join("  ".join(map(str.ljust, row, widths)).rstrip() for row in rows)


def coloured(lines: Sequence[RuleLine], status: dict[str, Any] | None) -> str:
    """Return the same for a terminal: the disabled dim, those with errors red, those that are nowhere yellow."""
    header, *rest = plain(lines, status).split("\n")
    styles = [_style(line, status) for line in lines]
    return "\n".join([f"\x1b[1m{header}\x1b[0m", *map(_coloured, rest, styles)])


def _coloured(text: str, style: str) -> str:
    return f"\x1b[{style}m{text}\x1b[0m" if style else text


def _style(line: RuleLine, status: dict[str, Any] | None) -> str:
    """Return the colour's number: nothing for a rule that is as wished."""
    if not line.enabled:
        return "2"
    if not line.rules:
        return "31"
    known = status is not None and line.application in status["applications"]
    return "33" if known and _vid(line, status) is None else ""


def _cells(line: RuleLine, status: dict[str, Any] | None) -> tuple[str, ...]:
    fields = tuple(map(_short, line.fields)) if len(line.fields) == len(_FIELDS) else ("?",) * len(_FIELDS)
    name = line.application or "(has an error)"
    return (str(line.number), line.identity, name, *fields, line.vids, line.options, _now(line, status), line.comment)


def _short(words: str) -> str:
    """Return the first elements of a long list, and how many more there are."""
    first, *others = words.split(",")
    shown = [first]
    for other in others:
        if len(",".join([*shown, other])) > WIDE:
            return f"{','.join(shown)},+{len(others) + 1 - len(shown)}"
        shown.append(other)
    return words


def _now(line: RuleLine, status: dict[str, Any] | None) -> str:
    """Say where the rule's application is."""
    if not line.enabled:
        return "disabled"
    if status is None or not line.rules:
        return "?"
    if line.application not in status["applications"]:
        return "not applied yet"
    vid = _vid(line, status)
    return "nowhere" if vid is None else f"VID {vid}"


def _vid(line: RuleLine, status: dict[str, Any] | None) -> int | None:
    if status is None or not line.enabled:
        return None
    vid = status["applications"].get(line.application, {}).get("vid")
    return vid if isinstance(vid, int) else None
