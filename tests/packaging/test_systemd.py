"""The installed service under a real systemd: its unit's sandbox, reload, restart, death, upgrade, stop and purge."""

import json
import re
import shutil
from collections.abc import Callable, Iterator
from pathlib import Path
from typing import Any

import pytest

from tests.daemon.gateway import RULES
from tests.daemon.waiting import until
from tests.packaging.cleanroot import CleanRoot
from tests.packaging.machine import Machine
from tests.packaging.sites import Sites, configure, sites

pytestmark = pytest.mark.lab


@pytest.fixture(scope="module")
def machine(tmp_path_factory: pytest.TempPathFactory, package: Path, newer: Path) -> Iterator[tuple[Machine, Sites]]:
    """Return a booted gateway with the package installed, not configured yet, and the sites around it."""
    folder = tmp_path_factory.mktemp("systemd")
    root = CleanRoot(folder / "root", package)
    for name, one in (("old.deb", package), ("new.deb", newer)):
        shutil.copy(one, root.path / "root" / name)
    with sites(folder) as around, Machine(root, around.near) as booted:
        yield booted, around
    shutil.rmtree(root.path)


def status(machine: Machine) -> dict[str, Any]:
    """Return the daemon's status, empty while it does not answer."""
    done = machine.run("linkbalancer", "status", "--json")
    return dict(json.loads(done.stdout)) if done.returncode == 0 else {}


def masters(machine: Machine) -> set[tuple[str, str, bool]]:
    """Return who masters each VID, and whether it works."""
    groups = status(machine).get("groups", {}).items()
    return {(vid, group["master"], group["works"]) for vid, group in groups}


AT_WORK = {("1", "self", True), ("2", "self", True)}


def test_installed_it_waits_and_configured_it_starts(machine: tuple[Machine, Sites]) -> None:
    """No configuration, no service and no failure; then it starts with everything that the unit closes closed."""
    booted, _ = machine
    booted("apt-get", "--yes", "install", "/root/old.deb")
    said = booted("systemctl", "show", "--property=ActiveState,ConditionResult,UnitFileState", "linkbalancer")
    assert set(said.split()) == {"ActiveState=inactive", "ConditionResult=no", "UnitFileState=enabled"}

    configure(booted.root)
    booted("chgrp", "linkbalancer", "/etc/linkbalancer/keys/l1.key")
    booted("chmod", "640", "/etc/linkbalancer/keys/l1.key")
    booted("systemctl", "start", "linkbalancer")
    until(lambda: masters(booted) == AT_WORK, 20)
    log = booted("journalctl", "--unit=linkbalancer", "--output=cat", "--no-pager")
    assert [] == re.findall(r".*(?:level=(?:error|critical)|Traceback|not permitted).*", log)


def reload(machine: Machine) -> None:
    """Edit a rule, and have it in force."""
    (machine.root.path / "etc/linkbalancer/apps.conf").write_text(RULES.replace("443", "8443"))
    machine("systemctl", "reload", "linkbalancer")


def reload_badly(machine: Machine) -> None:
    """Edit it wrongly: systemd says that the reload failed, the journal why, and the service goes on."""
    (machine.root.path / "etc/linkbalancer/apps.conf").write_text(RULES.replace("443", "84433"))
    assert machine.run("systemctl", "reload", "linkbalancer").returncode != 0
    (machine.root.path / "etc/linkbalancer/apps.conf").write_text(RULES)
    assert "84433" in machine("journalctl", "--unit=linkbalancer", "--output=cat", "--no-pager")


def restart(machine: Machine) -> None:
    """Restart the service as an administrator does."""
    machine("systemctl", "restart", "linkbalancer")


def kill(machine: Machine) -> None:
    """Kill the supervisor; systemd starts another."""
    before = main_pid(machine)
    machine("systemctl", "kill", "--kill-whom=main", "--signal=KILL", "linkbalancer")
    until(lambda: main_pid(machine) not in {"0", before}, 10)


def upgrade(machine: Machine) -> None:
    """Install a newer package: the same supervisor becomes the new program."""
    before = main_pid(machine)
    said = machine("apt-get", "--yes", "install", "/root/new.deb")
    assert main_pid(machine) == before, said
    assert "-> 99.0" in said


def main_pid(machine: Machine) -> str:
    """Return the service's main process."""
    return machine("systemctl", "show", "--property=MainPID", "--value", "linkbalancer").strip()


@pytest.mark.parametrize("deed", [reload, reload_badly, restart, kill, upgrade], ids=lambda deed: str(deed.__name__))
def test_nothing_is_lost(machine: tuple[Machine, Sites], deed: Callable[[Machine], None]) -> None:
    """Whatever is done to the service, no packet between the hosts is lost, and no mastership moves."""
    booted, around = machine
    until(lambda: masters(booted) == AT_WORK, 20)
    heard_elsewhere = around.far.lines().count('subject="VID')
    with around.traffic() as stream:
        until(lambda: len(stream.heard) > 50, 10)
        deed(booted)
        until(lambda: masters(booted) == AT_WORK, 20)
        heard = len(stream.heard)
        until(lambda: len(stream.heard) > heard + 50, 10)
    assert stream.lost() == 0
    assert around.far.lines().count('subject="VID') == heard_elsewhere


def test_purged_it_is_gone(machine: tuple[Machine, Sites]) -> None:
    """Removal stops the service, which hands over; nothing of it runs, and no file of it is left."""
    booted, around = machine
    booted("apt-get", "--yes", "purge", "linkbalancer")
    left = booted("find", "/", "-xdev", "-name", "*linkbalancer*", "-not", "-path", "/proc/*").split()
    assert left == []
    assert "linkbalancer" not in booted("systemd-cgls", "--no-pager")
    until(lambda: "192.0.2.251" not in around.near("ip -4 address"), 10)
