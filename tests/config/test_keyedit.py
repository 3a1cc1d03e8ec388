"""Edits of one key of a configuration: every other byte stays."""

from pathlib import Path
from typing import Any

import pytest
import yaml
from hypothesis import given
from hypothesis import strategies as st

from linkbalancer.config.document import parse
from linkbalancer.config.keyedit import EditError, drop, put, write

REFERENCE = (Path(__file__).parents[2] / "conf" / "linkbalancer.yaml").read_text()
VALUE = {"function": "latency", "latency": {"good": "20ms"}}
WRITTEN = "weight: {function: latency, latency: {good: 20ms}}"
GROUP = ("groups", 1)

BLOCK = """\
# ours
groups:
  1:          # the first
    device: eth0
    link: l1  # by it
    lan:
      members: [a, b]

  2: {device: eth0}
node: b1
"""
FLOW = "groups:\n  1: {device: eth0, link: l1}  # the first\n"


class Dumper(yaml.SafeDumper):
    """Writes tuples as lists, as which they are read."""


Dumper.add_representer(tuple, yaml.SafeDumper.represent_list)

names = st.from_regex(r"[a-z][a-z_]{0,8}", fullmatch=True).filter(lambda name: name not in {"yes", "no", "on", "off"})
scalars = st.one_of(
    st.integers(-5, 10**6), st.booleans(), st.none(), st.text(st.characters(codec="ascii", exclude_categories=["C"]))
)
values = st.recursive(
    scalars,
    lambda inner: st.lists(inner, max_size=3).map(tuple) | st.dictionaries(names, inner, max_size=3),
    max_leaves=6,
)


@given(values)
def test_a_value_is_read_as_it_was(value: Any) -> None:
    """Whatever it is."""
    assert parse(write({"value": value}), "").values == {"value": value}


def test_a_value_is_written_as_people_do() -> None:
    """Without quotes where none are needed, with them where YAML would read something else."""
    assert write({**VALUE, "hold": "10s", "steps": [[0, 2], "50%"]}) == (
        "{function: latency, latency: {good: 20ms}, hold: 10s, steps: [[0, 2], 50%]}"
    )
    assert [write(one) for one in ("on", "1", "a b", "", "null", "1.5", True, 7)] == [
        *('"on"', '"1"', '"a b"', '""', '"null"', '"1.5"', "true", "7"),
    ]


@pytest.mark.parametrize(
    ("text", "after"),
    [
        (BLOCK, BLOCK.replace("    device: eth0\n", f"    {WRITTEN}\n    device: eth0\n")),
        (FLOW, FLOW.replace("link: l1}", f"link: l1, {WRITTEN}}}")),
        (BLOCK.replace("\n", "\r\n"), None),
        ("groups: {1: {device: eth0}}\n", f"groups: {{1: {{device: eth0, {WRITTEN}}}}}\n"),
        ("groups: {1: {device: [a, b], }}\n", f"groups: {{1: {{device: [a, b], {WRITTEN}, }}}}\n"),
    ],
)
def test_a_new_key_is_written_in_the_layout_that_is_there(text: str, after: str | None) -> None:
    """In a block on a line of its own, between braces at their end; and goes again without a trace."""
    edited = put(text, GROUP, "weight", VALUE)
    if after is not None:
        assert edited == after
    assert drop(edited, GROUP, "weight") == text


def test_a_value_takes_the_place_of_another() -> None:
    """Of a short one or of a block; the comment behind it stays."""
    block = BLOCK.replace(
        "    device: eth0\n", "    weight:  # why\n      function: loss\n      hold: 5s # so\n    device: eth0\n"
    )
    assert put(FLOW, GROUP, "link", "l2") == FLOW.replace("l1", "l2")
    edited = put(block, GROUP, "weight", "loss")
    assert edited == BLOCK.replace("    device: eth0\n", "    weight:  # why\n      loss # so\n    device: eth0\n")
    assert drop(block, GROUP, "weight") == BLOCK


def test_the_first_of_several_goes_with_its_comma() -> None:
    """And the last one too; what is not there need not go."""
    assert drop(FLOW, GROUP, "device") == FLOW.replace("device: eth0, ", "")
    assert drop(FLOW, GROUP, "link") == FLOW.replace(", link: l1", "")
    assert drop(FLOW, GROUP, "weight") == FLOW


@pytest.mark.parametrize(
    ("text", "section", "says"),
    [
        (BLOCK, ("groups", 9), "there is no groups.9"),
        (BLOCK, ("links", "l1"), "there is no links.l1"),
        ("groups: {1: {}}\n", GROUP, "has no keys"),
        ("groups: {1: loss}\n", GROUP, "has no keys"),
        ("groups: [1]\n", GROUP, "there is no groups.1"),
        ("groups: {1\n", GROUP, "is not read"),
        ("", GROUP, "is not read"),
        ("{groups: {1: {weight: &a x}}, node: *a}\n", GROUP, "is not read"),
        ("groups:\n  1:\n    weight:\n", GROUP, "laid out in a way that cannot be edited"),
        ("groups:\n  ? 1\n  : ? device\n    : eth0\n", GROUP, "linkbalancer edit"),
    ],
)
def test_what_cannot_be_edited_is_refused(text: str, section: tuple[str, str | int], says: str) -> None:
    """With what to do; nothing is ever spoilt."""
    with pytest.raises(EditError, match=says):
        put(text, section, "weight", "loss")


def test_a_value_of_several_lines_is_left_to_people() -> None:
    """And so is the only key of a section."""
    with pytest.raises(EditError, match="several lines"):
        put("groups:\n  1:\n    weight: |\n      loss\n    link: l1\n", GROUP, "weight", "loss")
    with pytest.raises(EditError, match="would be empty"):
        drop("groups: {1: {weight: loss}}\n", GROUP, "weight")


@pytest.mark.thorough
@given(st.dictionaries(names, values, min_size=1, max_size=4), names, values, st.sampled_from(["flow", "block"]))
def test_whatever_is_edited_says_what_it_should(keys: dict[str, Any], key: str, value: Any, layout: str) -> None:
    """Or is refused; what was there before stays, and comes back."""
    text = yaml.dump(
        {"groups": {1: keys, 2: {"device": "eth0"}}},
        Dumper=Dumper,
        default_flow_style=layout == "flow",
        sort_keys=False,
    )
    before = parse(text, "")
    if before.errors:
        return
    try:
        edited = put(text, GROUP, key, value)
    except EditError:
        return
    assert parse(edited, "").values == {**before.values, "groups": {**before.values["groups"], 1: {**keys, key: value}}}
    if key not in keys:
        assert drop(edited, GROUP, key) == text


def test_the_reference_is_edited_and_comes_back() -> None:
    """The file that people begin with."""
    for section in (GROUP, ("groups", 3), ("links", "l1")):
        edited = put(REFERENCE, section, "more", VALUE)
        assert len(edited.splitlines()) - len(REFERENCE.splitlines()) == 1
        assert drop(edited, section, "more") == REFERENCE
