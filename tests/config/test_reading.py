"""Tests of reading files and words."""

import pytest

from linkbalancer.config.findings import ConfigErrors
from linkbalancer.config.reading import Word, read_text


def test_the_parts_of_a_word_know_their_columns() -> None:
    """Each is found where it stands, empty ones too."""
    assert list(Word("a,bc,,d", 5).parts()) == [Word("a", 5), Word("bc", 7), Word("", 10), Word("d", 11)]
    assert list(Word("a", 1).parts()) == [Word("a", 1)]


def test_a_file_that_is_no_text_is_a_finding() -> None:
    """With its name; what cannot be read at all is the reader's error."""

    def read(path: str) -> str:
        return (b"\xff" if path == "f" else b"x").decode()

    assert read_text("g", read) == "x"
    with pytest.raises(ConfigErrors, match=r"f:1:1: is not UTF-8 text \(byte 0\); save it as UTF-8"):
        read_text("f", read)
