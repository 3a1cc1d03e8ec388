"""What the supervisor says: a line in the log, and a record; what a reload or an upgrade does is one chain of them."""

from typing import Final

from linkbalancer.daemon.line import Stream
from linkbalancer.daemon.recording import Recording
from linkbalancer.engine.watchdog import SERVICE

_BEGINS: Final = " is asked for"
_ENDS: Final = (": applied after", ": unchanged after", ": refused after", ": failed after")


class Sayings:
    """Where the supervisor's lines go."""

    def __init__(self, stream: Stream, recording: Recording) -> None:
        self._stream, self._recording = stream, recording
        self._asked: int | None = None

    def say(self, name: str, text: str, *, grave: bool) -> None:
        """Tell a line of a process, or of the service."""
        self._stream.write("warning" if grave else "info", text, process=name)
        if name != SERVICE:
            self._recording.tell("process" if grave else "service", text, subject=name)
            return
        number = self._recording.tell("service", text, subject=name, cause=self._asked)
        if self._asked is None and text.endswith(_BEGINS):
            self._asked = number
        elif any(word in text for word in _ENDS):
            self._asked = None
