"""Editing: how a drill changes the files of running gateways, as an operator would, and takes the change back.

Files are changed gateway by gateway, each reloaded before the next one is touched.
"""

import re
import time
from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any, Final

import yaml

from linkbalancer.clock import MILLISECOND, SECOND
from linkbalancer.lab.directory import CONFIG, Directory
from linkbalancer.lab.errors import LabError
from linkbalancer.lab.faults import Fault
from linkbalancer.lab.lab import Lab
from linkbalancer.lab.status import Damage
from linkbalancer.links import NodeName

RELOAD_LIMIT_S: Final = 30.0
"""How long a reload may take."""

_OVER: Final = re.compile(r"event=\"reload \([^)]*\): ")

Change = Callable[[str], str]
"""Makes a file's new text of its old one."""


@dataclass(frozen=True, slots=True)
class Step:
    """One gateway's files changed, and its daemon told; `times` SIGHUPs follow each other at once."""

    node: NodeName
    changes: Mapping[str, Change]
    times: int = 1


@dataclass(slots=True)
class Editing:
    """An edit under way: its steps, and what each of those found."""

    steps: Sequence[Step]
    found: list[tuple[NodeName, dict[Path, str]]] = field(default_factory=list)

    def strike(self, lab: Lab) -> None:
        """Make the change, step by step."""
        self.found.clear()
        for step in self.steps:
            paths = {lab.directory.path / step.node / name: change for name, change in step.changes.items()}
            self.found.append((step.node, {path: path.read_text() for path in paths}))
            for path, change in paths.items():
                path.write_text(change(path.read_text()))
            reload(lab, step.node, step.times)

    def heal(self, lab: Lab) -> None:
        """Take it back, the last step first."""
        for node, texts in reversed(self.found):
            for path, text in texts.items():
                path.write_text(text)
            reload(lab, node)


def reload(lab: Lab, node: NodeName, times: int = 1) -> None:
    """Have a gateway's daemon read its files again, and wait until it has said what came of it."""
    service = lab.services[node]
    size = service.log.stat().st_size
    for _ in range(times):
        service.reload()
    deadline = time.monotonic() + RELOAD_LIMIT_S
    while time.monotonic() < deadline:
        with service.log.open(errors="replace") as log:
            log.seek(size)
            if len(_OVER.findall(log.read())) >= 1:
                return
        time.sleep(20 * MILLISECOND / SECOND)
    raise LabError(f"{node} did not say within {RELOAD_LIMIT_S:g} s what came of its reload\n{lab.last_words(node)}")


def edited(name: str, steps: Sequence[Step], *, still: bool = True, damage: Damage | None = None) -> Fault:
    """Return an edit as a fault: its blow is the change, its healing takes it back."""
    editing = Editing(steps)
    return Fault(
        kind="reload",
        target=name.replace(" ", "-"),
        damage=damage or Damage(),
        strike=editing.strike,
        heal=editing.heal,
        still=still,
    )


def everywhere(directory: Directory, file: str, change: Change) -> list[Step]:
    """Return the steps that change a file of every gateway."""
    return [Step(node, {file: change}) for node in directory.topology.gateways]


def in_config(change: Callable[[dict[str, Any]], None]) -> Change:
    """Return what changes a configuration's values; its comments are lost, which nobody reads here."""

    def changed(text: str) -> str:
        values = yaml.safe_load(text)
        change(values)
        return yaml.safe_dump(values, sort_keys=False)

    return changed


def in_configs(directory: Directory, change: Callable[[dict[str, Any]], None]) -> list[Step]:
    """Return the steps that change the values of every gateway's configuration."""
    return everywhere(directory, CONFIG, in_config(change))
