"""`linkbalancer run`: what it refuses, and what the supervisor carries."""

import os
import subprocess
import sys
from pathlib import Path

import pytest

from linkbalancer.cli.run import lock_directory, missing_rights

ROOT = Path(__file__).parents[2]


def test_missing_rights() -> None:
    """Each capability that is not effective is named."""
    status = "Name:\tx\nCapEff:\t{:016x}\nSeccomp:\t0\n"
    assert missing_rights(status.format((1 << 41) - 1)) == []
    assert missing_rights(status.format(1 << 12)) == ["CAP_NET_RAW"]
    assert missing_rights(status.format(0)) == ["CAP_NET_ADMIN", "CAP_NET_RAW"]


@pytest.mark.lab
def test_without_rights_one_sentence_and_status_2() -> None:
    """Without CAP_NET_ADMIN the command names what is missing and does nothing."""
    command = [sys.executable, "-m", "linkbalancer", "run", "/nowhere.yaml"]
    done = subprocess.run(
        ["setpriv", "--bounding-set=-net_admin", *command], cwd=ROOT, capture_output=True, text=True, check=False
    )
    assert done.returncode == 2
    assert done.stderr == "linkbalancer: run needs CAP_NET_ADMIN: start it as root, or by systemd\n"


def run(tmp_path: Path, config: Path) -> "subprocess.CompletedProcess[str]":
    """Run the daemon with a configuration that it refuses."""
    directories = ["--run-dir", str(tmp_path / "run"), "--state-dir", str(tmp_path / "state")]
    command = [sys.executable, "-m", "linkbalancer", "run", str(config), *directories]
    return subprocess.run(command, cwd=ROOT, capture_output=True, text=True, check=False, timeout=30)


@pytest.mark.lab
def test_a_bad_configuration_is_refused_with_every_error(tmp_path: Path) -> None:
    """Every error of configuration and rule file is told with its place, and the status is 1."""
    config = tmp_path / "linkbalancer.yaml"
    config.write_text("node: b1\nrole: boss\ngroups: {}\napplications: apps.conf\n")
    (tmp_path / "apps.conf").write_text("App=nonsense\n")
    done = run(tmp_path, config)
    assert done.returncode == 1
    assert f"{config}:2:" in done.stderr
    assert f"{config}:3:" in done.stderr
    assert f"{tmp_path / 'apps.conf'}:1:" in done.stderr


@pytest.mark.lab
def test_a_missing_configuration_is_refused(tmp_path: Path) -> None:
    """A file that is not there is one sentence and status 1."""
    done = run(tmp_path, tmp_path / "nothing.yaml")
    assert done.returncode == 1
    assert done.stderr == f"{tmp_path / 'nothing.yaml'}: No such file or directory\n"


@pytest.mark.lab
def test_a_run_directory_that_cannot_be(tmp_path: Path) -> None:
    """A file where the run directory should be is one sentence and status 2."""
    (tmp_path / "run").write_text("")
    done = run(tmp_path, tmp_path / "nothing.yaml")
    assert done.returncode == 2
    assert done.stderr == f"linkbalancer: cannot use {tmp_path / 'run'}: File exists\n"


def test_the_lock_names_its_holder(tmp_path: Path) -> None:
    """One holds a run directory, and its process id is to be read there; closed, it is free."""
    first = lock_directory(tmp_path)
    assert first is not None
    assert (tmp_path / "lock").read_text() == f"{os.getpid()}\n"
    assert lock_directory(tmp_path, patience_s=0.05) is None
    os.close(first)
    second = lock_directory(tmp_path, patience_s=0.05)
    assert second is not None
    os.close(second)


def test_the_supervisor_is_light() -> None:
    """What this command imports has no thread, no event loop, no validation and no netlink library."""
    code = "import sys, linkbalancer.cli.run; print(*sys.modules)"
    modules = subprocess.run(
        [sys.executable, "-c", code], cwd=ROOT, capture_output=True, text=True, check=True
    ).stdout.split()
    heavy = {"asyncio", "threading", "pydantic", "pyroute2", "structlog", "yaml", "subprocess", "rich"}
    assert heavy.isdisjoint(modules)
