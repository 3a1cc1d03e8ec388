"""A program on a terminal of its own, for tests that press keys and read what is shown."""

import contextlib
import os
import pty
import select
import subprocess
import sys
import time
from pathlib import Path

ROOT = Path(__file__).parents[2]


class Terminal:
    """`linkbalancer` with some words on a new terminal, as its session's leader."""

    def __init__(self, *words: str, **environment: str) -> None:
        """Start it."""
        command = ["setsid", "--ctty", sys.executable, "-m", "linkbalancer", *words]
        variables = {**os.environ, "TERM": "xterm", "PYTHONPATH": str(ROOT), **environment}
        self._terminal, end = pty.openpty()
        self.process = subprocess.Popen(command, stdin=end, stdout=end, stderr=end, env=variables)
        os.close(end)
        self.shown = ""
        self._seen = 0

    def expect(self, text: str, seconds: float = 20) -> str:
        """Read until a text is shown that was not expected before; return what came up to its end."""
        end = time.monotonic() + seconds
        while text not in self.shown[self._seen :]:
            assert time.monotonic() < end, f"not shown: {text!r} in {self.shown!r}"
            assert self._read(0.1), f"it ended without {text!r}: {self.shown!r}"
        start, self._seen = self._seen, self.shown.index(text, self._seen) + len(text)
        return self.shown[start : self._seen]

    def send(self, text: str) -> None:
        """Press keys."""
        os.write(self._terminal, text.encode())

    def answer(self, asked: str, letter: str) -> None:
        """Wait for a question, then answer it."""
        self.expect(asked)
        self.expect("? ")
        self.send(f"{letter}\n")

    def hang_up(self) -> None:
        """Take the terminal away."""
        os.close(self._terminal)

    def wait(self, seconds: float = 20) -> int:
        """Read to the end; return the exit status."""
        end = time.monotonic() + seconds
        while self._read(0.1):
            assert time.monotonic() < end, f"it goes on: {self.shown!r}"
        return self.reap(end - time.monotonic())

    def reap(self, seconds: float = 20) -> int:
        """Wait for the end without reading; return the exit status."""
        return self.process.wait(seconds)

    def kill(self) -> None:
        """Kill it, if it runs."""
        self.process.kill()
        self.process.wait()

    def _read(self, seconds: float) -> bool:
        """Read what there is; False at the end."""
        ready, _, _ = select.select([self._terminal], [], [], seconds)
        if not ready:
            return True
        with contextlib.suppress(OSError):
            data = os.read(self._terminal, 65_536)
            self.shown += data.decode(errors="replace").replace("\r\n", "\n")
            return bool(data)
        return False
