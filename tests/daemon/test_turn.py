"""The agent's turn on the processor, where the host allows one."""

import os
import subprocess
import sys
from pathlib import Path

ROOT = Path(__file__).parents[2]
TRY = "os.sched_setscheduler(0, os.SCHED_RR, os.sched_param(1)); os.sched_setscheduler(0, 0, os.sched_param(0))"
CODE = f"""\
import os
from linkbalancer.daemon.turn import go_first, go_like_others
try:
    {TRY}
    allowed = os.SCHED_RR | os.SCHED_RESET_ON_FORK
except OSError:
    allowed = os.SCHED_OTHER
go_first()
print(os.sched_getscheduler(0) == allowed)
pid = os.fork()
if pid == 0:
    os._exit(os.sched_getscheduler(0))
print(os.waitstatus_to_exitcode(os.waitpid(pid, 0)[1]) == os.SCHED_OTHER)
go_like_others()
print(os.sched_getscheduler(0) == os.SCHED_OTHER)
"""


def test_first_where_that_is_allowed() -> None:
    """A process goes first, what it forks does not, and where it is not allowed nothing happens."""
    done = subprocess.run([sys.executable, "-c", CODE], cwd=ROOT, capture_output=True, text=True, check=True)
    assert done.stdout == "True\nTrue\nTrue\n"
    assert os.sched_getscheduler(0) == os.SCHED_OTHER
