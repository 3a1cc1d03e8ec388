"""What the notifier keeps: whole, of this boot, and what was heard since."""

from pathlib import Path

import pytest

from linkbalancer.config.topics import Topic
from linkbalancer.daemon.mailbag import FILE, HEARD, Mailbag, counts_of
from linkbalancer.engine.news import News

NEWS = News("agent", 1, 2, 3, "vid", Topic.GROUP, "VID 1", "master: x", {"priority": 100}, merged=4)


def test_what_is_written_is_read(tmp_path: Path) -> None:
    """By another one; nobody else may read it."""
    Mailbag(tmp_path).write({"a": {"delivered": 1}}, {"a": [NEWS], "b": []})

    assert Mailbag(tmp_path).read() == ({"a": {"delivered": 1}}, {"a": [NEWS]})
    assert counts_of(tmp_path) == {"a": {"delivered": 1}}
    assert (tmp_path / FILE).stat().st_mode & 0o777 == 0o600


def test_what_is_heard_is_kept_until_it_is_written(tmp_path: Path) -> None:
    """As it came, in its order; what was torn by a death is left out."""
    bag = Mailbag(tmp_path)
    bag.add(b"one")
    bag.add(b"two\n")
    assert bag.has_heard
    assert Mailbag(tmp_path).heard() == [b"one", b"two\n"]
    with (tmp_path / HEARD).open("ab") as file:
        file.write(b"\x09\0\0\0torn")
    assert Mailbag(tmp_path).heard() == [b"one", b"two\n"]
    bag.write({}, {})
    assert not bag.has_heard
    assert Mailbag(tmp_path).heard() == []
    bag.add(b"three")
    assert Mailbag(tmp_path).heard() == [b"three"]
    bag.close()


@pytest.mark.parametrize("text", ["", "{}", "{}\n[]", "x\ny", '{}\n{"boot": "another", "waiting": {"a": [{}]}}'])
def test_what_makes_no_sense_is_nothing(tmp_path: Path, text: str) -> None:
    """Or is of another boot, whose instants mean nothing."""
    (tmp_path / FILE).write_text(text)

    assert Mailbag(tmp_path).read()[1] == {}


def test_nothing_there(tmp_path: Path) -> None:
    """Before the first."""
    assert Mailbag(tmp_path).read() == ({}, {})
    assert counts_of(tmp_path) == {}
