"""Tests of words: quotes, escapes, braces."""

import pytest

from linkbalancer.config.keepalived.lines import Line, Run
from linkbalancer.config.keepalived.words import arguments, words


def said(text: str) -> list[str]:
    """Return the words of a line; braces that open or close a block in brackets."""
    line = Line("file", text, (Run(0, 1, 1),))
    return [f"[{word.text}]" if word.brace else word.text for word in words(line)]


@pytest.mark.parametrize(
    ("text", "wanted"),
    [
        ("a  b\tc", ["a", "b", "c"]),
        ("a{b}c", ["a", "[{]", "b", "[}]", "c"]),
        ('"a { b" "}"', ["a { b", "}"]),
        ('abcd" efg h jkl "mnop', ["abcd efg h jkl mnop"]),
        ('abcd "efg h jkl" mnop', ["abcd", "efg h jkl", "mnop"]),
        ('""', [""]),
        ("${A}b", ["${A}b"]),
        (r'"a\"b" \# \x41\101\t\q', ['a"b', "#", "AA\tq"]),
        (r"\cA\c", ["\x01c"]),
        ("a\\", ["a\\"]),
        ('a"b', ["ab"]),
    ],
)
def test_a_line_is_cut(text: str, wanted: list[str]) -> None:
    """As keepalived.conf(5) says of quoted strings."""
    assert wanted == said(text)


@pytest.mark.parametrize(
    ("text", "wanted"),
    [
        ("/bin/a b 'c d'", ["/bin/a", "b", "c d"]),
        ("/bin/a\\ b", ["/bin/a b"]),
        ("", []),
        ("it's", ["its"]),
    ],
)
def test_a_script_is_cut(text: str, wanted: list[str]) -> None:
    """Single quotes hold its words together."""
    assert wanted == arguments(text)
