"""Titled tables and remarks."""

from linkbalancer.cli.blocks import Block, Remarks, Row, at, few, plain, some

TABLE = Block("Fruit", ("", "what", "why"), (Row((("A",), ("apple", "pear"), ("ripe", "sweet"))),))


def test_names_are_cut_to_a_line() -> None:
    """All of them in a word, or the first ones and how many more."""
    names = ["a", "b", "c", "d", "e", "f", "g"]
    assert some(names[:6]) == "a, b, c, d, e, f"
    assert some(names) == "a, b, c, d, e and 2 more"
    assert some(names, 7) == "all 7"
    assert some(["a"], 1) == "a"
    assert some([]) == ""


def test_lines_are_cut_to_a_screen() -> None:
    """The last one says how many are left out, and where they are."""
    lines = tuple("abcde")
    assert few(lines, "x", 5) == lines
    assert few(lines, "--json has all", 3) == ("a", "b", "and 3 more like these (--json has all)")


def test_plain_lines_need_no_width() -> None:
    """A table of many words becomes paragraphs, a small one columns without trailing blanks."""
    small = Block("Small", ("VID", "over", ""), (Row((("1",), ("l1",), ("",))), Row((("12",), ("l2",), ("moved",)))))
    assert list(plain("Good.", [TABLE, small, Remarks("Said", ("one", "two"))])) == [
        *("Good.", "", "Fruit:", "A:", "   what: apple", "         pear", "   why: ripe", "        sweet"),
        *("", "Small:", "VID  over", "1    l1", "12   l2    moved"),
        *("", "Said:", "- one", "- two"),
    ]


def test_a_side_is_named_where_there_are_two() -> None:
    """A standalone gateway has none."""
    assert (at("near"), at("here")) == (" near", "")
