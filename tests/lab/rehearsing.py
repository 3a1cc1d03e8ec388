"""Running the drill as people do, and reading what it found."""

import json
import subprocess
import sys
from pathlib import Path
from typing import Any

from linkbalancer.lab.judge import judge


def rehearsed(example: Path, report: Path, *options: str, limit_s: int = 240) -> dict[str, Any]:
    """Run a drill that must be good, and return its report."""
    words = [sys.executable, "-m", "linkbalancer", "drill", str(example), "--output", str(report), *options]
    done = subprocess.run(words, capture_output=True, text=True, timeout=limit_s, check=False)

    assert 0 == done.returncode, done.stdout + done.stderr
    found: dict[str, Any] = json.loads(report.read_text())
    assert [] == judge(found) == found["failures"]
    return found
