"""Putting other values into somebody's YAML."""

import pytest
import yaml

from linkbalancer.lab.rewriting import rewritten

KEY_FILE = ("links", "l1", "key_file")


@pytest.mark.parametrize(
    "value",
    [
        "l1.key",
        '"/etc/keys/l1.key"',
        "'l1.key'",
        '"/etc/linkbalancer/\n      keys/l1.key"',
        ">-\n      /etc/linkbalancer/keys/l1.key",
        "|-\n      /etc/linkbalancer/keys/l1.key\n",
    ],
)
def test_a_value_is_replaced_and_every_line_keeps_its_number(value: str) -> None:
    """However the value is written, one that stands below it is on the line that it was on."""
    text = f"# b1\nnode: b1\nlinks:\n  l1:\n    key_file: {value}\n    device: eth1   # to the far side\nafter: all\n"
    new = rewritten(text, {KEY_FILE: "keys/l1.key"})

    assert yaml.safe_load(new) == {
        **yaml.safe_load(text),
        "links": {"l1": {"key_file": "keys/l1.key", "device": "eth1"}},
    }
    assert new.splitlines().index("after: all") == text.splitlines().index("after: all")
    assert "    device: eth1   # to the far side\n" in new


def test_several_values_in_one_line_are_replaced() -> None:
    """In a flow mapping too, and with characters before them that take several bytes."""
    text = "rules: ../äöü.conf  # ✓\nlinks: {l1: {key_file: ä.key, peer: 1}, l2: {key_file: ../x.key}}\n"
    new = rewritten(text, {KEY_FILE: "one", ("links", "l2", "key_file"): "another", ("rules",): "apps.conf"})

    assert new == 'rules: "apps.conf"  # ✓\nlinks: {l1: {key_file: "one", peer: 1}, l2: {key_file: "another"}}\n'


@pytest.mark.parametrize("path", [("links", "l2", "key_file"), ("links", "l1"), ("node", "name")])
def test_only_a_scalar_that_is_there_can_be_replaced(path: tuple[str, ...]) -> None:
    """Nothing is guessed."""
    with pytest.raises(KeyError):
        rewritten("node: b1\nlinks: {l1: {key_file: x}}\n", {path: "new"})
