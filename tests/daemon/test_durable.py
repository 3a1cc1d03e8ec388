"""Small files that are replaced as a whole."""

from pathlib import Path

import pytest

from linkbalancer.daemon.durable import replace_file


def test_a_file_is_replaced_and_nothing_left_beside_it(tmp_path: Path) -> None:
    """Whether there was one or not."""
    path = tmp_path / "some.json"
    for text in ("old", "new"):
        replace_file(path, text)
        assert path.read_text() == text
    assert list(tmp_path.iterdir()) == [path]


def test_what_cannot_be_written_leaves_the_old_one(tmp_path: Path) -> None:
    """Here because something else stands where the next text is prepared."""
    path = tmp_path / "some.json"
    replace_file(path, "old")
    path.with_suffix(".new").mkdir()
    with pytest.raises(IsADirectoryError):
        replace_file(path, "new")
    assert path.read_text() == "old"
