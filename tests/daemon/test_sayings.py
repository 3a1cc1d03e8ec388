"""What the supervisor says, as the history gets it."""

from typing import Any, cast

from linkbalancer.daemon.line import Stream
from linkbalancer.daemon.recording import Recording
from linkbalancer.daemon.sayings import Sayings


class Told:
    """Takes lines and records; each record's number is its place."""

    def __init__(self) -> None:
        self.records: list[tuple[str, str, int | None]] = []
        self.levels: list[str] = []

    def write(self, level: str, _text: str, **_fields: object) -> None:
        """Take a line."""
        self.levels.append(level)

    def tell(self, kind: str, text: str, *, subject: str = "", cause: int | None = None, **_more: Any) -> int:
        """Take a record."""
        self.records.append((kind, f"{subject}: {text}", cause))
        return len(self.records) - 1


def test_a_reload_is_one_chain() -> None:
    """From what was asked for to how it ended; a death is none of it."""
    told = Told()
    say = Sayings(cast("Stream", told), cast("Recording", told)).say
    say("service", "ready", grave=False)
    say("service", "reload (apply by anna) is asked for", grave=False)
    say("service", "reloading", grave=False)
    say("app:web", "ended by signal 9", grave=True)
    say("service", "reload (apply by bob) is asked for", grave=False)
    say("service", "reload (apply by anna): refused after 3 ms; no such VID", grave=True)
    say("service", "ready", grave=False)
    assert [(kind, cause) for kind, _text, cause in told.records] == [
        ("service", None),
        ("service", None),
        ("service", 1),
        ("process", None),
        ("service", 1),
        ("service", 1),
        ("service", None),
    ]
    assert told.levels[3] == told.levels[5] == "warning"
