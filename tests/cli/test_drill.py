"""What `linkbalancer drill` refuses before anything is built, without rights to build it."""

import subprocess
import sys
from pathlib import Path

import pytest

from linkbalancer.cli import drill
from linkbalancer.cli.main import main
from linkbalancer.lab import lab
from tests.lab.example import EXAMPLE


@pytest.fixture(autouse=True)
def _nothing_is_built(monkeypatch: pytest.MonkeyPatch) -> None:
    """Looking for rights is the first step of building."""

    def refuse() -> None:
        raise AssertionError("it went on to build")

    monkeypatch.setattr(lab, "check_rights", refuse)


@pytest.mark.parametrize("place", ["/proc/nope/y.json", "/proc/y.json", "{folder}", "{folder}/file/y.json"])
def test_a_report_that_cannot_be_written_is_refused_at_once(
    tmp_path: Path, capsys: pytest.CaptureFixture[str], place: str
) -> None:
    """One sentence, exit 2."""
    (tmp_path / "file").write_text("kept\n")
    output = place.format(folder=tmp_path)

    assert main(["drill", str(EXAMPLE), "--output", output]) == 2
    said = capsys.readouterr().err
    assert said.startswith(f"linkbalancer: cannot write the report to {output}: ")
    assert said.count("\n") == 1
    assert (tmp_path / "file").read_text() == "kept\n"


def test_an_unknown_fault_is_refused_at_once(tmp_path: Path, capsys: pytest.CaptureFixture[str]) -> None:
    """The faults that there are are named; no report is begun."""
    words = ["drill", str(EXAMPLE), "--fault", "nonsense", "--output", str(tmp_path / "new/report.json")]

    assert main(words) == 2
    assert "there is no fault 'nonsense'; there are cut, " in capsys.readouterr().err
    assert list(tmp_path.iterdir()) == []


def test_pairs_are_faults_of_their_own(capsys: pytest.CaptureFixture[str]) -> None:
    """With `--double` there is nothing else; with edits they do not go together."""
    assert main(["drill", str(EXAMPLE), "--double", "--fault", "cut:l1"]) == 2
    assert "there is no fault 'cut l1'; there are double, each" in capsys.readouterr().err
    with pytest.raises(SystemExit) as ended:
        main(["drill", str(EXAMPLE), "--double", "--reload"])
    assert ended.value.code == 2


def test_asking_leaves_no_report(tmp_path: Path) -> None:
    """An earlier report is kept until there is a new one, and an empty one is never left."""
    (tmp_path / "old.json").write_text("{}\n")
    for name in ("old.json", "new.json"):
        drill._check_output(tmp_path / name)

    assert [path.read_text() for path in tmp_path.iterdir()] == ["{}\n"]


def test_a_report_that_is_lost_in_the_end_is_said(capsys: pytest.CaptureFixture[str]) -> None:
    """A disk that has filled up meanwhile is a sentence."""
    assert not drill._write_output(Path("/dev/full"), "{}\n")
    assert capsys.readouterr().err == "linkbalancer: cannot write the report to /dev/full: No space left on device\n"


def test_nothing_heavy_is_needed_to_refuse() -> None:
    """The command itself says the same."""
    words = [sys.executable, "-m", "linkbalancer", "drill", str(EXAMPLE), "--output", "/proc/nope/y.json"]
    done = subprocess.run(words, capture_output=True, text=True, check=False)

    assert (done.returncode, done.stderr.count("\n")) == (2, 1)
