"""A lab's private copy of a configuration directory: nothing of the operator's keys is read, copied or written."""

import shutil
from pathlib import Path

import pytest

from linkbalancer.config.load import Loaded, load
from linkbalancer.lab.directory import read_directory
from linkbalancer.lab.edits import all_edits
from linkbalancer.lab.errors import LabError
from tests.lab.example import EXAMPLE, varied

OPERATORS = "1 00112233445566778899aabbccddeeff\n"
NODES = ("b1", "b2", "f1", "f2")


def configuration(copy: Path, node: str) -> Path:
    """Return where a gateway's configuration is in a copy."""
    return copy / node / "linkbalancer.yaml"


def copied_key_file(copy: Path, node: str, link: str) -> str | None:
    """Return which key file a copy names."""
    loaded = load(str(configuration(copy, node)), lambda name: Path(name).read_text())
    return loaded.config.links[link].key_file


@pytest.mark.parametrize("name", ["{outside}/l1.key", "../../l1.key", "l1.key", "keys/../l1.key"])
def test_the_operators_key_is_left_alone(tmp_path: Path, name: str) -> None:
    """Absolute, above the directory or beside the configuration: it keeps its words, its copy is another one."""
    key_file = name.format(outside=tmp_path)
    original = varied(tmp_path / "conf", "b1/linkbalancer.yaml", "keys/l1.key", key_file)
    (original / "b1/keys").mkdir()
    key = original / "b1" / key_file
    key.write_text(OPERATORS)
    before = key.stat()

    read_directory(original).copy_to(tmp_path / "lab/conf")

    after = key.stat()
    assert key.read_text() == OPERATORS
    assert (after.st_mtime_ns, after.st_mode) == (before.st_mtime_ns, before.st_mode)
    copies = [path for path in (tmp_path / "lab").rglob("*") if path.is_file()]
    assert all(OPERATORS not in path.read_text() for path in copies)
    assert copied_key_file(tmp_path / "lab/conf", "b1", "l1") == "keys/l1.key"
    made = tmp_path / "lab/conf/b1/keys/l1.key"
    assert made.stat().st_mode & 0o777 == 0o600
    assert made.read_text() == (tmp_path / "lab/conf/f1/keys/l1.key").read_text()


def test_a_copy_holds_what_a_gateway_needs_and_nothing_else(tmp_path: Path) -> None:
    """Configuration, rules and fresh keys; not what else lies about in the directory, links to elsewhere included."""
    original = varied(tmp_path / "conf", "f2/linkbalancer.yaml", "keys/l2.key", "l2.key")
    (original / "f2/l2.key").write_text(OPERATORS)
    (original / "f2/notes").write_text("private\n")
    (original / "secret").symlink_to("/etc/passwd")

    read_directory(original).copy_to(tmp_path / "copy")

    found = {str(path.relative_to(tmp_path / "copy")) for path in (tmp_path / "copy").rglob("*") if path.is_file()}
    links = {"b1": "l1", "b2": "l2", "f1": "l1", "f2": "l2"}
    assert found == {
        f"{node}/{file}"
        for node, link in links.items()
        for file in ("linkbalancer.yaml", "apps.conf", f"keys/{link}.key")
    }


@pytest.mark.parametrize("name", ["../apps.conf", "{outside}/rules/mine.conf", "../../rules/mine.conf", "keys/l1.key"])
def test_rules_may_be_anywhere(tmp_path: Path, name: str) -> None:
    """The copy has the rules that the configuration names, and says the same of every line."""
    named = name.format(outside=tmp_path)
    original = varied(tmp_path / "conf", "b1/linkbalancer.yaml", "../apps.conf", named)
    rules = original / "b1" / named
    (tmp_path / "rules").mkdir()
    (original / "b1/keys").mkdir()
    if not rules.exists():
        shutil.copy(EXAMPLE / "apps.conf", rules)

    directory = read_directory(original)
    directory.copy_to(tmp_path / "lab/conf")
    loaded = load(str(configuration(tmp_path / "lab/conf", "b1")), lambda name: Path(name).read_text())

    assert loaded.rules == directory.rules
    for node in NODES:
        old, new = (configuration(place, node).read_text() for place in (original, tmp_path / "lab/conf"))
        changed = [line for line, other in zip(old.splitlines(), new.splitlines(), strict=True) if line != other]
        assert [line.split(":")[0].strip() for line in changed] == ["key_file", "applications"]


def test_a_copy_never_goes_over_something(tmp_path: Path) -> None:
    """What is there already stays."""
    (tmp_path / "copy").mkdir()
    with pytest.raises(FileExistsError):
        read_directory(EXAMPLE).copy_to(tmp_path / "copy")


def test_a_topology_without_a_link_is_refused(tmp_path: Path) -> None:
    """There would be nothing to rehearse."""
    original = tmp_path / "conf"
    shutil.copytree(EXAMPLE, original)
    for node in NODES:
        file = configuration(original, node)
        text = file.read_text()
        groups = (
            "groups:\n  1: {device: eth0, mode: observe, virtual_ips: [192.168.%d.251/24], advert_interval: 200ms}\n"
        )
        head, _, rest = text.partition("links:\n")
        _, _, tail = rest.partition("applications:")
        file.write_text(f"{head}{groups % (1 if node[0] == 'b' else 2)}applications:{tail}")
    (original / "apps.conf").write_text("App=* * * * * * [1] name=rest\n")

    with pytest.raises(LabError, match="link in common"):
        read_directory(original)


def _with_set(tmp_path: Path, name: str) -> Path:
    """Copy the example, with web's sources kept in a file."""
    return varied(
        tmp_path / "conf", "apps.conf", "name=web", f"name=web\nApp= @file:{name} * * * 7777 udp [1 2] name=far"
    )


def _copied(conf: Path) -> Loaded:
    return load(str(configuration(conf, "b1")), lambda name: Path(name).read_text())


def test_the_files_of_sets_are_copied(tmp_path: Path) -> None:
    """Beside the copied rules, with the same name; the copy says the same, and its edits know them."""
    original = _with_set(tmp_path, "sets/far.txt")
    (original / "sets").mkdir()
    (original / "sets/far.txt").write_text("192.168.1.0/24\n")

    directory = read_directory(original)
    directory.copy_to(tmp_path / "lab/conf")

    assert (tmp_path / "lab/conf/b1/sets/far.txt").read_text() == "192.168.1.0/24\n"
    assert _copied(tmp_path / "lab/conf").rules == directory.rules
    assert any(edit.target == "preference-reversed" for edit in all_edits(directory))


def test_a_set_is_beside_the_rules_or_has_an_absolute_path(tmp_path: Path) -> None:
    """What is elsewhere cannot be copied; what has a path of its own is where it is."""
    (tmp_path / "far.txt").write_text("192.168.1.0/24\n")
    absolute = _with_set(tmp_path, str(tmp_path / "far.txt"))
    directory = read_directory(absolute)
    directory.copy_to(tmp_path / "lab/one")
    assert _copied(tmp_path / "lab/one").rules == directory.rules

    shutil.rmtree(absolute)
    with pytest.raises(LabError, match="outside of the rule file's folder; put it beside the rule file"):
        read_directory(_with_set(tmp_path, "../far.txt")).copy_to(tmp_path / "lab/two")
