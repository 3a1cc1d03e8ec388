"""Flight recordings on disk: whole up to the last fraction of a second, bounded, and for those who may read them."""

import gzip
from collections.abc import Iterator
from pathlib import Path

import pytest

from linkbalancer.daemon import flightfiles
from linkbalancer.daemon.flightfiles import FlightFiles, recordings
from linkbalancer.daemon.flightline import lines_of
from linkbalancer.engine.flight.tape import Lost, Tape, lost
from linkbalancer.sim.replay import Replay
from linkbalancer.sim.shape import Shape
from tests.engine.flight.flown import Recorder, flown


@pytest.fixture(scope="module")
def recorder() -> Recorder:
    """Return a recording of some seconds of b1."""
    with flown(Shape(), 2) as flights:
        flights.world.start()
        flights.world.run(3000)
        recorder = flights.record("b1")
        flights.world.run(1000)
    return recorder


class Desk:
    """A writer without its thread, and the lines that it said."""

    def __init__(self, folder: Path) -> None:
        self.folder, self.said = folder, list[str]()
        self.files = FlightFiles(folder, "no-such-group", self.said.append)

    def head(self, segment: int, recorder: Recorder, *, keep: int = 3, size: int = 1000) -> None:
        """Send a recording's head, its parts backwards."""
        line = recorder.lines()[0]
        parts = [line[at : at + size] for at in range(0, len(line), size)]
        for number, part in reversed(list(enumerate(parts))):
            about = f'{{"segment":{segment},"part":{number},"parts":{len(parts)},"keep":{keep}}}\n'
            self.files.take(about.encode() + part)

    def inputs(self, segment: int, recorder: Recorder, *, number: int = 0, share: slice = slice(None)) -> None:
        """Send inputs of a recording."""
        lines = [line.decode().rstrip("\n") for line in recorder.lines()[1:-1]]
        self.files.take(lines_of(segment, number, lines[share]))

    def paths(self) -> list[Path]:
        """Return what is in the folder."""
        return recordings(self.folder)


@pytest.fixture
def desk(tmp_path: Path) -> Iterator[Desk]:
    """Return a writer."""
    desk = Desk(tmp_path / "flight")
    yield desk
    desk.files.close()


def read(path: Path) -> Tape:
    """Return a recording of a file."""
    with gzip.open(path) if path.suffix == ".gz" else path.open("rb") as file:
        return Tape(list(file))


def test_what_is_told_can_be_replayed(desk: Desk, recorder: Recorder) -> None:
    """The head comes later than the first inputs; what comes after it is written at once."""
    desk.inputs(5, recorder, share=slice(0, 10))
    desk.files.write()
    assert not desk.folder.exists()
    desk.head(5, recorder)
    desk.files.write()
    desk.inputs(5, recorder, number=1, share=slice(10, None))
    desk.files.write()
    (path,) = desk.paths()
    tape = read(path)
    steps = list(Replay(tape).steps())

    assert len(steps) == len(recorder.inputs)
    assert not any(step.differs for step in steps)
    assert (tape.unsealed, tape.cut) == (0, 0)
    assert (path.stat().st_mode & 0o777, desk.folder.stat().st_mode & 0o777) == (0o640, 0o750)
    assert desk.said == []


def test_a_new_recording_compresses_the_one_before_and_removes_the_oldest(desk: Desk, recorder: Recorder) -> None:
    """So many are kept, the present one included; the present one alone is plain text."""
    for segment in range(1, 6):
        desk.head(segment, recorder)
        desk.inputs(segment, recorder)
        desk.files.write()
    paths = desk.paths()

    assert [path.name.endswith(".gz") for path in paths] == [True, True, False]
    assert all(len(list(read(path).items())) == len(recorder.inputs) for path in paths)
    assert [path.stat().st_mode & 0o777 for path in paths] == [0o640] * 3
    assert not [path for path in desk.folder.iterdir() if path.name.startswith(".")]


def test_the_last_inputs_of_a_recording_are_its_own(desk: Desk, recorder: Recorder) -> None:
    """What is told together with the next one's head is written first; what was lost is said."""
    desk.head(1, recorder)
    desk.files.write()
    desk.inputs(1, recorder, share=slice(0, 5))
    desk.files.take(lines_of(1, 1, [lost(9)]))
    desk.head(2, recorder)
    desk.inputs(1, recorder, number=2)
    desk.files.write()

    assert list(read(desk.paths()[0]).items())[-1] == Lost(9)


def test_a_gap_ends_a_recording(desk: Desk, recorder: Recorder) -> None:
    """It is said; what comes after it belongs to nothing."""
    desk.head(1, recorder)
    desk.inputs(1, recorder, share=slice(0, 5))
    desk.files.write()
    desk.inputs(1, recorder, number=2)
    desk.files.take(b"nonsense")
    desk.files.write()
    *items, last = read(desk.paths()[0]).items()

    assert 0 < len(items) < len(recorder.inputs)
    assert last == Lost(1)


def test_a_head_that_never_comes_leaves_nothing(
    desk: Desk, recorder: Recorder, monkeypatch: pytest.MonkeyPatch
) -> None:
    """What waits for it is bounded."""
    monkeypatch.setattr(flightfiles, "KEPT", 5_000)
    desk.inputs(1, recorder)
    desk.files.write()
    desk.inputs(1, recorder, number=1)
    desk.inputs(1, recorder, number=2)
    desk.files.write()
    desk.head(1, recorder)
    desk.files.write()

    assert not desk.folder.exists()


def test_a_disk_that_refuses_is_said_once(desk: Desk, recorder: Recorder) -> None:
    """Nothing else suffers, and the next recording is tried."""
    desk.folder.write_text("in the way")
    for segment in (1, 2):
        desk.head(segment, recorder)
        desk.inputs(segment, recorder)
        desk.files.write()
    assert len(desk.said) == 1
    assert "cannot be written" in desk.said[0]
    desk.folder.unlink()
    desk.head(3, recorder)
    desk.inputs(3, recorder)
    desk.files.write()

    assert "can be written again" in desk.said[1]
    assert len(desk.paths()) == 1


def test_last_words_are_taken_once_and_in_their_place(desk: Desk, recorder: Recorder) -> None:
    """What was received in time is not written twice, and what has a gap before it is no recording's."""
    lines = [line.decode().rstrip("\n") for line in recorder.lines()[1:-1]]
    desk.head(1, recorder)
    desk.inputs(1, recorder, share=slice(None, 10))
    desk.files.write()
    words = [lines_of(1, number, lines[10:12]).replace(b"}", b',"last":true}', 1) for number in (0, 2, 1, 1)]
    for data in words:
        desk.files.take(data)
        desk.files.write()
    desk.files.close()
    tape = Tape(desk.paths()[0].read_bytes().splitlines(keepends=True))
    whole = Tape([recorder.lines()[0], *(f"{line}\n".encode() for line in lines[:12])])

    assert list(tape.items()) == list(whole.items())
