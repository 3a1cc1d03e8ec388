"""What the history is told of what people have this gateway do."""

from typing import Any

from linkbalancer.clock import MILLISECOND
from linkbalancer.daemon.deeds import Deeds


class Told:
    """Takes what is told."""

    def __init__(self) -> None:
        self.texts: list[tuple[str, str]] = []
        self.follows: list[Any] = []

    def __call__(self, kind: str, text: str, *, follows: Any = None, **_more: Any) -> None:
        """Take it."""
        self.texts.append((kind, text))
        self.follows.append(follows)


def in_force(**changes: Any) -> dict[str, Any]:
    """Return what is told of a configuration in force."""
    return {"entry": 7, "how": "apply", "who": "anna", "confirm_left_ms": None} | changes


def test_configurations() -> None:
    """With who, how, what changed and for how long; each below the reload that did it."""
    told = Told()
    deeds = Deeds(told)
    deeds.applied(in_force(), "application ssh new: VIDs 1 2")
    deeds.applied(in_force(confirm_left_ms=300_000), "")
    deeds.applied(in_force(entry=None), "")
    deeds.back(6)
    assert told.texts == [
        ("config", "configuration 7 came into force (apply by anna): application ssh new: VIDs 1 2"),
        ("config", "configuration 7 came into force (apply by anna, on trial for 5 min 00 s)"),
        ("config", "a configuration that could not be kept came into force (apply by anna)"),
        ("config", "configuration 6 is in force again"),
    ]
    assert all(one == {"teller": "supervisor", "subject": "service"} for one in told.follows)


def test_the_end_of_a_trial() -> None:
    """It follows from nothing but somebody's word, or time."""
    told = Told()
    Deeds(told).confirmed(7, "anna")
    Deeds(told).taken_back(7, "it was not confirmed within 10 s")
    assert [text for _, text in told.texts] == [
        "configuration 7 confirmed by anna",
        "configuration 7 is taken back: it was not confirmed within 10 s",
    ]
    assert told.follows == [None, None]


def test_drains() -> None:
    """Below what the agent has told of it."""
    told = Told()
    Deeds(told).drained("link l1", [], 340 * MILLISECOND)
    Deeds(told).drained("VID 3", [3], 2340 * MILLISECOND)
    Deeds(told).not_drained("this gateway", "no other gateway took VID 3; it is taken back")
    assert told.texts == [
        ("drain", "link l1 stays drained, after 340 ms"),
        ("drain", "VID 3 stays drained, after 2.34 s; no other gateway has taken VID 3"),
        ("drain", "this gateway is not drained: no other gateway took VID 3; it is taken back"),
    ]
    assert told.follows[0] == {"kind": "drained", "subject": "link l1"}
