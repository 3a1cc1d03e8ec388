"""`linkbalancer replay`."""

import gzip
import json
import time
from argparse import ArgumentTypeError
from pathlib import Path
from typing import Any

import pytest

from linkbalancer.cli.main import main
from linkbalancer.cli.replay import when
from linkbalancer.clock import SECOND
from linkbalancer.engine.flight.tape import Head, lost
from linkbalancer.sim.faults import Cut
from linkbalancer.sim.shape import Shape
from tests.engine.flight.flown import Recorder, flown, sealed


@pytest.fixture(scope="module")
def recorder() -> Recorder:
    """Return a recording of b2 while link 1 is cut."""
    with flown(Shape(), 1) as flights:
        flights.world.start()
        flights.world.run(4000)
        recorder = flights.record("b2")
        flights.world.begin(Cut("l1"))
        flights.world.run(2000)
    return recorder


@pytest.fixture
def file(recorder: Recorder, tmp_path: Path) -> Path:
    """Return it as a file."""
    path = tmp_path / "20261122T020412.118Z.jsonl"
    path.write_bytes(b"".join(recorder.lines()))
    return path


def plain(recorder: Recorder) -> list[str]:
    """Return its lines without the sum."""
    return [line.decode().rstrip("\n") for line in recorder.lines()[:-1]]


def facts(capsys: pytest.CaptureFixture[str], *words: str) -> dict[str, Any]:
    """Return what `--json` answers."""
    assert main(["replay", "--json", *words]) in {0, 1}
    found: dict[str, Any] = json.loads(capsys.readouterr().out)
    return found


def test_a_recording_is_the_same(file: Path, recorder: Recorder, capsys: pytest.CaptureFixture[str]) -> None:
    """Each decision with its reason, and the verdict at the end."""
    assert main(["replay", str(file)]) == 0
    out = capsys.readouterr().out

    assert out.startswith("b2, recorded by linkbalancer")
    assert "-> vid VID 1: master" in out
    assert f"The same decisions: {len(recorder.inputs):,} inputs" in out


def test_a_compressed_one_is_too(file: Path, capsys: pytest.CaptureFixture[str]) -> None:
    """The file as it lies there."""
    packed = file.with_name(f"{file.name}.gz")
    packed.write_bytes(gzip.compress(file.read_bytes()))

    assert main(["replay", str(packed)]) == 0
    assert "The same decisions" in capsys.readouterr().out
    packed.write_bytes(packed.read_bytes()[:-200])
    assert main(["replay", str(packed)]) == 1
    assert "was not copied whole" in capsys.readouterr().err


def test_facts_come_as_json(file: Path, recorder: Recorder, capsys: pytest.CaptureFixture[str]) -> None:
    """One document; with --all a step an input."""
    few, every = facts(capsys, str(file)), facts(capsys, "--all", str(file))

    assert (few["schema"], few["node"], few["same"], few["diverged"]) == (1, "b2", True, None)
    assert 0 < len(few["steps"]) < len(every["steps"]) == every["inputs"] == len(recorder.inputs)
    kinds = {record["kind"] for step in few["steps"] for record in step["records"]}
    assert {"vid", "next-hop", "heard"} <= kinds


def test_what_is_shown_can_be_chosen(file: Path, capsys: pytest.CaptureFixture[str]) -> None:
    """By VID, by link, by time; the whole is compared all the same."""
    every = facts(capsys, "--all", str(file))
    for words in (("--vid", "1"), ("--link", "l2"), ("--since", "+1s")):
        some = facts(capsys, "--all", *words, str(file))
        assert 0 < len(some["steps"]) < len(every["steps"])
        assert some["inputs"] == every["inputs"]
    assert {step["kind"] for step in facts(capsys, "--all", "--link", "l2", str(file))["steps"]} <= {
        "DatagramReceived",
        "Tick",
        "DeviceChanged",
    }
    assert main(["replay", "--vid", "77", str(file)]) == 0
    assert "Nothing to show" in capsys.readouterr().out


def test_it_stops_at_an_instant_and_shows_the_status(file: Path, capsys: pytest.CaptureFixture[str]) -> None:
    """As `linkbalancer status` showed it then."""
    assert main(["replay", "--until", "+10ms", "--state", str(file)]) == 0
    out = capsys.readouterr().out

    assert "The status at" in out
    assert "b2 (controller):" in out
    early, late = (facts(capsys, "--state", "--until", after, str(file)) for after in ("+10ms", "+2s"))
    assert early["inputs"] < late["inputs"]
    assert (early["state"]["groups"]["1"]["state"], late["state"]["groups"]["1"]["state"]) == ("backup", "master")


def test_what_differs_is_told(recorder: Recorder, tmp_path: Path, capsys: pytest.CaptureFixture[str]) -> None:
    """An input that was made another one, its sum right: what was decided then, and what now."""
    path = tmp_path / "edited.jsonl"
    lines = plain(recorder)
    at = next(number for number, line in enumerate(lines) if "vid VID 1: master" in line)
    lines[at] = lines[at].replace("vid VID 1: master", "vid VID 1: backup").replace(",", ",[0,17],", 1)
    path.write_bytes(b"".join(sealed(lines)))

    assert main(["replay", str(path)]) == 1
    out = capsys.readouterr().out
    assert "NOT THE SAME from input #" in out
    assert "then: " in out
    assert "now:  " in out
    assert facts(capsys, str(path))["diverged"]["why"] == "other decisions"


def test_a_tampered_recording_is_found(file: Path, capsys: pytest.CaptureFixture[str]) -> None:
    """One byte: exit 1, and no word of sameness."""
    data = bytearray(file.read_bytes())
    data[-300] ^= 1
    file.write_bytes(data)

    assert main(["replay", str(file)]) == 1
    captured = capsys.readouterr()
    assert "damaged" in captured.err
    assert "same" not in captured.out


def test_what_is_missing_is_said(recorder: Recorder, tmp_path: Path, capsys: pytest.CaptureFixture[str]) -> None:
    """Inputs that were lost; a last line that is not whole."""
    path = tmp_path / "lost.jsonl"
    path.write_bytes(b"".join(sealed([*plain(recorder), lost(1234)])))
    assert main(["replay", str(path)]) == 0
    assert "At least 1,234 inputs were lost there" in capsys.readouterr().out
    path.write_bytes(b"".join(recorder.lines())[:-9])
    assert main(["replay", str(path)]) == 0
    assert "last line is not whole" in capsys.readouterr().out


def test_another_version_is_refused(recorder: Recorder, tmp_path: Path, capsys: pytest.CaptureFixture[str]) -> None:
    """By its name, with what to do; and replayed where that is wanted."""
    path = tmp_path / "other.jsonl"
    lines = plain(recorder)
    path.write_bytes(b"".join(sealed([json.dumps({**json.loads(lines[0]), "linkbalancer": "9.9"}), *lines[1:]])))

    assert main(["replay", str(path)]) == 2
    assert "was recorded by linkbalancer 9.9" in capsys.readouterr().err
    assert main(["replay", "--any-version", str(path)]) == 0


@pytest.mark.parametrize(
    ("content", "status", "words"),
    [
        (None, 2, "cannot read"),
        (b"", 1, "it has no line"),
        (b"hello\n", 1, "no recording of linkbalancer"),
        (b"\x1f\x8bnonsense", 1, "damaged"),
    ],
)
def test_another_file_is_refused(
    tmp_path: Path, capsys: pytest.CaptureFixture[str], content: bytes | None, status: int, words: str
) -> None:
    """In a sentence."""
    path = tmp_path / "file"
    if content is not None:
        path.write_bytes(content)

    assert main(["replay", str(path)]) == status
    assert words in capsys.readouterr().err


def test_a_directory_is_listed(file: Path, capsys: pytest.CaptureFixture[str]) -> None:
    """When each began, and with what; other files are left out."""
    (file.parent / "other.txt").write_text("x")
    (file.parent / "bad.jsonl").write_text("x")
    assert main(["replay", str(file.parent)]) == 0
    out = capsys.readouterr().out.splitlines()

    assert len(out) == 2
    assert out[1].endswith(str(file))
    assert [one["file"] for one in facts(capsys, str(file.parent))["recordings"]] == [str(file)]
    file.unlink()
    assert main(["replay", str(file.parent)]) == 0
    assert "no recording" in capsys.readouterr().out


def test_times_are_read(recorder: Recorder) -> None:
    """Of the day, of a date, after the beginning; a time of day is the first such after it."""
    head: Head = recorder.head
    began = time.localtime((head.at + head.wall) / 10**9)
    for text, after in (("+1.5s", 1_500_000_000), ("+20ms", 20_000_000), ("+2min", 120 * SECOND), ("+3", 3 * SECOND)):
        assert when(text)(head) == head.at + after
    hour = time.strftime("%H:%M:%S", time.localtime((head.at + head.wall) / 10**9 + 61))
    assert abs(when(f"{hour}.25")(head) - head.at - 61_250_000_000) < SECOND
    day = time.strftime("%Y-%m-%d", began)
    midnight = when(f"{day} 00:00")(head)
    assert midnight == when(f"{day}T00:00:00")(head) <= head.at < when("00:00")(head) == midnight + 86400 * SECOND
    for text in ("", "now", "25:00", "2026-13-01 03:00", "+x"):
        with pytest.raises(ArgumentTypeError, match="is no time"):
            when(text)
