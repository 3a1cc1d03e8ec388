"""The systemd unit, judged by systemd's own tools."""

import re
import subprocess
from pathlib import Path

import pytest

UNIT = Path(__file__).parents[2] / "systemd" / "linkbalancer.service"

pytestmark = pytest.mark.lab  # `make test` installs systemd's tools, `make check` installs nothing


@pytest.fixture
def unit(tmp_path: Path) -> Path:
    """Return the unit with a program that exists here."""
    program = tmp_path / "linkbalancer"
    program.write_text("#!/bin/sh\n")
    program.chmod(0o755)
    copy = tmp_path / UNIT.name
    copy.write_text(UNIT.read_text().replace("/usr/bin/linkbalancer", str(program)))
    return copy


def test_verify(unit: Path) -> None:
    """`systemd-analyze verify` finds nothing to say, but that the pages are not installed here."""
    words = ["systemd-analyze", "verify", "--man=no", str(unit)]
    done = subprocess.run(words, capture_output=True, text=True, check=False)
    assert (done.returncode, done.stderr) == (0, "")


def test_exposure(unit: Path) -> None:
    """`systemd-analyze security` rates the service 2.5 or better."""
    done = subprocess.run(
        ["systemd-analyze", "security", "--offline=true", str(unit)], capture_output=True, text=True, check=False
    )
    found = re.search(r"Overall exposure level for linkbalancer.service: (\d+\.\d+)", done.stdout)
    assert found is not None
    assert float(found[1]) <= 2.5


def test_what_the_daemon_speaks_is_what_the_unit_expects() -> None:
    """Notify protocol, watchdog, reload by SIGHUP, and directories are those of the daemon."""
    text = UNIT.read_text()
    for line in (
        "Type=notify",
        "WatchdogSec=10s",
        "Restart=always",
        "RestartSec=100ms",
        "RestartPreventExitStatus=1",
        "LimitCORE=0",
        "KillMode=process",
        "ExecReload=/usr/bin/linkbalancer reload",
        "RestartKillSignal=SIGUSR2",
        "User=linkbalancer",
        "CapabilityBoundingSet=CAP_NET_ADMIN CAP_NET_RAW",
        "AmbientCapabilities=CAP_NET_ADMIN CAP_NET_RAW",
        "RuntimeDirectory=linkbalancer",
        "StateDirectory=linkbalancer",
    ):
        assert f"\n{line}\n" in text


def test_every_family_that_the_package_opens_is_let_through() -> None:
    """VRRP and notifications by IPv6 must not be for tests alone: a family that is left out fails without a word."""
    allowed = re.search(r"^RestrictAddressFamilies=(.*)$", UNIT.read_text(), re.MULTILINE)
    assert allowed is not None
    package = UNIT.parents[1] / "linkbalancer"
    opened = {found for path in package.rglob("*.py") for found in re.findall(r"\bAF_[A-Z0-9]+", path.read_text())}
    assert opened - {"AF_UNSPEC"} <= set(allowed[1].split())
