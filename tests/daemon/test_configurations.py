"""Tests of the store: nothing torn is believed, nothing in force is dropped, a full disk changes nothing."""

import json
import multiprocessing
import stat
import subprocess
from collections.abc import Iterator
from dataclasses import replace
from pathlib import Path

import pytest

from linkbalancer.daemon import configurations as store
from linkbalancer.daemon.configurations import BLOCK, Configurations, Entry, Facts, NotKeptError, digest

PATH = "/etc/linkbalancer/linkbalancer.yaml"
TEXTS = {PATH: "node: b1\n", "/etc/linkbalancer/apps.conf": "App=...\n", "/etc/linkbalancer/l1.key": "1 00\n"}
FACTS = Facts(("node: a -> b1",), "/etc/linkbalancer/apps.conf", {"l1": [[1, "abc"]]})


def entry(**changes: object) -> Entry:
    """Return an entry that is not kept yet."""
    plain = Entry(
        number=0, at=1.5, who="root", how="apply", digest=digest(PATH, TEXTS), path=PATH, state=store.APPLYING
    )
    return replace(plain, **changes)  # type: ignore[arg-type]


@pytest.fixture
def kept(tmp_path: Path) -> Configurations:
    """Return a store."""
    return Configurations(tmp_path / "configurations")


def test_what_is_kept_is_read_back(kept: Configurations) -> None:
    """With its facts and its texts; secrets are not public, and nobody else may read the files."""
    added = kept.add(entry(), FACTS, TEXTS, ())

    found = kept.read(1)
    assert (found.entry, found.texts) == (added, TEXTS)
    assert found.facts.difference == FACTS.difference
    assert set(found.public()) == {PATH, "/etc/linkbalancer/apps.conf"}
    assert found.facts == FACTS
    assert stat.S_IMODE(kept.directory.stat().st_mode) == 0o700
    assert stat.S_IMODE((kept.directory / "000001.json").stat().st_mode) == 0o600


def test_a_state_changes_in_place(kept: Configurations) -> None:
    """By one block, so that it needs no room."""
    kept.add(entry(open=("l1", "l2")), FACTS, TEXTS, ())
    size = (kept.directory / "000001.json").stat().st_size

    changed = kept.change(1, state=store.REVERTED, reason="why" * 1000)

    assert changed is not None
    assert kept.entries()[0].state == store.REVERTED
    assert kept.entries()[0].open == ("l1", "l2")
    assert len(kept.entries()[0].reason) == store.WORDS_MAX
    assert (kept.directory / "000001.json").stat().st_size == size
    assert kept.change(7, state=store.GOOD) is None


def test_the_newest_are_kept_and_what_is_spared(kept: Configurations) -> None:
    """Fifty of them, the oldest go first."""
    for _number in range(store.KEPT + 5):
        kept.add(entry(), FACTS, TEXTS, (1,))

    numbers = [one.number for one in kept.entries()]
    assert (len(numbers), numbers[:2], numbers[-1]) == (store.KEPT, [1, 7], store.KEPT + 5)


def test_the_store_has_a_size(kept: Configurations, monkeypatch: pytest.MonkeyPatch) -> None:
    """However few they are."""
    monkeypatch.setattr(store, "KEPT_BYTES", 4 * BLOCK)
    for _number in range(8):
        kept.add(entry(), FACTS, TEXTS, (2,))

    assert [one.number for one in kept.entries()] == [2, 7, 8]


@pytest.mark.parametrize(
    "content",
    [
        b"",
        b"{}",
        b"x" * BLOCK,
        b"[]".ljust(BLOCK - 1) + b"\n",
        b'{"schema": 2}'.ljust(BLOCK - 1) + b"\n",
        b'{"schema": 1, "number": 2}'.ljust(BLOCK - 1) + b"\n",
        b'{"schema": 1, "number": 2, "at": 1}'.ljust(BLOCK - 1) + b"\n",
    ],
)
def test_a_torn_file_is_ignored_and_said(tmp_path: Path, content: bytes) -> None:
    """And its number is not given to another one."""
    warnings: list[str] = []
    kept = Configurations(tmp_path, warnings.append)
    kept.add(entry(), FACTS, TEXTS, ())
    (tmp_path / "000002.json").write_bytes(content)

    assert [one.number for one in kept.entries()] == [1]
    assert len(warnings) == 1
    assert "000002.json is not read" in warnings[0]
    with pytest.raises(NotKeptError, match=r"configuration 2 cannot be read"):
        kept.read(2)
    with pytest.raises(NotKeptError):
        kept.change(2, state=store.GOOD)
    assert kept.add(entry(), FACTS, TEXTS, ()).number == 3


def test_texts_that_are_cut_or_changed_are_not_believed(kept: Configurations) -> None:
    """The digest is over all of them; another one's file is none either."""
    kept.add(entry(), FACTS, TEXTS, ())
    path = kept.directory / "000001.json"
    whole = path.read_bytes()
    for wrong in (whole[:-20], whole.replace(b"node: b1", b"node: b2"), whole[:BLOCK]):
        path.write_bytes(wrong)
        with pytest.raises(NotKeptError, match=r"configuration 1 cannot be read"):
            kept.read(1)
    (kept.directory / "000005.json").write_bytes(whole)
    assert [one.number for one in kept.entries()] == [1]


def test_what_is_not_there(kept: Configurations) -> None:
    """Is said with what is."""
    with pytest.raises(NotKeptError, match=r"there is no configuration 9: none is kept"):
        kept.read(9)
    kept.add(entry(), FACTS, TEXTS, ())
    with pytest.raises(NotKeptError, match=r"there is no configuration 9: 1 to 1 are kept"):
        kept.read(9)


def test_a_long_difference_is_cut(kept: Configurations) -> None:
    """With how much there was more."""
    kept.add(entry(), Facts(tuple(map(str, range(250)))), TEXTS, ())
    assert kept.read(1).facts.difference[-2:] == ("199", "and 50 more")


def test_hundreds_of_links_fit(kept: Configurations) -> None:
    """As many of those that are watched as there is room for; a path beyond all reason does not."""
    kept.add(entry(open=tuple(f"link-number-{number}" for number in range(1000))), FACTS, TEXTS, ())
    assert 50 < len(kept.entries()[0].open) < 1000
    with pytest.raises(NotKeptError, match=r"too long"):
        kept.add(entry(path="/" + "p" * 5000), FACTS, TEXTS, ())


def test_what_a_killed_writer_left_is_swept(kept: Configurations) -> None:
    """A file under its first name is no entry, and goes."""
    kept.add(entry(), FACTS, TEXTS, ())
    (kept.directory / "000002.new").write_bytes(b"half")
    (kept.directory / "notes.json").write_bytes(b"somebody's")

    assert [one.number for one in kept.entries()] == [1]
    kept.add(entry(), FACTS, TEXTS, ())
    assert {path.name for path in kept.directory.iterdir()} == {"000001.json", "000002.json", "lock", "notes.json"}


def _many(directory: Path, count: int) -> None:
    for _number in range(count):
        Configurations(directory).add(entry(), FACTS, TEXTS, ())


def test_two_writers(tmp_path: Path) -> None:
    """None overwrites the other's."""
    context = multiprocessing.get_context("fork")
    writers = [context.Process(target=_many, args=(tmp_path, 15)) for _ in range(2)]
    for writer in writers:
        writer.start()
    for writer in writers:
        writer.join(60)

    assert [one.number for one in Configurations(tmp_path).entries()] == list(range(1, 31))


@pytest.fixture
def full(tmp_path: Path) -> Iterator[Configurations]:
    """Return a store on a disk with room for two entries."""
    disk = tmp_path / "disk"
    disk.mkdir()
    subprocess.run(["mount", "-t", "tmpfs", "-o", "size=32k", "tmpfs", str(disk)], check=True)
    yield Configurations(disk / "configurations")
    subprocess.run(["umount", str(disk)], check=True)


@pytest.mark.lab
def test_a_full_disk(full: Configurations) -> None:
    """Adding is refused in a sentence and leaves nothing behind; a state can still be changed."""
    full.add(entry(), FACTS, TEXTS, ())
    with pytest.raises(NotKeptError, match=r"No space left on device"):
        full.add(entry(digest=digest(PATH, {PATH: "x" * 60_000})), FACTS, {PATH: "x" * 60_000}, ())
    filler = full.directory / "filler"
    subprocess.run(["dd", "if=/dev/zero", f"of={filler}"], check=False, capture_output=True)

    assert full.change(1, state=store.REVERTED, reason="still possible") is not None
    assert [one.state for one in full.entries()] == [store.REVERTED]
    assert not list(full.directory.glob("*.new"))


def test_a_directory_that_is_not_ours(tmp_path: Path) -> None:
    """Is said; there is nothing in it."""
    (tmp_path / "file").write_text("")
    kept = Configurations(tmp_path / "file" / "configurations")
    assert kept.entries() == []
    with pytest.raises(NotKeptError):
        kept.add(entry(), FACTS, TEXTS, ())
    assert [path.name for path in tmp_path.iterdir()] == ["file"]


@pytest.mark.parametrize("name", ["who", "how", "state", "reason", "number", "until", "confirm_s"])
@pytest.mark.parametrize("value", ["[1]", "{}", "1e999", "[" * 3500])
def test_an_entry_of_other_kinds_is_ignored(kept: Configurations, name: str, value: str) -> None:
    """Whatever stands in a file, what reads the store reads it to its end."""
    kept.add(entry(), FACTS, TEXTS, ())
    kept.add(entry(), FACTS, TEXTS, ())
    path = kept.directory / "000001.json"
    content = path.read_bytes()
    block = json.dumps({**json.loads(content[:BLOCK]), name: "@"}).replace('"@"', value)
    path.write_bytes(block.encode().ljust(BLOCK - 1)[: BLOCK - 1] + b"\n" + content[BLOCK:])
    assert [one.number for one in kept.entries()] == [2]


def test_the_files_of_sets_are_public(kept: Configurations) -> None:
    """As the rule file that names them; an entry of an older version names none."""
    texts = {**TEXTS, "/etc/linkbalancer/far.txt": "10.0.0.1\n"}
    kept.add(entry(digest=digest(PATH, texts)), replace(FACTS, sets=("/etc/linkbalancer/far.txt",)), texts, ())
    assert set(kept.read(1).public()) == set(texts) - {"/etc/linkbalancer/l1.key"}

    file = kept.directory / "000001.json"
    file.write_text(file.read_text().replace(', "sets": ["/etc/linkbalancer/far.txt"]', ""))
    assert kept.read(1).facts == FACTS
