"""What each process of a gateway may still do, as the kernel says it."""

import os
import subprocess
import sys
from pathlib import Path

import pytest

from linkbalancer.config.notifications import Notification
from linkbalancer.daemon.capabilities import (
    ALL,
    IPC_LOCK,
    KILL,
    NET_ADMIN,
    NET_RAW,
    SETGID,
    SETUID,
    SYS_NICE,
    of_notifier,
)
from tests.daemon.gateway import ROOT, Gateway
from tests.daemon.waiting import until
from tests.namespaces import Namespace


def sets(status: str) -> dict[str, set[int]]:
    """Return the capability sets in the text of a /proc/PID/status."""
    lines = dict(line.split(":\t", 1) for line in status.splitlines())
    masks = {name: int(lines[name], 16) for name in ("CapInh", "CapPrm", "CapEff", "CapAmb")}
    return {name: {bit for bit in range(64) if mask >> bit & 1} for name, mask in masks.items()}


def kept(*bits: int) -> dict[str, set[int]]:
    """Return the sets of a process that keeps these bits, as seen by a program that it starts."""
    words = ", ".join(map(str, bits))
    code = f"import os; from linkbalancer.daemon.capabilities import keep; keep({words}); "
    code += "os.execv('/bin/cat', ['cat', '/proc/self/status'])"
    done = subprocess.run([sys.executable, "-c", code], cwd=ROOT, capture_output=True, text=True, check=True)
    assert "NoNewPrivs:\t1\n" in done.stdout
    return sets(done.stdout)


@pytest.mark.skipif(os.geteuid() != 0, reason="needs capabilities to give up")
def test_what_is_kept_is_kept_by_programs_too() -> None:
    """A program that is started has what was kept, and nothing else: nft needs NET_ADMIN."""
    assert all(bits == {NET_ADMIN, NET_RAW} for bits in kept(NET_ADMIN, NET_RAW).values())


def test_nothing_is_kept() -> None:
    """Without an argument no right is left, to a user who had none either."""
    assert all(bits == set() for bits in kept().values())


@pytest.mark.parametrize(
    ("users", "rights"),
    [([], ()), ([None], (KILL, SETGID, SETUID)), (["daemon"], (KILL, SETGID, SETUID)), (["root"], ALL)],
)
def test_what_telling_needs(users: list[str | None], rights: tuple[int, ...]) -> None:
    """Nothing but to be another user, for programs; who wants one run as root means root's rights."""
    some = [Notification(script=("/bin/true",), user=user) for user in users]

    assert of_notifier([*some, Notification(journal=True)]) == rights


@pytest.mark.lab
def test_every_process_has_what_it_needs(tmp_path: Path) -> None:
    """Agent: routes, packet sockets, a turn at once; applications: their map; api: nothing."""
    with Namespace("lone") as lone, Namespace("lan") as lan:
        lone.connect("eth0", lan, "eth0")
        lone.connect("eth1", lan, "eth1")
        lone("ip addr add 192.0.2.1/24 dev eth0", "ip addr add 10.1.0.1/24 dev eth1")
        texts = {"node": "b1", "role": "controller", "local": "10.1.0.1", "peer": "10.1.0.2", "lan": "192.0.2"}
        gateway = Gateway(lone, tmp_path / "lone", **texts)
        gateway.start()
        until(lambda: "event=ready" in gateway.lines(), 20)
        pids = gateway.pids()
        found = {name: sets(Path(f"/proc/{pid}/status").read_text()) for name, pid in pids.items()}
        gateway.stop()
    assert found["agent"]["CapEff"] - {IPC_LOCK, SYS_NICE} == {NET_ADMIN, NET_RAW}
    assert found["web"]["CapEff"] == found["rest"]["CapEff"] == {NET_ADMIN}
    assert all(bits == set() for bits in found["api"].values())
    assert all(some["CapPrm"] == some["CapEff"] for some in found.values())
