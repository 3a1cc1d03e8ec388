"""A real notifier without a supervisor (`python -m tests.daemon.telling CONFIG RUN FD`), and whoever tells it."""

import os
import signal
import socket
import subprocess
import sys
from pathlib import Path
from typing import Any

from linkbalancer.config.load import load
from linkbalancer.daemon import notifier
from linkbalancer.daemon.lifeline import Lifeline
from linkbalancer.daemon.listening import bound
from linkbalancer.daemon.loop import boottime
from linkbalancer.daemon.mailbag import counts_of
from linkbalancer.daemon.recording import SOCKET, Recording, Told, understood
from tests.daemon.waiting import until

ROOT = Path(__file__).parents[2]

BASE = """\
node: b1
role: controller
links: {l1: {device: eth1, local: 10.1.0.1, peer: 10.1.0.2, insecure: true}}
groups:
  1: {device: eth0, link: l1, virtual_ips: [192.0.2.251/24]}
  2: {device: eth0, link: l1, virtual_ips: [192.0.2.252/24]}
applications: apps.conf
notifications:
"""


class Teller:
    """The notifier, those who tell it, and the recorder that it tells."""

    def __init__(self, directory: Path, *lines: str) -> None:
        """Write the configuration: `lines` are the notifications."""
        self.directory, self.run_dir = directory, directory / "run"
        self.run_dir.mkdir()
        (directory / "apps.conf").write_text("App=* * * * * * [1] name=all\n")
        self.configure(*lines)
        self.recorder = bound(self.run_dir / SOCKET, socket.SOCK_DGRAM)
        self.recorder.setsockopt(socket.SOL_SOCKET, socket.SO_RCVBUF, 1 << 22)
        self.recording = Recording(self.run_dir, "agent", boottime())
        self.records: list[Told] = []
        self.line: Lifeline
        self.process: subprocess.Popen[bytes] | None = None
        self._number = 0

    def configure(self, *lines: str) -> None:
        """Have other notifications for the next start."""
        (self.directory / "linkbalancer.yaml").write_text(BASE + "".join(f"  {line}\n" for line in lines))

    def start(self) -> "Teller":
        """Start a notifier, and wait until it works."""
        self.line, theirs = Lifeline.pair()
        words = [sys.executable, "-m", "tests.daemon.telling", str(self.directory / "linkbalancer.yaml")]
        with (self.directory / "log").open("ab") as log:
            self.process = subprocess.Popen(
                [*words, str(self.run_dir), str(theirs.fileno())],
                cwd=ROOT,
                pass_fds=[theirs.fileno()],
                stdout=log,
                stderr=log,
            )
        theirs.close()
        until(self._is_ready, 20)
        return self

    def _is_ready(self) -> bool:
        spoken = self.line.hear()
        return getattr(spoken, "word", None) == "ready"

    def told(self, text: str, subject: str = "VID 1", kind: str = "vid", **fields: str | int) -> None:
        """Have something happen."""
        self._number += 1
        self.recording.tell(kind, text, subject=subject, number=self._number, fields=fields)

    def flush(self) -> bool:
        """Have everything that happened arrive, as far as it is taken; return whether all is."""
        self.notified()
        self.recording.flush()
        return self.recording.deadline() is None

    def notified(self) -> list[Told]:
        """Return the records of tries so far."""
        while True:
            try:
                self.records += understood(self.recorder.recv(1 << 18))
            except BlockingIOError:
                return [one for one in self.records if one.kind == "notified"]

    def counts(self, name: str) -> dict[str, Any]:
        """Return how a notification goes."""
        return dict(counts_of(self.run_dir).get(name, {}))

    def say(self, word: str) -> int:
        """Tell the notifier to end; return its exit status."""
        assert self.process is not None
        self.line.say(word)
        status = self.process.wait(10)
        self.line.close()
        return status

    def kill(self) -> None:
        """Kill the notifier."""
        assert self.process is not None
        self.process.send_signal(signal.SIGKILL)
        self.process.wait(10)
        self.line.close()

    def close(self) -> None:
        """End everything."""
        if self.process is not None and self.process.poll() is None:
            self.kill()
        self.recording.close()
        self.recorder.close()


def main(config: str, run_dir: Path, descriptor: int) -> int:
    """Be the notifier."""
    os.environ.pop("JOURNAL_STREAM", None)
    lifeline = Lifeline(socket.socket(fileno=descriptor))

    def read(path: str) -> str:
        return Path(path).read_text()

    return notifier.run(load(config, read), read, lifeline, run_dir=run_dir)


if __name__ == "__main__":
    sys.exit(main(sys.argv[1], Path(sys.argv[2]), int(sys.argv[3])))
