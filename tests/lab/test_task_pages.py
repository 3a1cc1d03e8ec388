"""The task pages: every command of theirs, on the gateways of a lab."""

import json
import os
import re
import shlex
import shutil
import subprocess
import sys
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import pytest

from tests.config.test_documents import blocks
from tests.daemon.waiting import until
from tests.lab.example import EXAMPLE

pytestmark = pytest.mark.lab

DOCS = Path(__file__).parents[2] / "docs/tasks"
LINKBALANCER = [sys.executable, "-m", "linkbalancer"]
ETC = "/etc/linkbalancer/linkbalancer.yaml"
NAMED_BY_DEFAULT = {"rules", "edit", "check"}
"""The commands whose CONFIG is the one in /etc unless they are told another: a lab's gateways have theirs elsewhere."""


class Lab:
    """A lab of the example, and its gateways' daemons."""

    def __init__(self) -> None:
        """Bring it up."""
        words = [*LINKBALANCER, "lab", "up", str(EXAMPLE), "--json"]
        answer = json.loads(subprocess.run(words, check=True, capture_output=True, timeout=60).stdout)
        self.name, self.directory = answer["lab"], Path(answer["directory"])

    def call(self, node: str, command: str) -> str:
        """Run a command of a page at a gateway; return its answer."""
        config = str(self.directory / "conf" / node / "linkbalancer.yaml")
        words = [config if word == ETC else word for word in shlex.split(command, comments=False)]
        if words[1] in NAMED_BY_DEFAULT and config not in words:
            words.append(config)
        lab = [*LINKBALANCER, "lab", "exec", "--lab", self.name, node]
        done = subprocess.run([*lab, *words], check=False, capture_output=True, text=True, timeout=60, env=os.environ)
        assert done.returncode == 0, f"{node}# {command}: {done.stdout}{done.stderr}"
        return done.stdout

    def copy(self, command: str) -> None:
        """Do what a page's loop with scp does: give b1's rule file to the others."""
        loop = r"for gateway in (.*); do scp /etc/linkbalancer/(\S+) \$gateway:/etc/linkbalancer/; done"
        match = re.fullmatch(loop, command)
        assert match is not None, command
        for node in match[1].split():
            shutil.copy(self.directory / "conf/b1" / match[2], self.directory / "conf" / node / match[2])

    def status(self, node: str) -> dict[str, Any]:
        """Return a gateway's status."""
        return dict(json.loads(self.call(node, "linkbalancer status --json")))

    def masters(self, node: str) -> dict[str, Any]:
        """Return the Master of each VID as a gateway sees it."""
        return {vid: group["master"] for vid, group in self.status(node)["groups"].items()}

    def down(self) -> None:
        """Take it down."""
        subprocess.run([*LINKBALANCER, "lab", "down", "--lab", self.name], check=True, capture_output=True, timeout=60)


@pytest.fixture
def lab() -> Iterator[Lab]:
    """Return a lab that has settled."""
    one = Lab()
    until(lambda: all(one.status(node)["settled"] for node in ("b1", "b2", "f1", "f2")), 60)
    yield one
    one.down()


def commands(page: str) -> list[tuple[str, str]]:
    """Return the page's commands: at which gateway, and what."""
    text = "".join(blocks((DOCS / page).read_text(), "console"))
    found = re.findall(r"^(\w+)# (.*)$", text, re.MULTILINE)
    assert len(found) == len(text.splitlines())
    return found


def test_adding_an_application(lab: Lab) -> None:
    """After the page's last command the application is steered at all four gateways, and no mastership has moved."""
    before = {node: lab.masters(node) for node in ("b1", "b2", "f1", "f2")}

    for node, command in commands("add-an-application.md"):
        if command.startswith("for gateway in "):
            lab.copy(command)
            continue
        answer = lab.call(node, command)
        if command == "linkbalancer plan":
            assert "application ssh new" in answer

    until(lambda: all(lab.status(node)["applications"]["ssh"]["vid"] == 1 for node in before), 20)
    assert before == {node: lab.masters(node) for node in before}
