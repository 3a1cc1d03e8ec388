"""A YAML document as plain values, with the place of every key and value kept.

Only what a configuration needs is taken: mappings, lists, text, whole numbers, true and false. Duplicate keys, tags,
anchors and merge keys are refused, so that what is written is what is meant.
"""

import re
from dataclasses import dataclass, field
from typing import Any, Final, TypeAlias

import yaml

from linkbalancer.config.findings import Finding

Path: TypeAlias = tuple[str | int, ...]
"""Where something is in the document: the keys and list positions that lead there."""

Value: TypeAlias = Any
"""Whatever a key of a document may hold."""

Place: TypeAlias = tuple[int, int]
"""Line and column, from 1."""

_YAML: Final = "tag:yaml.org,2002:"
_CONVERTED: Final = {_YAML + name for name in ("bool", "int", "null", "float")}
_MERGE: Final = _YAML + "merge"
_NUMBER: Final = re.compile(r"[-+]?(0|[1-9][0-9]*|0x[0-9a-fA-F]+)", re.ASCII)


@dataclass(slots=True)
class Document:
    """What a YAML text says, where each part of it stands, and what is wrong with it as YAML."""

    file: str
    values: Value = None
    values_at: dict[Path, Place] = field(default_factory=dict)
    keys_at: dict[Path, Place] = field(default_factory=dict)
    errors: list[Finding] = field(default_factory=list)
    texts_at: dict[Path, str] = field(default_factory=dict)
    """Each text as it is written, to its end."""

    def finding(self, path: Path, what: str, remedy: str, *, at_key: bool = False, after: int | None = None) -> Finding:
        """Return a finding at a value (or at its key), or at the nearest thing around it that is there.

        `after`: in a text, behind so many characters that are no blanks.
        """
        places = self.keys_at if at_key and path in self.keys_at else self.values_at
        while path and path not in places:
            path = path[:-1]
            places = self.values_at
        line, column = places.get(path, (1, 1))
        if after is not None and path in self.texts_at:
            line, column = _within((line, column), self.texts_at[path], after)
        return Finding(self.file, line, column, what, remedy)


def parse(text: str, file: str) -> Document:
    """Read a YAML text; never raises, errors are in the answer (values None where nothing could be read)."""
    document = Document(file)
    try:
        node = _compose(text, document)
    except yaml.MarkedYAMLError as error:
        document.errors.append(_syntax(file, error))
    except yaml.reader.ReaderError as error:
        before = text[: error.position]
        line, column = before.count("\n") + 1, len(before) - before.rfind("\n")
        what = f"the character U+{ord(text[error.position]):04X} cannot stand in YAML"
        document.errors.append(Finding(file, line, column, what, "remove it"))
    except RecursionError:
        document.errors.append(Finding(file, 1, 1, "the document is nested too deeply", "write it flat"))
    else:
        if node is not None:
            document.values = _Builder(document).value(node, ())
        elif not document.errors:
            what = "the file is empty"
            document.errors.append(Finding(file, 1, 1, what, "start from the reference file conf/linkbalancer.yaml"))
    return document


def _compose(text: str, document: Document) -> yaml.Node | None:
    """Return the text's nodes; explicit tags and impossible escapes are errors of the document."""
    loader = _Loader(text)
    try:
        node = loader.get_single_node()
    except (ValueError, OverflowError):
        # PyYAML takes any number in an escape or a directive, and stumbles over it only then.
        mark = loader.get_mark()
        what = "not YAML: the number in an escape or directive is out of range"
        remedy = "write the character itself, and no directive"
        document.errors.append(Finding(document.file, mark.line + 1, max(mark.column - 1, 1), what, remedy))
        return None
    for mark, tag in loader.tags:
        short = f"!!{tag.removeprefix(_YAML)}" if tag.startswith(_YAML) else tag
        what, remedy = f"the tag {short} is not supported", "write the value without a tag"
        document.errors.append(Finding(document.file, mark.line + 1, mark.column + 1, what, remedy))
    return node


def _syntax(file: str, error: yaml.MarkedYAMLError) -> Finding:
    mark = error.problem_mark or error.context_mark
    line, column = (mark.line + 1, mark.column + 1) if mark else (1, 1)
    context = f" {error.context}" if error.context else ""
    return Finding(
        file, line, column, f"not YAML:{context} {error.problem}", "mend the indentation, quotes or brackets"
    )


class _Loader(yaml.SafeLoader):
    """Composes nodes as if nothing had a tag, and notes the tags that are written out."""

    def __init__(self, text: str) -> None:
        super().__init__(text)
        self.tags: list[tuple[yaml.Mark, str]] = []

    def compose_node(self, parent: yaml.Node | None, index: int) -> yaml.Node | None:
        """Compose the next node; overrides the composer's own step."""
        event = self.peek_event()  # type: ignore[no-untyped-call]
        tag = getattr(event, "tag", None)
        node = super().compose_node(parent, index)
        if tag is not None and node is not None:
            self.tags.append((event.start_mark, tag))
            if isinstance(node, yaml.ScalarNode):
                plain = not node.style
                node.tag = self.resolve(yaml.ScalarNode, node.value, (plain, not plain))  # type: ignore[no-untyped-call]
        return node


class _Builder:
    """Turns nodes into values and notes their places."""

    def __init__(self, document: Document) -> None:
        self._document = document
        self._scalars = yaml.SafeLoader("")
        self._seen: set[int] = set()

    def value(self, node: yaml.Node, path: Path) -> Value:
        """Return a node's value."""
        self._document.values_at[path] = _place(node)
        if isinstance(node, yaml.ScalarNode) and node.start_mark.buffer is not None:
            written = node.start_mark.buffer[node.start_mark.pointer : node.end_mark.pointer]
            self._document.texts_at[path] = written
        if id(node) in self._seen:
            self._error(node, "aliases are not supported", "write the value out once more")
            return None
        self._seen.add(id(node))
        if isinstance(node, yaml.MappingNode):
            return self._mapping(node, path)
        if isinstance(node, yaml.SequenceNode):
            return tuple(self.value(child, (*path, index)) for index, child in enumerate(node.value))
        return self._scalar(node)

    def _mapping(self, node: yaml.MappingNode, path: Path) -> dict[str | int, Value]:
        values: dict[str | int, Value] = {}
        for key_node, value_node in node.value:
            if key_node.tag == _MERGE:
                self._error(key_node, "merge keys (<<) are not supported", "write the keys out")
                continue
            key = self._scalar(key_node) if isinstance(key_node, yaml.ScalarNode) else None
            if not isinstance(key, str | int) or isinstance(key, bool):
                self._error(key_node, "a key must be a name or a number", "put it in quotes if it is a name")
                continue
            here = (*path, key)
            if key in values:
                first, _ = self._document.keys_at[here]
                self._error(key_node, f"the key {key} is given twice", f"remove one; the first is on line {first}")
                continue
            self._document.keys_at[here] = _place(key_node)
            values[key] = self.value(value_node, here)
        return values

    def _scalar(self, node: yaml.Node) -> Value:
        if node.tag not in _CONVERTED:
            return node.value
        try:
            value = self._scalars.construct_object(node)
        except ValueError:  # `0b_`, or a number of thousands of digits
            return node.value
        if isinstance(value, int) and not isinstance(value, bool):
            if value.bit_length() > 64:
                # A number beyond all reason is refused as the text that it is: it could not even be written in decimal.
                return node.value
            if not _NUMBER.fullmatch(node.value):
                what = f"YAML reads {node.value} as {value} ({_notation(node.value)})"
                remedy = f"write {value} if you mean that: numbers are decimal without leading zeros, or 0x..."
                self._error(node, what, remedy)
        return value

    def _error(self, node: yaml.Node, what: str, remedy: str) -> None:
        line, column = _place(node)
        self._document.errors.append(Finding(self._document.file, line, column, what, remedy))


def _notation(number: str) -> str:
    """Name what YAML 1.1 has beside decimal and 0x, and hardly anybody expects."""
    if ":" in number:
        return "in base 60"
    if number.lstrip("+-").startswith("0b"):
        return "binary"
    return "grouped digits" if "_" in number else "octal"


def _within(place: Place, written: str, after: int) -> Place:
    """Return a place in a text that begins at `place`, however it is written: quoted, over several lines, in a block.

    Blanks do not count: where lines are joined, one stands for several.
    """
    begin = written.find("\n") + 1 if written[:1] in {"|", ">"} else int(written[:1] in {'"', "'"})
    seen = [at for at, one in enumerate(written) if at >= begin and not one.isspace()]
    at = seen[after] if after < len(seen) else seen[-1] + 1
    line, column = place
    lines = written[:at].split("\n")
    return line + len(lines) - 1, (column + at if len(lines) == 1 else len(lines[-1]) + 1)


def _place(node: yaml.Node) -> Place:
    return node.start_mark.line + 1, node.start_mark.column + 1
