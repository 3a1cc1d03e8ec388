"""The edits of a drill of reloads, on files alone: each makes good files of good ones, and takes itself back."""

import dataclasses
import shutil
from collections.abc import Callable
from functools import partial
from pathlib import Path
from typing import Any

import pytest

from linkbalancer.config.load import ConfigErrors, Loaded, load
from linkbalancer.lab import edits
from linkbalancer.lab.directory import CONFIG, Directory, read_directory
from linkbalancer.lab.edits import all_edits
from linkbalancer.lab.faults import Fault
from linkbalancer.lab.run import Run
from linkbalancer.links import GroupId
from tests.lab.example import EXAMPLE

NAMES = [
    "reload rule-added",
    "reload rules-swapped",
    "reload rule-changed",
    "reload application-added",
    "reload application-removed",
    "reload preference-reversed",
    "reload VID-added",
    "reload priority",
    "reload priority-lowered",
    "reload advert-interval",
    "reload virtual-IP-added",
    "reload virtual-IP-changed",
    "reload probe-interval",
    "reload key-rotated",
    "reload link-removed",
    "reload comment",
    "reload bad-file",
    "reload twice-at-once",
]
EDITS = {edit.name: edit for edit in all_edits(read_directory(EXAMPLE))}


class Service:
    """Reads the files where a daemon would, and says at once that it is ready, or why not."""

    def __init__(self, config: Path) -> None:
        """Read a gateway's configuration when asked to."""
        self.config, self.log = config, config.parent / "log"
        self.log.touch()
        self.read: list[Loaded | None] = []

    def reload(self) -> None:
        """Read them."""
        try:
            self.read.append(load(str(self.config), lambda path: Path(path).read_text()))
            word = 'event="reload (SIGHUP): applied after 9 ms"'
        except ConfigErrors:
            self.read.append(None)
            word = 'event="reload (SIGHUP): refused"'
        with self.log.open("a") as log:
            log.write(f"{word}\n")


class Files:
    """What an edit needs of a lab."""

    def __init__(self, directory: Directory) -> None:
        """Stand on a directory's copy."""
        self.directory, self.topology = directory, directory.topology
        self.run = Run(1, 1)
        self.services = {node: Service(directory.path / node / CONFIG) for node in directory.topology.gateways}

    def last_words(self, _node: str) -> str:
        """Say nothing."""
        return ""


@pytest.fixture
def files(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Any:
    """Return the example's copy; there are no flows to forget."""
    monkeypatch.setattr(edits, "forget_flows", lambda _namespace: None)
    return Files(read_directory(EXAMPLE).copy_to(tmp_path / "copy"))


def contents(directory: Path) -> dict[str, str]:
    """Return every text."""
    return {
        str(path): path.read_text() for path in sorted(directory.rglob("*")) if path.is_file() and path.name != "log"
    }


def test_every_kind_of_edit_is_rehearsed() -> None:
    """Rules, applications, VIDs, priorities, intervals, virtual IPs, keys, links, and what changes nothing."""
    assert list(EDITS) == NAMES


@pytest.mark.parametrize("name", NAMES)
def test_an_edit_makes_good_files_and_takes_itself_back(files: Any, name: str) -> None:
    """Each step leaves what the daemon accepts (save the bad file), each changes something, healing restores all."""
    before = contents(files.directory.path)
    edit = EDITS[name]
    edit.strike(files)
    assert contents(files.directory.path) != before
    read = [loaded for service in files.services.values() for loaded in service.read]
    assert (None in read) == (name == "reload bad-file")
    edit.heal(files)
    assert contents(files.directory.path) == before


DIFFERENCES: list[tuple[str, Callable[[Loaded], Any], Any]] = [
    ("reload VID-added", lambda one: list(one.config.vids), [1, 2, 3, 4]),
    ("reload priority", lambda one: one.config.groups[GroupId(1)].priority, 158),
    ("reload application-removed", lambda one: sorted(one.rules.applications), ["backup", "rest", "voip"]),
    ("reload preference-reversed", lambda one: one.rules.applications["rest"].vids, (2, 1)),
    ("reload virtual-IP-added", lambda one: len(one.config.groups[GroupId(1)].virtual_ips), 2),
    ("reload link-removed", lambda one: [group.mode for group in one.config.groups.values()], ["observe"] * 3),
]


@pytest.mark.parametrize(("name", "value", "wanted"), DIFFERENCES)
def test_what_an_edit_changes(files: Any, name: str, value: Callable[[Loaded], Any], wanted: Any) -> None:
    """The first gateway's configuration is another one in just this."""
    EDITS[name].strike(files)
    (loaded,) = files.services["b1"].read
    assert value(loaded) == wanted


def test_a_removed_application_says_whose_its_flows_are() -> None:
    """The drill judges them by the rules in force."""
    edit: Fault = EDITS["reload application-removed"]
    assert edit.becomes == {"web": "rest"}
    assert edit.rules is not None
    assert "web" not in edit.rules.applications
    assert dataclasses.asdict(edit)["still"]


def test_a_key_is_rotated_without_a_moment_of_disagreement(files: Any) -> None:
    """At every step, forth and back, the two ends have a key in common."""
    keys = {node: files.directory.path / node / "keys" / "l1.key" for node in ("b1", "f1")}
    steps = []

    def note(original: Callable[[], None]) -> None:
        steps.append([set(path.read_text().splitlines()) for path in keys.values()])
        original()

    for node in keys:
        files.services[node].reload = partial(note, files.services[node].reload)
    EDITS["reload key-rotated"].strike(files)
    EDITS["reload key-rotated"].heal(files)

    assert len(steps) == 8
    assert all(near & far for near, far in steps)
    assert len({frozenset(near) for near, _ in steps}) == 3
    shutil.rmtree(files.directory.path)
