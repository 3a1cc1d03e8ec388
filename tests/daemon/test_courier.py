"""Whom a notification's program runs as, and with which rights."""

import ctypes
import os
from pathlib import Path

import pytest

from linkbalancer.config.notifications import Notification
from linkbalancer.daemon import capabilities
from linkbalancer.daemon.courier import Receiver, work
from linkbalancer.daemon.notifier import test_news as news_of_a_test
from linkbalancer.drivers.notices.outcome import NotToldError

pytestmark = pytest.mark.lab

_KEEP_CAPABILITIES = 8


def told(user: str | None, *words: str, service: int = 0) -> tuple[int, str]:
    """Run a program as the notifier of a service of some user does; return its exit status and what it wrote."""
    receiver = Receiver("p", "b1", Notification(script=words, user=user), str, str)
    reading, writing = os.pipe()
    child = os.fork()
    if child == 0:
        try:
            os.dup2(writing, 1)
            if service:
                ctypes.CDLL(None).prctl(_KEEP_CAPABILITIES, 1, 0, 0, 0)
                os.setresuid(service, service, service)
            capabilities.keep(*capabilities.of_notifier([receiver.notification]))
            work(receiver, news_of_a_test("b1", 1))
        except NotToldError as error:
            os.write(1, str(error).encode())
        finally:
            os._exit(127)
    os.close(writing)
    with os.fdopen(reading) as output:
        said = output.read()
    return os.waitstatus_to_exitcode(os.waitpid(child, 0)[1]), said


RIGHTS = ("/bin/sh", "-c", "id -un; grep -E '^Cap(Prm|Eff|Amb)' /proc/self/status")
NONE = "CapPrm:\t0000000000000000\nCapEff:\t0000000000000000\nCapAmb:\t0000000000000000\n"


@pytest.mark.parametrize("service", [0, 65534])
def test_a_program_of_another_user_has_none_of_the_rights_to_become_it(service: int) -> None:
    """Else it could become root: between two users that are not root, the kernel takes no capability away."""
    assert told("daemon", *RIGHTS, service=service) == (0, f"daemon\n{NONE}")


def test_root_runs_nothing_that_others_may_change(tmp_path: Path) -> None:
    """Whoever can write what root runs is root; the same goes for trackers."""
    program = tmp_path / "notify"
    program.write_text("#!/bin/sh\nid -un\n")
    program.chmod(0o755)
    assert told("root", str(program)) == (0, "root\n")

    program.chmod(0o757)
    words = f"root runs nothing that others may change: {program} can be written by others than root"
    assert told("root", str(program)) == (127, words)
