"""Files that are watched, and numbers in them."""

from pathlib import Path

from linkbalancer.host.files import FileWatch, number_in


def test_every_way_of_changing_a_file_is_noticed(tmp_path: Path) -> None:
    """Written, replaced, removed; what is beside it may be noticed too."""
    file = tmp_path / "file"
    watch = FileWatch([file])
    assert not watch.read()
    file.write_text("1")
    assert watch.read()
    other = tmp_path / "other"
    other.write_text("2")
    watch.read()
    other.rename(file)
    assert watch.read()
    file.unlink()
    assert watch.read()
    assert not watch.read()
    watch.close()


def test_a_folder_that_comes_later_is_watched_when_it_is_looked_for(tmp_path: Path) -> None:
    """And again after it was removed and made anew."""
    folder = tmp_path / "folder"
    watch = FileWatch([folder / "file"])
    for _ in range(2):
        folder.mkdir()
        watch.look()
        (folder / "file").touch()
        assert watch.read()
        (folder / "file").unlink()
        folder.rmdir()
        assert watch.read()
    assert watch.fileno() > 0
    watch.close()


def test_numbers(tmp_path: Path) -> None:
    """A whole number and nothing else; no file is 0."""
    file = tmp_path / "number"
    assert number_in(file) == 0
    for text, number in (("7\n", 7), (" -12 ", -12), ("", None), ("7 apples", None), ("1e3", None), ("\u0663", None)):
        file.write_text(text)
        assert number_in(file) == number
    file.write_bytes(b"\xff\xfe")
    assert number_in(file) is None
