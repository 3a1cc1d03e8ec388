"""An order to a gateway whose service has only just been started."""

import socket
import threading
import time
from pathlib import Path

import pytest

from linkbalancer.lab import draining
from linkbalancer.lab.errors import LabError


def test_an_order_waits_for_who_takes_it(tmp_path: Path) -> None:
    """The socket comes a moment after the order; it is given all the same."""
    path = tmp_path / "control.sock"

    def serve() -> None:
        time.sleep(0.15)
        with socket.socket(socket.AF_UNIX) as listener:
            listener.bind(str(path))
            listener.listen()
            accepted, _ = listener.accept()
            with accepted, accepted.makefile("rwb") as file:
                file.readline()
                file.write(b'{"ok": true}\n')

    server = threading.Thread(target=serve)
    server.start()
    assert draining.ordered(path, {"verb": "drain"}) == {"ok": True}
    server.join()


def test_nobody_is_waited_for_for_ever(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    """It says who does not answer."""
    monkeypatch.setattr(draining, "PATIENCE_S", 0.1)

    with pytest.raises(LabError, match=r"no answer from .*nobody"):
        draining.ordered(tmp_path / "nobody", {})
