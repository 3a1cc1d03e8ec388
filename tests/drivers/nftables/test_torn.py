"""What nft reads when whoever loads is killed in the middle: all of it."""

import os
import signal
from pathlib import Path

import pytest

from linkbalancer.drivers.nftables import load
from tests.daemon.waiting import until

LATE = """\
#!/bin/sh
cd "$(dirname "$0")"
touch called
while [ ! -e go ]; do sleep 0.01; done
cat > next
mv next got
"""
"""A program of nft's name that begins to read when it may."""


def test_a_killed_loader_leaves_no_torn_text(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    """The first lines of a text may be good by themselves: `delete table`, and nothing that makes it anew."""
    late, text = tmp_path / "nft", "add table inet t\ndelete table inet t\n" + "# more\n" * 100_000
    late.write_text(LATE)
    late.chmod(0o755)
    monkeypatch.setenv("PATH", f"{tmp_path}:{os.environ['PATH']}")
    loader = os.fork()
    if loader == 0:
        try:
            load.load(text)
        finally:
            os._exit(1)
    until((tmp_path / "called").exists)
    os.kill(loader, signal.SIGKILL)
    os.waitpid(loader, 0)
    (tmp_path / "go").touch()
    until((tmp_path / "got").exists)

    assert (tmp_path / "got").read_text() == text
