"""HTTP: a web page beyond the gateway; what a captive portal gives in its place has another status."""

import re
from typing import Final

from linkbalancer.config.upstream import HttpProbe as Settings
from linkbalancer.host.probes.asking import Answer, Connecting, Path

_STATUS: Final = re.compile(rb"HTTP/1\.[01] ([1-5][0-9]{2})[ \r\n]")
_LINE_MAX: Final = 1024
_GOOD: Final = range(200, 400)


class PageProbe(Connecting):
    """One page; only the first line of the answer is looked at."""

    def __init__(self, path: Path, settings: Settings) -> None:
        super().__init__(path)
        assert settings.server is not None, "the configuration says where it is"
        self._server, self._port, self._status = settings.server, settings.port, settings.status
        host = settings.host if settings.port == 80 else f"{settings.host}:{settings.port}"
        self._request = (
            f"GET {settings.path} HTTP/1.1\r\nHost: {host}\r\nUser-Agent: linkbalancer\r\nConnection: close\r\n\r\n"
        ).encode()
        self._answer = b""

    def begin(self) -> None:
        """Begin to connect; raises OSError."""
        self._answer = b""
        self.connect(self._server, self._port)

    def ready(self) -> Answer | None:
        """Ask when it is connected, and return the answer when there is one; raises OSError."""
        if self.writes:
            self.connected()
            self.opened.send(self._request)
            self.writes = False
            return None
        try:
            some = self.opened.recv(_LINE_MAX)
        except BlockingIOError:
            return None
        self._answer += some
        match = _STATUS.match(self._answer)
        if match is None:
            over = not some or len(self._answer) > _LINE_MAX or b"\n" in self._answer
            return Answer(passed=False, text="answers, but not as HTTP does") if over else None
        status = int(match[1])
        good = status in _GOOD if self._status is None else status == self._status
        return Answer(good, f"status {status}")
