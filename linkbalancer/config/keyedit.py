"""Edits of a configuration's text: one key of a section gets another value, or goes, and every other byte stays.

Whatever is edited is read again and compared: a text that this cannot edit faithfully is refused, never spoilt.
"""

import json
import re
from collections.abc import Mapping
from typing import Any, Final

import yaml

from linkbalancer.config.document import Path, Value, parse

REMEDY: Final = "edit the file by hand: `linkbalancer edit`"
_PLAIN: Final = re.compile(r"[A-Za-z][A-Za-z0-9_.%/-]*|[0-9]+[A-Za-z%]+", re.ASCII)
_RESERVED: Final = frozenset(("yes", "no", "on", "off", "true", "false", "null", "y", "n"))


class EditError(ValueError):
    """The text is not edited; it says why and what to do."""


def write(value: Value) -> str:
    """Return a value as YAML on one line, as people write it: `{function: latency, latency: {good: 20ms}}`."""
    match value:
        case Mapping():
            return "{" + ", ".join(f"{write(key)}: {write(one)}" for key, one in value.items()) + "}"
        case list() | tuple():
            return "[" + ", ".join(map(write, value)) + "]"
        case str() if _PLAIN.fullmatch(value) and value.lower() not in _RESERVED:
            return value
        case _:
            return json.dumps(value, ensure_ascii=False)


def put(text: str, section: Path, key: str, value: Value) -> str:
    """Return the text with `key: value` in a section, in place of what the key had.

    Raises:
        EditError: there is no such section, or its layout cannot be edited.
    """
    node = _section(text, section)
    for name, old in node.value:
        if name.value == key:
            edited = _instead(text, old, write(value))
            return _proven(text, edited, section, {key: parse(write({key: value}), "").values[key]})
    if node.flow_style:
        edited = _into_flow(text, node, f"{key}: {write(value)}")
    else:
        edited = _into_block(text, node, f"{key}: {write(value)}")
    return _proven(text, edited, section, {key: parse(write({key: value}), "").values[key]})


def drop(text: str, section: Path, key: str) -> str:
    """Return the text without a key of a section; the text itself where the key is not there.

    Raises:
        EditError: there is no such section, or its layout cannot be edited.
    """
    node = _section(text, section)
    for index, (name, old) in enumerate(node.value):
        if name.value == key:
            if len(node.value) == 1:
                raise EditError(f"{_named(section)} would be empty without {key}; {REMEDY}")
            edited = _out_of_flow(text, node, index) if node.flow_style else _out_of_block(text, name, old)
            return _proven(text, edited, section, {}, gone=key)
    return text


def _section(text: str, section: Path) -> yaml.MappingNode:
    """Return the node of a mapping that has keys."""
    found = parse(text, "")
    if found.errors:
        raise EditError(f"the file is not read: {found.errors[0].what}; mend that first")
    node = yaml.compose(text, Loader=yaml.SafeLoader)
    for step in section:
        inner = node.value if isinstance(node, yaml.MappingNode) else []
        node = next((value for name, value in inner if name.value == str(step)), None)
        if node is None:
            raise EditError(f"there is no {_named(section)} in the file")
    if not isinstance(node, yaml.MappingNode) or not node.value:
        raise EditError(f"{_named(section)} has no keys; {REMEDY}")
    return node


def _named(section: Path) -> str:
    return ".".join(map(str, section))


def _instead(text: str, old: yaml.Node, value: str) -> str:
    return text[: old.start_mark.index] + value + text[_end(old) :]


def _end(node: yaml.Node) -> int:
    """Return where a value ends: a block's mark stands after the blanks, comments and line ends that follow it."""
    last = node
    while isinstance(last, yaml.MappingNode | yaml.SequenceNode) and not last.flow_style and last.value:
        last = last.value[-1][1] if isinstance(last, yaml.MappingNode) else last.value[-1]
    if isinstance(last, yaml.ScalarNode) and last.style in {"|", ">"}:
        raise EditError(f"the value is written over several lines; {REMEDY}")
    return int(last.end_mark.index)


def _into_flow(text: str, node: yaml.MappingNode, entry: str) -> str:
    last = _end(node.value[-1][1])
    return f"{text[:last]}, {entry}{text[last:]}"


def _into_block(text: str, node: yaml.MappingNode, entry: str) -> str:
    """Write the entry on a line of its own behind the last one that is not itself a block of several lines."""
    first = node.value[0][0].start_mark
    indent = text[first.index - first.column : first.index]
    if indent.strip():
        raise EditError(f"the keys do not stand on lines of their own; {REMEDY}")
    at = first.index - first.column
    return f"{text[:at]}{indent}{entry}{_line_end(text)}{text[at:]}"


def _line_end(text: str) -> str:
    return "\r\n" if "\r\n" in text else "\n"


def _out_of_flow(text: str, node: yaml.MappingNode, index: int) -> str:
    """Take an entry out with the comma before it, or behind it where it is the first."""
    name, value = node.value[index]
    if index:
        begin = _end(node.value[index - 1][1])
        return text[:begin] + text[_end(value) :]
    return text[: name.start_mark.index] + text[node.value[1][0].start_mark.index :]


def _out_of_block(text: str, name: yaml.Node, value: yaml.Node) -> str:
    begin = name.start_mark.index - name.start_mark.column
    end = _end(value)
    stop = text.find("\n", end) + 1 or len(text)
    return text[:begin] + text[stop:]


def _proven(before: str, after: str, section: Path, put_in: Mapping[str, Value], gone: str = "") -> str:
    """Return the edited text if it says what it is to say and nothing else has changed."""
    wanted, found = parse(before, "").values, parse(after, "")
    inner: Any = wanted
    for step in section:
        inner = inner[step]
    inner.pop(gone, None)
    inner.update(put_in)
    if found.errors or found.values != wanted:
        raise EditError(f"{_named(section)} is laid out in a way that cannot be edited; {REMEDY}")
    return after
