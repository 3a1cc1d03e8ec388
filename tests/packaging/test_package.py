"""The Debian package on a clean Debian: installed, configured, at work with its unit's rights, upgraded, removed."""

import json
import os
import shutil
import signal
import subprocess
from collections.abc import Iterator
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any

import pytest

from linkbalancer import __version__
from linkbalancer.cli.main import COMMANDS
from tests.daemon.waiting import alive, until
from tests.packaging.cleanroot import CleanRoot
from tests.packaging.sites import Sites, configure, sites
from tests.packaging.unit import words_to_start

pytestmark = pytest.mark.lab

UNIT = "lib/systemd/system/linkbalancer.service"
LEFT = {"etc/passwd", "etc/group", "etc/shadow", "etc/gshadow"}
"""Debian keeps system users; of these files there may be spare copies."""


@dataclass(slots=True)
class Site:
    """A root with the package in it, the sites around, and the service once it runs."""

    root: CleanRoot
    before: set[str] = field(repr=False)
    around: Sites
    log: Path
    service: subprocess.Popen[bytes] | None = None
    pids: set[int] = field(default_factory=set)

    def ask(self, *words: str, groups: str = "") -> subprocess.CompletedProcess[str]:
        """Ask the daemon as somebody who is nobody, but for the groups."""
        who = ["setpriv", "--reuid", "nobody", "--regid", "nogroup"]
        who += ["--groups", groups] if groups else ["--clear-groups"]
        return self.root.run(*who, "--", "linkbalancer", *words, namespace=self.around.near)

    def status(self) -> dict[str, Any]:
        """Return the status as a reader sees it, empty while there is none."""
        done = self.ask("status", "--json", groups="linkbalancer-read")
        return dict(json.loads(done.stdout)) if done.returncode == 0 else {}

    def at_work(self) -> bool:
        """Return whether the service is Master of both VIDs over its link."""
        groups = self.status().get("groups", {}).values()
        return bool(groups) and all(group["master"] == "self" and group["works"] for group in groups)


@pytest.fixture(scope="module")
def site(tmp_path_factory: pytest.TempPathFactory, package: Path) -> Iterator[Site]:
    """Return two sites; the near gateway's root has the package, freshly installed."""
    folder = tmp_path_factory.mktemp("package")
    root = CleanRoot(folder / "root", package)
    before = root.files()
    root.install(package)
    with sites(folder) as around:
        built = Site(root, before, around, folder / "log")
        yield built
        if built.service is not None and built.service.poll() is None:
            built.service.kill()
            built.service.wait()
        for pid in built.pids:
            if alive(pid):
                os.kill(pid, signal.SIGKILL)
    shutil.rmtree(root.path)


def test_everything_is_in_place(site: Site) -> None:
    """Program, unit, user, groups, examples, pages and completions; byte code is compiled, by nobody at run time."""
    root = site.root
    assert root("linkbalancer", "version").startswith("linkbalancer ")
    assert root.mode("/etc/linkbalancer/keys") == ("750", "root", "linkbalancer")
    assert root.mode("/etc/linkbalancer/linkbalancer.yaml.example") == ("644", "root", "root")
    groups = root("id", "--name", "--groups", "linkbalancer").split()
    assert sorted(groups) == ["linkbalancer", "linkbalancer-operate", "linkbalancer-read"]
    for path in (
        "usr/share/man/man8/linkbalancer.8.gz",
        "usr/share/man/man8/linkbalancer-status.8.gz",
        "usr/share/man/man5/linkbalancer.yaml.5.gz",
        "usr/share/man/man5/linkbalancer-apps.5.gz",
        "usr/share/bash-completion/completions/linkbalancer",
        "usr/share/zsh/vendor-completions/_linkbalancer",
        "usr/share/doc/linkbalancer/copyright",
    ):
        assert (root.path / path).exists(), path
    assert list((root.path / "usr/lib/linkbalancer/linkbalancer/__pycache__").glob("__init__.*.pyc"))


def test_an_unconfigured_gateway_has_a_service_that_waits(site: Site) -> None:
    """Enabled, as Debian has it, but for the configuration that is not there: it neither starts nor fails."""
    root = site.root
    assert root("systemctl", "is-enabled", "linkbalancer").strip() == "enabled"
    assert "\nConditionPathExists=/etc/linkbalancer/linkbalancer.yaml\n" in (root.path / UNIT).read_text()
    assert not (root.path / "etc/linkbalancer/linkbalancer.yaml").exists()
    assert root("systemd-analyze", "verify", "--man=no", f"/{UNIT}") == ""


def test_only_what_is_installed_is_imported(site: Site) -> None:
    """Neither the environment, nor a home, nor /usr/local decides what the program runs."""
    root = site.root
    for folder in ("usr/local/lib/python3.11/dist-packages", "root/.local/lib/python3.11/site-packages", "tmp/evil"):
        (root.path / folder).mkdir(parents=True, exist_ok=True)
        for name in ("yaml", "pydantic", "sitecustomize"):
            (root.path / folder / f"{name}.py").write_text("raise SystemExit('taken over')\n")
    words = ["env", "PYTHONPATH=/tmp/evil", "HOME=/root", "linkbalancer", "check", "/etc/linkbalancer"]
    done = site.root.run(*words)
    for folder in ("usr/local/lib/python3.11", "root/.local", "tmp/evil"):
        shutil.rmtree(root.path / folder)

    assert "taken over" not in done.stdout + done.stderr


def test_a_key_that_the_service_may_read_is_good(site: Site) -> None:
    """Root's key is pointed out, with the remedy; after that, there is no warning."""
    configure(site.root)
    warned = site.root.run("linkbalancer", "check", "/etc/linkbalancer")
    assert "cannot be read by the service; chgrp linkbalancer it, and chmod g=r it" in warned.stderr
    site.root("chgrp", "linkbalancer", "/etc/linkbalancer/keys/l1.key")
    site.root("chmod", "640", "/etc/linkbalancer/keys/l1.key")
    assert site.root.run("linkbalancer", "check", "/etc/linkbalancer").stderr == ""


def test_it_works_with_the_units_rights_alone(site: Site) -> None:
    """Not root, two capabilities, nothing to write but its two directories: it masters its VIDs and packets pass."""
    site.root("install", "-d", "-o", "linkbalancer", "-g", "linkbalancer", "/run/linkbalancer", "/var/lib/linkbalancer")
    words = words_to_start(site.root.path / UNIT)
    with site.log.open("ab") as log:
        site.service = subprocess.Popen(
            site.root.command(*words, namespace=site.around.near, strict=True),
            stdin=subprocess.DEVNULL,
            stdout=log,
            stderr=log,
        )
    until(site.at_work, 20)
    until(site.around.far.settled, 20)
    site.pids = daemon_pids(site)

    assert {"uid": False, "net": True} == {
        "uid": any(Path(f"/proc/{pid}").stat().st_uid == 0 for pid in site.pids),
        "net": site.around.near("sysctl --values net.ipv4.ip_forward").strip() == "1",
    }
    with site.around.traffic() as stream:
        until(lambda: len(stream.heard) > 100, 10)
    assert stream.lost() == 0


def daemon_pids(site: Site) -> set[int]:
    """Return every process of the service."""
    uid = site.root.path.joinpath("run/linkbalancer").stat().st_uid
    listing = site.around.near(f"ip netns pids {site.around.near.name}").split()
    return {int(pid) for pid in listing if alive(int(pid)) and Path(f"/proc/{pid}").stat().st_uid == uid}


def test_the_groups_decide_who_asks(site: Site) -> None:
    """Readers get the status; others are told who could."""
    assert site.ask("status", groups="linkbalancer-read").returncode == 0
    refused = site.ask("status")
    assert (refused.returncode, refused.stdout) == (2, "")
    assert "is not yours to ask" in refused.stderr
    assert "0" == site.root("sh", "-c", "find /run/linkbalancer -name '*.sock' -perm -o=w | wc -l").strip()


def test_an_upgrade_loses_nothing(site: Site, newer: Path) -> None:
    """The package is replaced under the running service: no packet lost, and the same Master throughout."""
    with site.around.traffic() as stream:
        said = site.root.install(newer, namespace=site.around.near)
        until(site.at_work, 30, said)
        heard = len(stream.heard)
        until(lambda: len(stream.heard) > heard + 50, 10)
    assert site.service is not None
    assert site.service.poll() is None
    assert stream.lost() == 0
    assert site.root("linkbalancer", "version") == "linkbalancer 99.0\n"
    assert "upgrade" not in COMMANDS or f"version {__version__} -> 99.0" in site.log.read_text()
    site.pids |= daemon_pids(site)


def test_a_purge_leaves_nothing(site: Site) -> None:
    """Stopped, removed, purged: every file is gone, the administrator's configuration and keys among them."""
    assert site.service is not None
    site.service.terminate()
    assert site.service.wait(20) == 0
    site.root.apt("remove", "linkbalancer")
    assert (site.root.path / "etc/linkbalancer/linkbalancer.yaml").exists()
    site.root.apt("purge", "linkbalancer")
    bookkeeping = ("var/lib/dpkg", "var/log", "var/cache", "var/lib/apt", "var/backups", "run/systemd")
    after = {path for path in site.root.files() - site.before if not path.startswith(bookkeeping)}
    assert {path for path in after if path.rstrip("-") not in LEFT} == set()
    until(lambda: not any(alive(pid) for pid in site.pids), 10)
