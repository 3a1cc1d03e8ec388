"""What an agent and the recorder say to one another of a flight recording, and what they must not say."""

from dataclasses import replace

import pytest

from linkbalancer.config.load import Loaded, load
from linkbalancer.daemon.flightline import HeadPart, Lines, head_of, lines_of, understood, without_notifications
from linkbalancer.engine.flight.inputs import RecordingError
from linkbalancer.engine.flight.tape import Head, Tape
from linkbalancer.sim.shape import Shape
from tests.engine.flight.flown import sealed

SHAPE = Shape()
NOTIFIED = """\
notifications:
  pager:
    # who has this can page us
    webhook: {url: "https://hooks.example.net/T0/secret-token"}

  log:
    syslog: {}
"""


def configured(more: str, *, before: bool = False) -> Loaded:
    """Return b1's configuration with more in its text."""
    text = more + SHAPE.text("b1") if before else SHAPE.text("b1") + more
    texts = {"linkbalancer.yaml": text, "apps.conf": SHAPE.rules()}
    return replace(load("linkbalancer.yaml", texts.__getitem__), texts=texts)


def head(loaded: Loaded) -> Head:
    """Return a head of a configuration."""
    return Head(
        node="b1", at=5, wall=0, begins="start", seed="", path=loaded.path, texts=loaded.texts, keys={}, passwords={}
    )


def test_lines_and_heads_are_understood() -> None:
    """Of a segment, with a number; anything else says nothing."""
    assert understood(lines_of(7, 3, ["[1]", "[2]"])) == Lines(7, 3, b"[1]\n[2]\n")
    assert understood(b'{"segment":7,"part":0,"parts":1,"keep":3}\nx') == HeadPart(7, 0, 1, 3, b"x")
    for data in (b"", b"{}", b"7\n", b'{"segment":7}\n', b'{"segment":7,"part":0,"parts":99999999,"keep":1}\n'):
        assert understood(data) is None


@pytest.mark.parametrize("before", [False, True])
def test_notifications_are_not_recorded(*, before: bool) -> None:
    """They may hold secrets; the other lines keep their numbers."""
    loaded = configured(NOTIFIED, before=before)
    assert loaded.config.notifications
    line = head_of(head(loaded), loaded)
    told = Tape(sealed([line])).head
    text = told.texts["linkbalancer.yaml"]

    assert "secret-token" not in line
    assert text.count("\n") == loaded.texts["linkbalancer.yaml"].count("\n")
    assert told.loaded().config == loaded.config.model_copy(update={"notifications": {}})
    assert told.wall > 10**18


def test_without_notifications_a_text_stays() -> None:
    """Every line of it."""
    assert without_notifications(SHAPE.text("b1")) == SHAPE.text("b1")


def test_what_cannot_be_told_apart_is_not_recorded() -> None:
    """A configuration in one pair of braces: rather nothing than a secret."""
    loaded = configured("")
    flow = replace(
        loaded, texts={**loaded.texts, "linkbalancer.yaml": loaded.texts["linkbalancer.yaml"] + "start_delay: 1s\n"}
    )
    with pytest.raises(RecordingError, match="write it in block style"):
        head_of(head(flow), flow)


def test_the_files_of_sets_are_recorded() -> None:
    """Without them the rules would not be the same when they are read again."""
    texts = {
        "linkbalancer.yaml": SHAPE.text("b1"),
        "apps.conf": SHAPE.rules() + "App=@file:far.txt * * * 9 udp [1] name=far\n",
        "far.txt": "10.1.0.0/16\n",
    }
    loaded = replace(load("linkbalancer.yaml", texts.__getitem__), texts=texts)
    told = Tape(sealed([head_of(head(loaded), loaded)])).head

    assert told.texts["far.txt"] == "10.1.0.0/16\n"
    assert told.loaded().rules == loaded.rules
