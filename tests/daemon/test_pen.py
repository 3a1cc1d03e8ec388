"""Changes of entries that the disk refuses for a while."""

from typing import Any, cast

from linkbalancer.daemon.configurations import Configurations, NotKeptError
from linkbalancer.daemon.logs import Log
from linkbalancer.daemon.pen import Pen


class Disk:
    """A store and a log at once; full while it is told so."""

    def __init__(self) -> None:
        """Have room."""
        self.full = False
        self.written: list[tuple[int, dict[str, Any]]] = []
        self.said: list[str] = []

    def change(self, number: int, **changes: object) -> None:
        """Write a change."""
        if self.full:
            raise NotKeptError("No space left on device")
        self.written.append((number, changes))

    def warning(self, _event: str, *, text: str) -> None:
        """Remember a line."""
        self.said.append(text)


def test_a_change_is_written_at_once_or_with_all_others_when_there_is_room() -> None:
    """Changes of one entry are joined; each is written once."""
    disk = Disk()
    pen = Pen(cast("Configurations", disk), cast("Log", disk))
    pen.change(1, {"state": "pending"})
    assert disk.written == [(1, {"state": "pending"})]

    disk.full = True
    pen.change(1, {"state": "good", "until": 5})
    pen.change(1, {"until": None})
    pen.change(2, {"state": "failed"})
    assert disk.said[0] == "its state is not written yet: No space left on device"

    disk.full = False
    pen.write()
    pen.write()
    assert disk.written[1:] == [(1, {"state": "good", "until": None}), (2, {"state": "failed"})]
