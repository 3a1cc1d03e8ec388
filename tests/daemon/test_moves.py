"""What an application process tells of flows that were left after a deletion."""

from pathlib import Path
from typing import Any

import pytest

from linkbalancer.daemon import moves
from linkbalancer.engine.sweeping import Remains
from linkbalancer.routing.marks import Marks


class Told:
    """A recording that keeps what it is told."""

    def __init__(self, *_how: object) -> None:
        """Know nothing yet."""
        self.kind, self.text, self.words = "", "", dict[str, Any]()

    def tell(self, kind: str, text: str, **words: object) -> None:
        """Keep it."""
        self.kind, self.text, self.words = kind, text, words


@pytest.mark.parametrize(("flows", "fields"), [(3, {"flows": 3}), (None, {})])
def test_what_was_left_is_told_with_its_application_and_vid(
    monkeypatch: pytest.MonkeyPatch, flows: int | None, fields: dict[str, int]
) -> None:
    """How many there were, where that is known; below the application's move."""
    told = Told()
    monkeypatch.setattr(moves, "Recording", lambda *_how: told)
    moves.Moves(Path("run"), "app:web", Marks(), 1).remained(Remains(2, 7, flows, final=True), "web")
    assert told.kind == "left"
    assert "of web on VID 7" in told.text
    assert told.words == {
        "subject": "web",
        "follows": {"kind": "application", "app": "web"},
        "fields": {"app": "web", "vid": 7, **fields},
    }
