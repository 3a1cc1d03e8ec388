"""Every task page, done: its commands on the gateways of the example, as a reader would type them."""

import signal
import subprocess
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path

import pytest

from linkbalancer.lab.directory import read_directory
from linkbalancer.lab.lab import Lab, lab_of
from linkbalancer.lab.settle import await_answers
from tests.docs.page import Command, read_page
from tests.docs.reader import Reader
from tests.lab.example import EXAMPLE

pytestmark = pytest.mark.lab

PAGES = sorted((Path(__file__).parents[2] / "docs" / "tasks").glob("*.md"))


@contextmanager
def small_disks(lab: Lab) -> Iterator[None]:
    """Give every gateway a disk of its own for what it keeps, small enough to be filled."""
    places = [service.run_dir.parent / "state" for service in lab.services.values()]
    for place in places:
        place.mkdir()
        subprocess.run(["mount", "-t", "tmpfs", "-o", "size=8m", "tmpfs", place], check=True)
    yield
    for place in places:
        subprocess.run(["umount", "--lazy", place], check=True)


@pytest.fixture
def reader(tmp_path: Path) -> Iterator[Reader]:
    """Return a reader before the example, settled."""
    deaf = signal.getsignal(signal.SIGHUP)
    with lab_of(read_directory(EXAMPLE)) as lab, small_disks(lab):
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
