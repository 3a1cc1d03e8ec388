"""Every task page, done: its commands on the gateways of the example, as a reader would type them."""

import signal
import subprocess
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path

import pytest

from linkbalancer.lab.directory import read_directory
from linkbalancer.lab.lab import Lab, lab_of
from tests.docs.page import Command, Deed, read_page
from tests.docs.reader import Reader
from tests.lab.example import EXAMPLE

pytestmark = pytest.mark.lab

PAGES = sorted((Path(__file__).parents[2] / "docs" / "tasks").glob("*.md"))


@contextmanager
def small_disks(lab: Lab) -> Iterator[None]:
    """Give every gateway a disk of its own for what it keeps, small enough to be filled."""
    places = [service.run_dir.parent / "state" for service in lab.services.values()]
    mounted: list[Path] = []
    try:
        for place in places:
            place.mkdir()
            subprocess.run(["mount", "-t", "tmpfs", "-o", "size=8m", "tmpfs", place], check=True)
            mounted.append(place)
        yield
    finally:
        for place in mounted:
            subprocess.run(["umount", "--lazy", place], check=True)


@contextmanager
def reader(scratch: Path, *, configured: bool) -> Iterator[Reader]:
    """Yield a reader before the example, settled; or before its gateways as they are after the installation."""
    deaf = signal.getsignal(signal.SIGHUP)
    with lab_of(read_directory(EXAMPLE)) as lab, small_disks(lab):
        found = Reader(lab, scratch)
        if configured:
            lab.start()
            found.settle()
        else:
            lab.network.build()
        with found.stack:
            yield found
    signal.signal(signal.SIGHUP, deaf)


@pytest.mark.parametrize("page", PAGES, ids=lambda page: page.stem)
def test_a_page_works_as_it_is_written(tmp_path: Path, page: Path) -> None:
    """Every command answers as the page says, in the page's order."""
    steps = read_page(page)
    assert any(isinstance(step, Command) for step in steps), "a page without a command is no task"
    begins_empty = isinstance(steps[0], Deed) and steps[0].words[0] in {"bare", "empty"}
    with reader(tmp_path, configured=not begins_empty) as somebody:
        for step in steps:
            somebody.do(step)
