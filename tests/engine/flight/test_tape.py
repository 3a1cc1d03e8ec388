"""A recording's file: sums, ends, and what another program wrote."""

import json
from collections.abc import Mapping
from dataclasses import replace
from typing import Any

import pytest

from linkbalancer import __version__
from linkbalancer.engine.flight.chance import RepeatedChance
from linkbalancer.engine.flight.inputs import Input, RecordingError
from linkbalancer.engine.flight.seed import Start, dump_start
from linkbalancer.engine.flight.tape import Lost, Tape, lost
from linkbalancer.engine.found import Found
from linkbalancer.links import GroupId
from linkbalancer.sim.shape import Shape
from tests.engine.flight.flown import Recorder, config_of, flown, keys_of, sealed


@pytest.fixture(scope="module")
def recorder() -> Recorder:
    """Return a recording of some seconds of b1."""
    with flown(Shape(), 2) as flights:
        flights.world.start()
        flights.world.run(3000)
        recorder = flights.record("b1")
        flights.world.run(1000)
    return recorder


@pytest.fixture(scope="module")
def lines(recorder: Recorder) -> list[str]:
    """Return its lines without the sum."""
    return [line.decode().rstrip("\n") for line in recorder.lines()[:-1]]


def changed(lines: list[str], **fields: object) -> list[str]:
    """Return a recording with another head."""
    return [json.dumps({**json.loads(lines[0]), **fields}), *lines[1:]]


def test_it_is_read_as_it_was_written(recorder: Recorder) -> None:
    """The head, every input, datagrams with tags that are true again, and the agent."""
    tape = recorder.tape()
    items = list(tape.items())

    assert tape.head == recorder.head
    assert (tape.cut, tape.unsealed) == (0, 0)
    assert [(one.now, type(one.event)) for one in items if isinstance(one, Input)] == [
        (now, type(event)) for now, event, _effects in recorder.inputs
    ]
    agent = tape.agent(RepeatedChance())
    assert agent.config.node == "b1"
    received = [agent.handle(one.now, one.event) for one in items[:1] if isinstance(one, Input)]
    assert received is not None


def test_an_agents_start_is_a_beginning(recorder: Recorder) -> None:
    """It is made with the draws of then, and with no others."""
    with flown(Shape(), 2) as flights:
        node = flights.world.nodes["b1"]
    config, keys = config_of(node.shape, "b1"), keys_of(node)
    start = Start({"app1": 2, "app2": 3, "rest": 4}, 7, 10**12, Found(), (5,))
    agent = start.agent(config, keys, node.chance)
    begun = Recorder(agent, config, 10**12, keys=keys, start=start)

    assert begun.tape().agent(RepeatedChance()).config.node == "b1"
    assert begun.head.begins == "start"
    without = replace(recorder.head, begins="start", seed=dump_start(replace(start, draws=())))
    with pytest.raises(RecordingError, match="a random number is drawn where none was"):
        Tape(sealed([without.line()])).agent(RepeatedChance())


def test_passwords_have_stand_ins(recorder: Recorder) -> None:
    """A group that had a password has the stand-in."""
    head = replace(recorder.head, passwords={"1": "stand000"})

    assert Tape(sealed([head.line()])).head.loaded().passwords == {GroupId(1): b"stand000"}


def test_what_was_lost_is_said(lines: list[str]) -> None:
    """So many inputs, at their place."""
    items = list(Tape(sealed([lines[0], lost(12), *lines[1:]])).items())

    assert items[0] == Lost(12)


def test_a_last_line_that_is_not_whole_is_left_out(recorder: Recorder) -> None:
    """Whoever wrote it was killed: everything before it is there."""
    whole = recorder.lines()
    cut = Tape([*whole[:-1], whole[-1][:-5]])

    assert (cut.cut, cut.unsealed) == (len(whole[-1]) - 5, len(whole) - 1)
    assert len(list(cut.items())) == len(recorder.inputs)


def test_an_edited_line_is_found(recorder: Recorder) -> None:
    """Whatever was changed, added or taken away before the last sum."""
    whole = recorder.lines()
    edited = whole[3].replace(b"[", b"[1", 1)
    for lines in ([*whole[:3], edited, *whole[4:]], [*whole[:3], *whole[4:]], [*whole[:3], whole[2], *whole[3:]]):
        with pytest.raises(RecordingError, match="damaged or edited"):
            Tape(lines)


@pytest.mark.parametrize(
    ("data", "words"),
    [
        ([], "it has no line"),
        ([b"cut"], "it has no line"),
        ([b"hello\n"], "it is no JSON"),
        ([b"[]\n"], "its first line is no head"),
        ([b'{"a": 1}\n'], "its first line is no head"),
        ([b"[" * 10_000 + b"\n"], "it is no JSON"),
    ],
)
def test_another_file_is_no_recording(data: list[bytes], words: str) -> None:
    """It is said what it lacks."""
    with pytest.raises(RecordingError, match=words):
        Tape(data)


def test_damage_has_its_line(lines: list[str]) -> None:
    """Which line is no JSON."""
    with pytest.raises(RecordingError, match="line 2 is damaged"):
        Tape([f"{lines[0]}\n".encode(), b"{\n"])


@pytest.mark.parametrize(
    ("fields", "words"),
    [
        ({"format": 2, "linkbalancer": "9.9"}, "of linkbalancer 9.9, whose recordings are of format 2"),
        ({"at": "x"}, "its head makes no sense"),
        ({"seed": 7}, "its head makes no sense"),
        ({"texts": []}, "its head makes no sense"),
        ({"more": 1}, "its head makes no sense"),
    ],
)
def test_a_head_that_makes_no_sense_is_refused(lines: list[str], fields: Mapping[str, Any], words: str) -> None:
    """Another format names the version that reads it."""
    with pytest.raises(RecordingError, match=words):
        Tape(sealed(changed(lines, **fields)))


@pytest.mark.parametrize(
    ("fields", "words"),
    [
        ({"texts": {}}, "its configuration cannot be read"),
        ({"texts": {"linkbalancer.yaml": "node: b1\n"}}, "its configuration cannot be read"),
        ({"passwords": {"x": "y"}}, "its configuration cannot be read"),
        ({"seed": "x"}, "the agent that it begins with cannot be made"),
    ],
)
def test_a_beginning_that_makes_no_sense_is_refused(lines: list[str], fields: Mapping[str, Any], words: str) -> None:
    """In a sentence."""
    with pytest.raises(RecordingError, match=words):
        Tape(sealed(changed(lines, **fields))).agent(RepeatedChance())


@pytest.mark.parametrize("line", ["7", '{"lost": true}', '{"lost": "x"}', "{}", '"x"'])
def test_a_line_of_no_kind_is_refused(lines: list[str], line: str) -> None:
    """It is shown."""
    with pytest.raises(RecordingError, match="there is no line such as"):
        list(Tape(sealed([*lines, line])).items())


def test_the_version_is_told(recorder: Recorder) -> None:
    """Whoever reads it decides whether that matters."""
    assert recorder.tape().head.version == __version__
