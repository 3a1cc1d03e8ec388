"""One decoder's fuzzing: a child, its corpus, and what became of it."""

import re
import subprocess
import sys
from dataclasses import dataclass
from pathlib import Path
from typing import Final

from tests.fuzz.found import decoder

ROOT: Final = Path(__file__).parents[2]
_LONGEST: Final = 4096
_HANGS_S: Final = 60
_MEMORY_MB: Final = 1024
_EXECUTIONS: Final = re.compile(r"stat::number_of_executed_units: (\d+)")
_DONE: Final = re.compile(r"^#(\d+)\s", re.MULTILINE)


@dataclass(frozen=True, slots=True)
class Outcome:
    """What a decoder withstood: executions, and, where it did not, the words and the bytes of its end."""

    name: str
    executions: int
    words: str = ""
    bytes_: bytes = b""

    @property
    def good(self) -> bool:
        """Whether nothing was raised, and nothing hung."""
        return not self.words

    def __str__(self) -> str:
        if self.good:
            return f"{self.name}: {self.executions} executions, nothing raised"
        return (
            f"{self.name}: FAILED after {self.executions} executions\n{self.words}\n"
            f"reproduce: python -c 'from tests.fuzz.found import decoder; "
            f'decoder("{self.name}").take(bytes.fromhex("{self.bytes_.hex()}"))\''
        )


class Session:
    """A running child. `directory` holds its corpus and its findings; `amount` is libFuzzer's option that ends it."""

    def __init__(self, name: str, directory: Path, amount: str, seed: int) -> None:
        self.name = name
        self._findings = directory / name / "findings"
        corpus = directory / name / "corpus"
        for one in (corpus, self._findings):
            one.mkdir(parents=True, exist_ok=True)
        for number, data in enumerate(decoder(name).seeds):
            (corpus / f"seed-{number}").write_bytes(data)
        options = [f"-max_len={_LONGEST}", f"-timeout={_HANGS_S}", f"-rss_limit_mb={_MEMORY_MB}", f"-seed={seed}"]
        options.append(f"-report_slow_units={_HANGS_S}")
        options += ["-print_final_stats=1", f"-artifact_prefix={self._findings}/", amount, str(corpus)]
        self._log = directory / name / "log"
        with self._log.open("wb") as log:
            words = [sys.executable, "-m", "tests.fuzz.child", name, *options]
            self._child = subprocess.Popen(words, cwd=ROOT, stdin=subprocess.DEVNULL, stdout=log, stderr=log)

    def running(self) -> bool:
        """Whether it goes on."""
        return self._child.poll() is None

    def stop(self) -> None:
        """End it."""
        self._child.kill()
        self._child.wait()

    def outcome(self) -> Outcome:
        """Wait for its end, and return what became of it."""
        status = self._child.wait()
        said = self._log.read_text(errors="replace")
        counted = _EXECUTIONS.search(said)
        executions = int(counted[1]) if counted else max(map(int, _DONE.findall(said)), default=0)
        found = sorted(self._findings.iterdir(), key=lambda path: path.stat().st_mtime)
        if status == 0 and not found:
            return Outcome(self.name, executions)
        data = found[-1].read_bytes() if found else b""
        return Outcome(self.name, executions, _ending(said) or f"it ended with status {status}", data)


def _ending(said: str) -> str:
    """Return the lines of a log that tell what went wrong: from the exception, or the hang, on."""
    lines = said.splitlines()
    marks = ("Uncaught Python exception", "ERROR: libFuzzer", "Traceback")
    begin = next((number for number, line in enumerate(lines) if any(mark in line for mark in marks)), None)
    return "" if begin is None else "\n".join(lines[begin : begin + 60])
