"""Putting other values into a YAML text that somebody else has written, without touching the rest of it."""

import json
from collections.abc import Mapping
from typing import TypeAlias

import yaml

Keys: TypeAlias = tuple[str, ...]
"""The keys that lead to a value."""


def rewritten(text: str, values: Mapping[Keys, str]) -> str:
    """Return a YAML text with other values at some places; whatever else stands there keeps its words and its line.

    Raises:
        KeyError: Nothing stands at a path, or no scalar does.
    """
    root = yaml.compose(text, Loader=yaml.SafeLoader)
    places = sorted(((_scalar(root, path), value) for path, value in values.items()), key=_start, reverse=True)
    for node, value in places:
        start, end = node.start_mark.index, node.end_mark.index
        # Folded and literal texts take several lines; as many stay.
        text = text[:start] + json.dumps(value) + "\n" * text.count("\n", start, end) + text[end:]
    return text


def _start(place: tuple[yaml.ScalarNode, str]) -> int:
    return int(place[0].start_mark.index)


def _scalar(root: yaml.Node | None, path: Keys) -> yaml.ScalarNode:
    node = root
    for name in path:
        entries = node.value if isinstance(node, yaml.MappingNode) else []
        node = next((value for key, value in entries if key.value == name), None)
    if not isinstance(node, yaml.ScalarNode):
        raise KeyError(path)
    return node
