"""Tests of YAML documents with places."""

import pytest

from linkbalancer.config.document import parse


def test_values_and_places_are_kept() -> None:
    """Every key and value knows its line and column."""
    document = parse("a: 1\nb:\n  - x\n  - {c: yes, 7: null}\n", "f")

    assert document.values == {"a": 1, "b": ("x", {"c": True, 7: None})}
    assert document.errors == []
    assert document.keys_at["b", 1, "c"] == (4, 6)
    assert document.values_at["b", 1, "c"] == (4, 9)
    assert document.values_at["b", 1, 7] == (4, 17)


def test_a_finding_takes_the_nearest_place() -> None:
    """A key's own place, a value's, or that of what is around something missing."""
    document = parse("a:\n  b: 1\n", "f")

    def place(*path: str, at_key: bool = False) -> tuple[int, int]:
        finding = document.finding(path, "x", "y", at_key=at_key)
        return finding.line, finding.column

    assert place("a", "b") == (2, 6)
    assert place("a", "b", at_key=True) == (2, 3)
    assert place("a", "c", "d") == (2, 3)
    assert place("z", at_key=True) == (1, 1)


@pytest.mark.parametrize(
    ("text", "error"),
    [
        ("a: [1\n", "f:2:1: not YAML: while parsing a flow sequence expected ',' or ']'"),
        ("a: b: c\n", "f:1:5: not YAML: mapping values are not allowed here; mend the indentation"),
        ("a: \x07\n", "f:1:4: the character U+0007 cannot stand in YAML; remove it"),
        ("", "f:1:1: the file is empty; start from the reference file conf/linkbalancer.yaml"),
        ("a: 1\nb: 2\na: 3\n", "f:3:1: the key a is given twice; remove one; the first is on line 1"),
        ("a: &x [1]\nb: *x\n", "f:1:4: aliases are not supported; write the value out once more"),
        ("a: &x {b: *x}\n", "f:1:4: aliases are not supported"),
        ("<<: {a: 1}\n", "f:1:1: merge keys (<<) are not supported; write the keys out"),
        ("a: !x 1\n", "f:1:4: the tag !x is not supported; write the value without a tag"),
        ("a: ! 1\n", "f:1:4: the tag ! is not supported"),
        ("a: !!bool foo\n", "f:1:4: the tag !!bool is not supported; write the value without a tag"),
        ('a: !!int ""\n', "f:1:4: the tag !!int is not supported"),
        ('a: !!float ""\n', "f:1:4: the tag !!float is not supported"),
        ("a: !!set {b}\n", "f:1:4: the tag !!set is not supported"),
        ("a: !!omap [b]\n", "f:1:4: the tag !!omap is not supported"),
        ("!!str a: 1\n", "f:1:1: the tag !!str is not supported"),
        ("a: &x !!int 5\n", "f:1:4: the tag !!int is not supported"),
        ("%TAG ! tag:yaml.org,2002:\n---\na: !int 5\n", "f:3:4: the tag !!int is not supported"),
        (
            'a: "b\\UFFFFFFFF"\n',
            "f:1:6: not YAML: the number in an escape or directive is out of range; write the character itself",
        ),
        ('a:\n  "\\U00110000"\n', "f:2:4: not YAML: the number in an escape or directive is out of range"),
        (f"%YAML 1.{'1' * 5000}\n---\na: 1\n", "f:1:7: not YAML: the number in an escape or directive is out of range"),
        ("a: 0150\n", "f:1:4: YAML reads 0150 as 104 (octal); write 104 if you mean that: numbers are decimal without"),
        ("a: 1:40\n", "f:1:4: YAML reads 1:40 as 100 (in base 60); write 100 if you mean that"),
        ("a: -0b11\n", "f:1:4: YAML reads -0b11 as -3 (binary); write -3 if you mean that"),
        ("a: 1_50\n", "f:1:4: YAML reads 1_50 as 150 (grouped digits); write 150 if you mean that"),
        ("010: 1\n", "f:1:1: YAML reads 010 as 8 (octal); write 8 if you mean that"),
        ("[a]: 1\n", "f:1:1: a key must be a name or a number; put it in quotes if it is a name"),
        ("yes: 1\n", "f:1:1: a key must be a name or a number"),
        ("a: 1\n--- \nb: 1\n", "f:2:1: not YAML: expected a single document in the stream"),
        ("[" * 5000, "f:1:1: the document is nested too deeply; write it flat"),
    ],
)
def test_what_yaml_allows_and_we_do_not(text: str, error: str) -> None:
    """Each is refused at its place with a remedy."""
    (found,) = parse(text, "f").errors

    assert str(found).startswith(error)


def test_only_numbers_of_reason_are_numbers() -> None:
    """What cannot be a number stays the text that it is; dates too."""
    huge = "9" * 5000
    document = parse(f"[0b_, {huge}, 0x{'f' * 5000}, 2001-01-01, 1.5, 0x10, -7, +7, 0, <<, =]", "f")

    assert document.values == ("0b_", huge, f"0x{'f' * 5000}", "2001-01-01", 1.5, 16, -7, 7, 0, "<<", "=")
    assert document.errors == []


def test_a_tagged_value_is_read_as_if_it_had_no_tag() -> None:
    """So that the tag is the only error where the value is right."""
    document = parse('[!!str 5, !!int "5", !!bool no, !!seq [1], !!map {a: 1}]', "f")

    assert document.values == (5, "5", False, (1,), {"a": 1})
    assert len(document.errors) == 5
