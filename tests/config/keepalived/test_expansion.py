"""Tests of includes, conditions, definitions and sequences."""

import pytest

from linkbalancer.config.keepalived import expansion
from linkbalancer.config.keepalived.expansion import Expansion
from linkbalancer.config.keepalived.lines import logical_lines


def expanded(text: str, **files: str) -> Expansion:
    """Expand a text that may include others, by their names."""
    texts = {"main": text, **files}

    def read(name: str) -> str:
        if name == "unreadable":
            raise PermissionError(13, "Permission denied")
        if name == "binary":
            raise UnicodeDecodeError("utf-8", b"\xff", 0, 1, "invalid start byte")
        return texts[name]

    def match(pattern: str, _folder: str) -> list[str]:
        return sorted(name for name in (*texts, "unreadable", "binary") if name == pattern)

    return Expansion("main", read, match, "host")


def lines(text: str, **files: str) -> list[str]:
    """Return the lines that come of a text, without white space around them."""
    found = expanded(text, **files)
    assert [] == found.errors
    return [" ".join(line.text.split()) for line in found.lines]


@pytest.mark.parametrize(
    ("text", "wanted"),
    [
        ("a # b\n! c\n\nd ! e\n", ["a", "d"]),
        ('a "# b" \\# c # d\n', ['a "# b" \\# c']),
        ("a \\\n  b\nc\n", ["a b", "c"]),
        ("a # goes on \\\nb\n", ["a b"]),
        ("a \\", ["a"]),
        ("@host a\n@^host b\n@other c\n@^other d\n@host\n", ["a", "d"]),
        ("$A=1\n$B=${A}2\nx ${B} $A y$A\n$A=5\nx ${B}\n", ["x 12 1 y1", "x 52"]),
        ("$A=\nx ${A}y $A z\n", ["x y z"]),
        ("x ${UNKNOWN} $UNKNOWN $1\n", ["x ${UNKNOWN} $UNKNOWN $1"]),
        ("x ${_INSTANCE} ${_HASH} ${_BANG} ${_PWD}\n", ["x host # ! ."]),
        ("$X= \\\na { \\\n  b ${N} \\\n}\n$N=1\n$X\n$N=2\n$X\n", ["a {", "b 1", "}", "a {", "b 2", "}"]),
        ("$IF=@host\n$IF x\n$NOT=@other\n$NOT y\n", ["x"]),
        ("~SEQ(N,1,3) a $N\n", ["a 1", "a 2", "a 3"]),
        ("~SEQ(N,3,-1,1) a$N\n~SEQ(M,2) b${M}\n~SEQ(K,-2) c${K}\n", ["a3", "a2", "a1", "b1", "b2", "c-1", "c-2"]),
        ("~SEQx(N,0x0e,2,0x12) a${N}\n", ["ae", "a10", "a12"]),
        ("~SEQ(A,1,2) ~SEQ(B,${A},2) x${A}${B}\n", ["x11", "x12", "x22"]),
        ("~LST(A, a, b) x${A}\n", ["xa", "xb"]),
        ("~LST({A,B}, {1,2}, {3, 4}) x${A}${B}\n", ["x12", "x34"]),
        ("include one\nz\n", ["from one", "z"]),
        ('includea "one"\n', ["from one"]),
    ],
)
def test_a_text_becomes_lines(text: str, wanted: list[str]) -> None:
    """As Keepalived's parser sees them (keepalived.conf(5))."""
    assert wanted == lines(text, one="from one\n")


@pytest.mark.parametrize(
    ("text", "what"),
    [
        ("~SEQ(N) a\n", "~SEQ is not understood"),
        ("~SEQ(N,1,2\n", "~SEQ is not understood"),
        ("~SEQ(N,1,0,5) a\n", "~SEQ is not understood"),
        ("~SEQ(N,a,b) a\n", "~SEQ is not understood"),
        ("~SEQ(N,1,999999999) a\n", "too many values"),
        ("~SEQ(,1,2) a\n", "~SEQ is not understood"),
        ("~LST() a\n", "~LST is not understood"),
        ("~LST({A,B},{1}) a\n", "~LST is not understood"),
        ("include unreadable\n", "cannot read unreadable: Permission denied"),
        ("include binary\n", "cannot read binary: it is not UTF-8"),
        ("include main\n", "include each other more than"),
        ("$A=$A\nx $A\n", "beyond all bounds"),
        ("$A=xx${A}\nx ${A}\n", "makes the line too long"),
        ('a "b\n', "a quote is not closed"),
    ],
)
def test_what_cannot_be_worked_out_is_an_error(text: str, what: str) -> None:
    """With a place; never without an end."""
    errors = expanded(text).errors

    assert what in errors[0].what
    assert errors[0].line >= 1


def test_an_include_of_nothing_is_said() -> None:
    """Keepalived goes on as well."""
    found = expanded("include none\na\n")

    assert ["no file is 'none'"] == [remark.finding.what for remark in found.remarks]
    assert ["a"] == [line.text for line in found.lines]


def test_chance_is_said() -> None:
    """Nobody can know what it would be."""
    found = expanded("priority ${_RANDOM 1 9}\n")

    assert "another number each time" in found.remarks[0].finding.what
    assert (1, 10) == (found.remarks[0].finding.line, found.remarks[0].finding.column)


def test_who_reads_no_text_is_refused(monkeypatch: pytest.MonkeyPatch) -> None:
    """A file that grows without end, too."""
    monkeypatch.setattr(expansion, "STEPS_MAX", 5)

    assert "beyond all bounds" in expanded("a\n" * 10).errors[0].what


def test_places_survive() -> None:
    """A word stands where it was written, a definition's value where it was used."""
    (line,) = expanded("\n  $A=12345 67\n   one ${A} two\n").lines

    assert "   one 12345 67 two" == line.text
    assert [(3, 4), (3, 8), (3, 8), (3, 13)] == [
        line.place(line.text.index(word)) for word in ("one", "1", "67", "two")
    ]


def test_a_continued_line_has_the_places_of_all() -> None:
    """Each piece its own line."""
    (line,) = logical_lines("a \\\n  b \\\n c", "file")

    assert [(1, 1), (2, 3), (3, 2)] == [line.place(line.text.index(word)) for word in "abc"]  # type: ignore[union-attr]
