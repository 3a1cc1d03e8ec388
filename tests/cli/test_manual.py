"""Tests of the manual pages: complete, and without a warning of man's."""

import os
import re
import shutil
import subprocess
from pathlib import Path

import pytest

from linkbalancer.cli.main import COMMANDS, parser_of
from linkbalancer.cli.manual import main, pages
from linkbalancer.config.schema import keys

ROOT = Path(__file__).parents[2]
REFERENCE = ROOT / "conf" / "linkbalancer.yaml"
RULES = ROOT / "docs" / "rules.md"


@pytest.fixture(scope="module")
def written() -> dict[str, str]:
    """Return every page."""
    return pages(REFERENCE.read_text(), RULES.read_text())


def said(page: str) -> str:
    """Return a page as it reads."""
    return re.sub(r"\\f[BIR]", "", page).replace("\\-", "-").replace("\\&", "").replace("\\(aq", "'")


def test_every_command_has_a_page(written: dict[str, str]) -> None:
    """And the overview names each."""
    assert {"linkbalancer.8", "linkbalancer.yaml.5", "linkbalancer-apps.5"} | {
        f"linkbalancer-{name}.8" for name in COMMANDS
    } == set(written)
    assert all(f"linkbalancer-{name}(8)" in said(written["linkbalancer.8"]) for name in COMMANDS)


@pytest.mark.parametrize("command", COMMANDS)
def test_a_page_has_every_option(written: dict[str, str], command: str) -> None:
    """What `--help` lists, of the command and of its deeds, is on its page."""
    page = said(written[f"linkbalancer-{command}.8"])
    helps = [parser_of(command).format_help()]
    deeds = re.search(r"\{([a-z,-]+)\}", helps[0])  # or the choices of a word
    flags = set(re.findall(r"(?m)^ +(?:-\w(?: \S+)?, )?(--[a-z][a-z-]*)", helps[0].partition("\nexamples:")[0]))

    assert [] == [flag for flag in sorted(flags) if f"\n{flag}" not in page and f", {flag}" not in page]
    assert deeds is None or all(deed in page for deed in deeds[1].split(","))


def test_every_key_is_explained(written: dict[str, str]) -> None:
    """linkbalancer.yaml(5) has all keys of the model, as the reference explains them."""
    page = said(written["linkbalancer.yaml.5"])

    assert [] == [key for key in keys() if f"\n.TP\n{key}\n" not in page]


@pytest.mark.skipif(shutil.which("man") is None, reason="`make test` installs man-db, `make check` installs nothing")
def test_man_has_no_complaint(tmp_path: Path) -> None:
    """Rendered as Debian's own checks do it, no page draws a warning."""
    assert main([str(REFERENCE), str(RULES), "--man", str(tmp_path)]) == 0
    complaints = []
    for page in sorted(tmp_path.rglob("*.[58]")):
        done = subprocess.run(
            ["man", "--warnings", "-E", "UTF-8", "-l", "-Tutf8", "-Z", page],
            env={**os.environ, "LC_ALL": "C.UTF-8", "MANROFFSEQ": "", "MANWIDTH": "80"},
            stdout=subprocess.DEVNULL,
            stderr=subprocess.PIPE,
            text=True,
            check=False,
        )
        complaints += [done.stderr] if done.stderr or done.returncode else []

    assert complaints == []
