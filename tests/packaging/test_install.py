"""`make install` from a checkout, and the files that both ways of installing share."""

import re
import subprocess
import tomllib
from pathlib import Path

import pytest

from linkbalancer.config.surroundings import Api
from tests.packaging.cleanroot import ROOT


@pytest.mark.lab
def test_make_install_puts_the_same_in_place(tmp_path: Path) -> None:
    """DESTDIR and PREFIX are honoured, the program runs from there, and `make uninstall` leaves nothing but folders."""
    words = ["make", "--no-print-directory", f"DESTDIR={tmp_path}", "PREFIX=/opt/lb"]
    subprocess.run([*words, "install"], cwd=ROOT, check=True, capture_output=True)
    files = {str(path.relative_to(tmp_path)) for path in tmp_path.rglob("*") if path.is_file()}
    assert {
        "opt/lb/bin/linkbalancer",
        "opt/lb/lib/systemd/system/linkbalancer.service",
        "opt/lb/lib/sysusers.d/linkbalancer.conf",
        "opt/lb/lib/tmpfiles.d/linkbalancer.conf",
        "opt/lb/share/man/man8/linkbalancer-run.8",
        "opt/lb/share/man/man5/linkbalancer.yaml.5",
        "opt/lb/share/bash-completion/completions/linkbalancer",
        "opt/lb/share/zsh/site-functions/_linkbalancer",
        "opt/lb/share/doc/linkbalancer/docs/rules.md",
        "etc/linkbalancer/linkbalancer.yaml.example",
    } <= files
    assert any(name.endswith(".pyc") for name in files)
    assert (
        "\nExecStart=/opt/lb/bin/linkbalancer run "
        in (tmp_path / "opt/lb/lib/systemd/system/linkbalancer.service").read_text()
    )

    launcher = tmp_path / "opt/lb/bin/linkbalancer"
    launcher.write_text(launcher.read_text().replace("/opt/lb/lib", f"{tmp_path}/opt/lb/lib"))
    done = subprocess.run(
        [launcher, "check", "conf/linkbalancer.yaml"], cwd=ROOT, capture_output=True, text=True, check=False
    )
    assert done.stdout.startswith("conf/linkbalancer.yaml: good")

    subprocess.run([*words, "uninstall"], cwd=ROOT, check=True, capture_output=True)
    assert [path for path in tmp_path.rglob("*") if path.is_file()] == []


def test_the_changelogs_are_in_step() -> None:
    """The package's version is the program's, and each release of CHANGELOG.md is one of debian/changelog's too."""
    version = tomllib.loads((ROOT / "pyproject.toml").read_text())["project"]["version"]
    debian = re.findall(r"(?m)^linkbalancer \((.*?)\)", (ROOT / "debian" / "changelog").read_text())
    released = re.findall(r"(?m)^## \[(\d.*?)\]", (ROOT / "CHANGELOG.md").read_text())

    assert debian[0] == version
    assert debian == released


def test_the_groups_are_those_of_the_sockets() -> None:
    """Who may ask and who may do: the account's file, the unit and the daemon say the same."""
    accounts = (ROOT / "systemd" / "sysusers.conf").read_text()

    assert f"\ng {Api().readers} -\n" in accounts
    assert f"\ng {Api().operators} -\n" in accounts
    assert (
        f"\nSupplementaryGroups={Api().readers} {Api().operators}\n"
        in (ROOT / "systemd" / "linkbalancer.service").read_text()
    )


def test_every_licence_that_travels_is_named() -> None:
    """debian/copyright has a paragraph for each package that packaging/vendored.txt brings along."""
    copyright_text = (ROOT / "debian" / "copyright").read_text().lower()
    pins = (ROOT / "packaging" / "vendored.txt").read_text().splitlines()
    travelling = [line.split("==")[0] for line in pins if "==" in line and "# Debian: " not in line]

    def module(name: str) -> str:
        return {"markdown-it-py": "markdown_it"}.get(name, name.replace("-", "_")).lower()

    assert [] == [name for name in travelling if f"usr/lib/linkbalancer/{module(name)}" not in copyright_text]


def test_every_dependency_is_pinned() -> None:
    """What pyproject.toml asks for has its version in packaging/vendored.txt."""
    asked = tomllib.loads((ROOT / "pyproject.toml").read_text())["project"]["dependencies"]
    names = {re.split(r"[<>=!~\[; ]", one)[0].lower().replace("_", "-") for one in asked}
    pins = (ROOT / "packaging" / "vendored.txt").read_text().lower()

    assert [] == [name for name in sorted(names) if f"\n{name}==" not in pins]
