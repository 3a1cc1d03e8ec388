"""Every task page, done: its commands on the gateways of the example, as a reader would type them."""

import os
import signal
import subprocess
import sys
import time
from collections.abc import Iterator
from pathlib import Path

import pytest

from linkbalancer.clock import SECOND
from linkbalancer.lab.directory import read_directory
from linkbalancer.lab.lab import Lab, lab_of
from linkbalancer.lab.settle import await_answers, await_settled
from linkbalancer.lab.status import Damage
from tests.docs.page import Command, Deed, Written, missing, read_page
from tests.lab.example import EXAMPLE

pytestmark = pytest.mark.lab

PAGES = sorted((Path(__file__).parents[2] / "docs" / "tasks").glob("*.md"))

# The gateway's files are where the page says; `systemctl` does to the daemon what systemd would.
STAGE = """\
set -e
mkdir -p {scratch}/upper {scratch}/work
mount -t overlay overlay -o lowerdir=/etc,upperdir={scratch}/upper,workdir={scratch}/work /etc
mkdir -p /etc/linkbalancer
mount --bind {config} /etc/linkbalancer
export PATH={scratch}/bin:$PATH LINKBALANCER_RUN_DIR={run_dir}
cd /
set +e
eval "$COMMAND"
"""
SYSTEMCTL = """\
#!/bin/sh
case "$1" in
reload) kill -HUP {pid} ;;
is-active) echo active ;;
*) echo "systemctl $* is not played here" >&2; exit 1 ;;
esac
"""


class Reader:
    """Somebody who does what a page says."""

    def __init__(self, lab: Lab, scratch: Path) -> None:
        """Sit before a running lab."""
        self.lab, self.scratch = lab, scratch
        self.damage: set[str] = set()

    def do(self, step: Command | Deed | Written) -> None:
        """Do one thing; fail when its answer is another than the page's."""
        match step:
            case Command():
                done = self._run(step)
                said = done.stdout + done.stderr
                assert done.returncode == step.status, f"line {step.line}: {step.text}\n{said}"
                lacks = missing(step.answer, said)
                assert lacks is None, f"line {step.line}: {step.text}\nlacks: {lacks}\nsaid:\n{said}"
            case Deed(_, ("cut" | "mend" as how, name)):
                link = next(link for link in self.lab.topology.links if link.name == name)
                self.lab.network.carrier(link, [port.node for port in link.ports], up=how == "mend")
                (self.damage.add if how == "cut" else self.damage.discard)(name)
                self.settle()
            case Deed(_, ("settle",)):
                self.settle()
            case Deed(line, words):
                raise AssertionError(f"line {line}: nobody knows how to {' '.join(words)}")
            case Written():
                (self.lab.directory.path / step.node / step.name).write_text(step.text)

    def settle(self) -> None:
        """Wait until everything has found its place."""
        damage = Damage(frozenset(self.damage))
        settling = await_settled(self.lab, damage, time.monotonic_ns(), 20 * SECOND)
        assert settling.after is not None, settling.problem

    def _run(self, command: Command) -> subprocess.CompletedProcess[str]:
        service = self.lab.services[command.node]
        scratch = self.scratch / command.node
        (scratch / "bin").mkdir(parents=True, exist_ok=True)
        program = scratch / "bin" / "linkbalancer"
        program.write_text(f'#!/bin/sh\nexec {sys.executable} -m linkbalancer "$@"\n')
        systemctl = scratch / "bin" / "systemctl"
        systemctl.write_text(SYSTEMCTL.format(pid=service.processes()["supervisor"]))
        program.chmod(0o755)
        systemctl.chmod(0o755)
        stage = STAGE.format(scratch=scratch, config=self.lab.directory.path / command.node, run_dir=service.run_dir)
        namespace = self.lab.run.namespace(command.node)
        words = ["ip", "netns", "exec", namespace, "unshare", "--mount", "bash", "-c", stage]
        environment = {**os.environ, "COMMAND": command.text, "PYTHONPATH": str(Path(__file__).parents[2])}
        return subprocess.run(
            words, capture_output=True, text=True, check=False, timeout=60, env=environment, stdin=subprocess.DEVNULL
        )


@pytest.fixture
def reader(tmp_path: Path) -> Iterator[Reader]:
    """Return a reader before the example, settled."""
    deaf = signal.getsignal(signal.SIGHUP)
    with lab_of(read_directory(EXAMPLE)) as lab:
        lab.start()
        await_answers(lab)
        found = Reader(lab, tmp_path)
        found.settle()
        yield found
    signal.signal(signal.SIGHUP, deaf)


@pytest.mark.parametrize("page", PAGES, ids=lambda page: page.stem)
def test_a_page_works_as_it_is_written(reader: Reader, page: Path) -> None:
    """Every command answers as the page says, in the page's order."""
    steps = read_page(page)
    assert any(isinstance(step, Command) for step in steps), "a page without a command is no task"
    for step in steps:
        reader.do(step)
