"""Tests of what every command has in common: where its answer goes."""

import json
import subprocess
import sys
from pathlib import Path

import pytest

from linkbalancer.cli import main as main_module
from linkbalancer.cli import version
from linkbalancer.cli.main import main

ROOT = Path(__file__).parents[2]
LINE = json.dumps({"src": "10.0.0.1", "dst": "192.0.2.1", "proto": "tcp"})


def words(folder: Path, lines: int) -> list[str]:
    """Return a command that answers so many lines."""
    (folder / "apps.conf").write_text("App=* * * * * * [1] name=all\n")
    (folder / "flows").write_text(f"{LINE}\n" * lines)
    command = [sys.executable, "-m", "linkbalancer", "explain", "--rules", str(folder / "apps.conf")]
    return [*command, "--flows", str(folder / "flows")]


@pytest.mark.parametrize("lines", [1, 20000])
def test_a_full_disk_is_one_sentence(tmp_path: Path, lines: int) -> None:
    """Exit 1, whether it is noticed while writing or at the end."""
    with Path("/dev/full").open("w") as full:
        done = subprocess.run(
            words(tmp_path, lines), cwd=ROOT, stdout=full, stderr=subprocess.PIPE, text=True, check=False
        )

    assert done.stderr == "linkbalancer: cannot write the answer: No space left on device\n"
    assert done.returncode == 1


@pytest.mark.parametrize("lines", [1, 20000])
def test_a_reader_that_has_seen_enough_is_no_error(tmp_path: Path, lines: int) -> None:
    """A pipe that is closed ends the command quietly."""
    with subprocess.Popen(words(tmp_path, lines), cwd=ROOT, stdout=subprocess.PIPE, stderr=subprocess.PIPE) as process:
        assert process.stdout is not None
        assert process.stderr is not None
        process.stdout.close()
        said = process.stderr.read()

    assert said == b""
    assert process.returncode == 0


def test_another_error_of_the_host_is_not_hidden(monkeypatch: pytest.MonkeyPatch) -> None:
    """While the answer can be written, an OSError that nobody caught is a bug and looks like one."""

    def stumble(_args: object) -> int:
        raise OSError(5, "Input/output error")

    monkeypatch.setattr(version, "run", stumble)
    with pytest.raises(OSError, match="Input/output error"):
        main(["version"])


def test_an_interruption_is_no_traceback(monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]) -> None:
    """Ctrl-C in any command: exit 130, as shells have it, and one line."""

    def interrupt(_args: object) -> int:
        raise KeyboardInterrupt

    monkeypatch.setattr(version, "run", interrupt)
    monkeypatch.setattr(main_module, "give_up", lambda: None)  # it would silence this process's own output
    assert main(["version"]) == 130
    assert capsys.readouterr().err == "linkbalancer: interrupted\n"
