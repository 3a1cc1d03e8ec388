"""Tests of the JSON Schema and of the reference file, which must say the same as the model."""

import functools
import re
from pathlib import Path
from typing import Any

from linkbalancer.config.document import parse
from linkbalancer.config.load import load
from linkbalancer.config.schema import json_schema, keys

REFERENCE = Path(__file__).parents[2] / "conf" / "linkbalancer.yaml"
CHOSEN = {"lans", "links", "groups", "notifications", "sync_groups", "trackers"}
"""Mappings whose keys the operator chooses."""


def dotted(path: tuple[str | int, ...]) -> str:
    """Write a path as the list of keys does."""
    words = ["*" if at == 1 and path[0] in CHOSEN else str(key) for at, key in enumerate(path)]
    return ".".join(word for word in words if not word.isdecimal()).partition(".track.")[0].partition(".composite.")[0]


@functools.cache
def made() -> dict[str, Any]:
    """Return the schema, made once for all keys."""
    return json_schema()


def schema_of(key: str) -> tuple[dict[str, Any], bool]:
    """Return the schema of a dotted key, and whether it is required."""
    whole = made()
    node: dict[str, Any] = whole
    required = False
    for word in key.split("."):
        node = unfolded(whole, node)
        if word == "*":
            node = node.get("additionalProperties") or next(iter(node["patternProperties"].values()))
        else:
            required = word in node.get("required", ())
            node = node["properties"][word]
    return node, required


def unfolded(whole: dict[str, Any], node: dict[str, Any]) -> dict[str, Any]:
    """Return the schema of a mapping, of one that may be left out, or of each entry of a list of them."""
    while "properties" not in node:
        if "$ref" in node:
            node = whole["$defs"][node["$ref"].rpartition("/")[2]]
        elif "items" in node:
            node = node["items"]
        elif "anyOf" in node:
            node = next((one for one in node["anyOf"] if "$ref" in one), node["anyOf"][0])
        else:
            break
    return node


def test_the_reference_file_is_complete_and_says_no_more() -> None:
    """Every key of the model is in conf/linkbalancer.yaml, and every key there is in the model."""
    document = parse(REFERENCE.read_text(), "reference")
    written = {dotted(path) for path in document.keys_at} - {f"{one}.*" for one in CHOSEN}

    assert document.errors == []
    assert written == set(keys())


def test_the_reference_file_tells_each_keys_true_default() -> None:
    """Beside the first place of every key stands `required`, or its default, and a sentence."""
    text = REFERENCE.read_text()
    lines = text.splitlines()
    places: dict[str, int] = {}
    for path, (line, _) in parse(text, "reference").keys_at.items():
        places.setdefault(dotted(path), line)
    for key in keys():
        node, required = schema_of(key)
        said = re.search(r"# (required|default ([^:(]+?)(?: \(([^)]*)\))?): \S+ \S+", lines[places[key] - 1])

        assert said, key
        assert (said[1] == "required") == required, key
        if not required:
            assert said[2] == default_in_words(key, node["default"]), key


def default_in_words(key: str, default: object) -> str:
    """Write a default as the reference file does."""
    if key.startswith("marks."):
        return f"{default:#010x}"
    if isinstance(default, dict) and default:
        return "as below"
    words = {True: "true", False: "false", None: "null"}
    if default is None or isinstance(default, bool):
        return words[default]
    return str(default).replace("'", "")


def test_the_reference_file_is_good() -> None:
    """It can be loaded as it stands, without a warning."""
    assert load(str(REFERENCE), lambda name: Path(name).read_text()).warnings == ()


def test_the_schema_refuses_what_is_unknown() -> None:
    """Editors underline unknown keys at every level."""
    schema = json_schema()

    assert schema["additionalProperties"] is False
    assert all(one["additionalProperties"] is False for one in schema["$defs"].values() if one["type"] == "object")
    assert schema["$schema"].startswith("https://json-schema.org/")
