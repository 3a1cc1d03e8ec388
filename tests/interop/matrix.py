"""Many cases at a time: timers mostly wait, so some run side by side; a disturbed one is tried again."""

import shutil
import traceback
from collections.abc import Iterator, Sequence
from concurrent.futures import ThreadPoolExecutor, as_completed
from pathlib import Path
from subprocess import SubprocessError

from tests.interop.cases import Case
from tests.interop.trial import PROGRAMS, Outcome, Programs, carry_out

TRIES = 3
"""How often a case is tried while the machine's own stalls disturb it."""


def run(cases: Sequence[Case], files: Path, jobs: int, programs: Programs = PROGRAMS) -> Iterator[Outcome]:
    """Carry out cases, some at a time; yield each outcome when it is there."""
    with ThreadPoolExecutor(jobs) as pool:
        tasks = [pool.submit(_tried, case, files / str(number), programs) for number, case in enumerate(cases)]
        try:
            for task in as_completed(tasks):
                yield task.result()
        finally:
            for task in tasks:
                task.cancel()


def _tried(case: Case, files: Path, programs: Programs) -> Outcome:
    """Return the last outcome of as many tries as it took; the files of a good one are removed."""
    for number in range(1, TRIES + 1):
        outcome = _caught(case, files / str(number), programs)
        if not outcome.disturbed:
            break
    if not outcome.faults:
        shutil.rmtree(files, ignore_errors=True)
    return outcome


def _caught(case: Case, files: Path, programs: Programs) -> Outcome:
    """Return the outcome; what the harness could not do is a fault as well, and the other cases go on."""
    try:
        return carry_out(case, files, programs)
    except (AssertionError, OSError, SubprocessError, ValueError):
        return Outcome(case, (traceback.format_exc(),), 0, 0, "")
